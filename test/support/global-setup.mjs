import { ensureBuilt } from '../../scripts/ensure-built.mjs';

/** The tests drive the built server, so that what they prove is what runs. */
export default function globalSetup() {
  ensureBuilt();
}
