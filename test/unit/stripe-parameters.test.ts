import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { deriveParameters, parameterProblem, PARAMETERS_FILE, readParameters } from '../support/stripe-parameters.js';

describe("the fake Stripe's parameters", () => {
  it("are those of the SDK's types (`npm run stripe-parameters` renews them)", () => {
    expect(readFileSync(PARAMETERS_FILE, 'utf8')).toBe(deriveParameters());
  });

  const problem = (form: string) =>
    parameterProblem(readParameters()['POST /v1/checkout/sessions'], new URLSearchParams(form));

  it.each([
    ['mode=payment&line_items[0][quantity]=1', undefined],
    ['mode=buy', 'Invalid mode: "buy"'],
    ['payment_method_types[0]=card', 'Received unknown parameter: payment_method_types'],
    ['line_items[0][quantity]=1.5', 'Invalid line_items[0][quantity]: "1.5"'],
    ['line_items[0][price_data][unit_amount]=9000', 'Missing required param: line_items[0][price_data][currency]'],
    ['automatic_tax[enabled]=yes', 'Invalid automatic_tax[enabled]: "yes"'],
    ['metadata[purchase_id][nested]=1', 'Invalid metadata[purchase_id]: {"nested":"1"}'],
    ['expand=payment_intent', 'Invalid expand: "payment_intent"'],
  ])('%s', (form, expected) => {
    expect(problem(form)).toBe(expected);
  });
});
