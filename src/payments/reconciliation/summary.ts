/** An event can be listed a little later than it is dated. */
export const OVERLAP_MS = 10 * 60_000;
/** So many rows and events are looked at together. */
export const PAGE = 100;

/** How far to look. */
export interface ReconciliationOptions {
  /** Look at what has happened since then; milliseconds since 1970. */
  readonly since: number;
  /** Change nothing, only say what would be changed. */
  readonly dryRun: boolean;
  /** Besides unfinished purchases and events, list what the provider has and hold the ledger against it. */
  readonly thorough: boolean;
  /** Leave alone what was looked at after this. */
  readonly untouchedSince: number;
  /** At most so many unfinished purchases. */
  readonly limit?: number;
}

/** What was found. */
export interface ReconciliationSummary {
  /** Purchases without an end that were looked at. */
  unfinished: number;
  /** Refunds whose answer was lost. */
  refunds: number;
  /** Events that the provider lists. */
  events: number;
  /** Those of them that never came. */
  missed: number;
  /** Sessions and reversed payments that the provider lists. */
  listed: number;
  /** What was changed, or would be. */
  changes: string[];
  /** What a person has to look at. */
  problems: string[];
}
