/** An error for a terminal. What was foreseen bears a code and says all in its message; a stack is for the rest. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? error.message : (error.stack ?? error.message);
}
