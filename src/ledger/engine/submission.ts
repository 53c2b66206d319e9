import type { Tx } from '../../common/database/index.js';
import type { Answer, Operation } from '../domain/index.js';

/**
 * Operations on their way into the ledger, which are done together or not at all; of several, the first is the claim of
 * them all.
 */
export interface Submission {
  readonly operations: readonly [Operation, ...Operation[]];
  /**
   * Runs in the transaction that writes the entry, or remembers that usage is parked, with the answer to the operation,
   * which may be a replay; the error that it throws undoes the operation. Such a submission has a batch to itself.
   */
  readonly attach?: (tx: Tx, answer: Answer) => Promise<void>;
}

/** For each submission of a batch, an answer for each of its operations. */
export type Answers = readonly (readonly Answer[])[];
