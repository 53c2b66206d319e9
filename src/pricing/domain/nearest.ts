const MOST = 3;
/** The letters of a name that take part. */
const LONGEST = 64;
const FARTHEST = 6;
/** How many pairs of letters one search compares at most: some tenths of a millisecond. */
const MAX_WORK = 30_000;

/** A name as it is compared, and the id that it stands for. */
interface Known {
  readonly plain: string;
  readonly id: string;
  /** See `lettersOf`. */
  readonly letters: number;
}

/** Finds the names that are most like one that is not known. */
export class NearestNames {
  private readonly byLength = Array.from({ length: LONGEST + 1 }, (): Known[] => []);

  /** @param names names, each with the id that it stands for */
  constructor(names: Iterable<readonly [string, string]>) {
    for (const [name, id] of names) {
      const plain = plainOf(name);
      this.byLength[plain.length]!.push({ plain, id, letters: lettersOf(plain) });
    }
  }

  /**
   * The ids whose names are most like the unknown one, the nearest first, at most three. The provider before a slash
   * and capitals do not matter. A name is near when at most a quarter of its letters differs, and six letters. The
   * search begins at the likeliest names and ends early where thousands are much alike.
   */
  find(unknown: string): string[] {
    const wanted = plainOf(unknown);
    const best: [distance: number, id: string][] = [];
    let farthest = Math.min(FARTHEST, Math.max(2, Math.floor(wanted.length / 4)));
    work = 0;
    const likely = this.byLeastEdits(wanted, farthest);
    for (let least = 0; least <= farthest; least++)
      for (const known of likely[least]!) {
        if (work > MAX_WORK) return best.map(([, id]) => id);
        const distance = editDistance(...withoutEnds(wanted, known.plain), farthest);
        if (distance > farthest) continue;
        insert(best, distance, known.id);
        if (best.length === MOST) farthest = best[MOST - 1]![0];
      }
    return best.map(([, id]) => id);
  }

  /** The names by how many edits they need at least, up to `most`: cheap to say, and the nearest are soon found. */
  private byLeastEdits(wanted: string, most: number): Known[][] {
    const likely = Array.from({ length: most + 1 }, (): Known[] => []);
    const letters = lettersOf(wanted);
    for (let length = Math.max(0, wanted.length - most); length <= wanted.length + most; length++)
      for (const known of this.byLength[length] ?? [])
        likely[Math.max(Math.abs(length - wanted.length), unlike(letters, known.letters))]?.push(known);
    return likely;
  }
}

/** Keeps the best ids in their order, each once. */
function insert(best: [number, string][], distance: number, id: string): void {
  const same = best.findIndex((each) => each[1] === id);
  if (same >= 0 && best[same]![0] <= distance) return;
  if (same >= 0) best.splice(same, 1);
  best.push([distance, id]);
  best.sort(([near, a], [far, b]) => near - far || (a < b ? -1 : 1));
  best.splice(MOST);
}

function plainOf(name: string): string {
  return name
    .slice(name.lastIndexOf('/') + 1)
    .toLowerCase()
    .slice(0, LONGEST);
}

/** A bit for each letter of a name, by its code; codes that are 32 apart share one. */
function lettersOf(plain: string): number {
  let bits = 0;
  for (let i = 0; i < plain.length; i++) bits |= 1 << plain.charCodeAt(i);
  return bits;
}

/** How many edits two names need at least, by the letters that only one of them has. */
function unlike(a: number, b: number): number {
  const [mine, theirs] = [ones(a & ~b), ones(b & ~a)];
  return mine > theirs ? mine : theirs;
}

function ones(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count++;
  return count;
}

/** Two texts without the beginning and the end that they share, which do not change their distance. */
function withoutEnds(a: string, b: string): [string, string] {
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a.charCodeAt(start) === b.charCodeAt(start)) start++;
  let end = 0;
  while (end < shorter - start && a.charCodeAt(a.length - 1 - end) === b.charCodeAt(b.length - 1 - end)) end++;
  return [a.slice(start, a.length - end), b.slice(start, b.length - end)];
}

const row = new Uint8Array(LONGEST + 1);
/** The pairs of letters that the search under way has compared. */
let work = 0;

/**
 * How many letters must be inserted, deleted or replaced to make one text of the other; anything above `most` when it
 * is more. It looks only at the cells that can be within `most` of the diagonal, and stops when none is.
 */
function editDistance(a: string, b: string, most: number): number {
  const far = most + 1;
  if (Math.abs(a.length - b.length) > most) return far;
  for (let j = 0; j <= b.length; j++) row[j] = Math.min(j, far);
  for (let i = 1; i <= a.length; i++) {
    const [from, to] = [Math.max(1, i - most), Math.min(b.length, i + most)];
    work += 1 + to - from;
    const letter = a.charCodeAt(i - 1);
    let diagonal = row[from - 1]!;
    let left = from === 1 ? Math.min(i, far) : far;
    let best = left;
    row[from - 1] = left;
    for (let j = from; j <= to; j++) {
      const above = j === i + most ? far : row[j]!;
      const replaced = diagonal + (letter === b.charCodeAt(j - 1) ? 0 : 1);
      diagonal = row[j]!;
      // Math.min costs several times as much here.
      const changed = (above < left ? above : left) + 1;
      left = replaced < changed ? replaced : changed;
      row[j] = left;
      if (left < best) best = left;
    }
    if (best > most) return far;
  }
  return row[b.length]!;
}
