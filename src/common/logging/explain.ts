/**
 * An error for a terminal. A foreseen error has a code and a message that says everything; all others show their stack.
 */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? error.message : (error.stack ?? error.message);
}
