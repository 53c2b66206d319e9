/**
 * The ledger gave no answer. The operation may have been committed: the same one may be sent again under its key. Its
 * message is for the client.
 */
export class LedgerUnavailable extends Error {}

/** An earlier attempt may have been committed, and the last one failed for another reason. */
export class OutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super('the outcome of a commit is not known', { cause });
  }
}
