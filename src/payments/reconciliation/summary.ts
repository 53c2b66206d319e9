/** An event can be listed a little later than it is dated. */
export const OVERLAP_MS = 10 * 60_000;
/** The number of rows or events handled at a time. */
export const PAGE = 100;

/** The scope of a round. */
export interface ReconciliationOptions {
  /** Look at events and changes since then; milliseconds since 1970. */
  readonly since: number;
  /** Change nothing, and report the changes that a real run would make. */
  readonly dryRun: boolean;
  /**
   * Besides settling unfinished purchases and fetching events, list the provider's sessions and reversals and audit the
   * ledger.
   */
  readonly thorough: boolean;
  /** Skip purchases and refunds that changed after this time. */
  readonly untouchedSince: number;
  /** The most unfinished purchases to settle; by default all. */
  readonly limit?: number;
}

/** The result of a round. */
export interface ReconciliationSummary {
  /** Unfinished purchases that were looked at. */
  unfinished: number;
  /** Refunds without an answer that were taken up again. */
  refunds: number;
  /** Events that the provider lists. */
  events: number;
  /** Listed events that the webhook had not received. */
  missed: number;
  /** Sessions and reversed payments that the provider lists. */
  listed: number;
  /** The changes made, or to be made. */
  changes: string[];
  /** The problems that a person must look at. */
  problems: string[];
}
