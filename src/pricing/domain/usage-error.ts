/** The most tokens or calls that one count may say, so that sums of counts stay exact. */
export const MAX_COUNT = 1_000_000_000_000;

/** Usage that is malformed, contradicts itself, or amounts to nothing or to too much. */
export class UsageError extends Error {
  /** @param field below `usage`, for example `raw.prompt_tokens`; empty: the usage as a whole */
  constructor(
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}
