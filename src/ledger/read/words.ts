/**
 * Folds the case of text. Lower case comes first: only there is the Kelvin sign a k. Upper case comes last: only there
 * the two small sigmas are one letter, and ß is SS.
 */
function foldCase(text: string): string {
  return text.toLowerCase().toUpperCase();
}

/** The words that a text is searched for; white space separates them. */
export function wordsOf(search: string): string[] {
  return foldCase(search)
    .split(/\s+/u)
    .filter((word) => word !== '');
}

/** Whether each of the words of `wordsOf` is somewhere in a text, without regard to case. */
export function hasWords(text: string | null, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const folded = foldCase(text ?? '');
  return words.every((word) => folded.includes(word));
}
