// Writes test/support/stripe-parameters.json from the SDK's own types, for the fake Stripe to hold requests against:
// npm run stripe-parameters
import { writeFileSync } from 'node:fs';
import { deriveParameters, PARAMETERS_FILE } from '../test/support/stripe-parameters.js';

writeFileSync(PARAMETERS_FILE, deriveParameters());
