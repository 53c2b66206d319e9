/** The ledger took nothing; the same operation may be sent again. Its message is for the client. */
export class LedgerUnavailable extends Error {}

/** An earlier attempt may have been committed, and the last one failed for another reason. */
export class OutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super('the outcome of a commit is not known', { cause });
  }
}
