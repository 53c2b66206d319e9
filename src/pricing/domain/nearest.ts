const MOST = 3;
const LONGEST = 100;
const FARTHEST = 6;

/**
 * The ids whose names are most like the one that is not known, the nearest first, at most three. The provider before
 * a slash and capitals do not matter. A name is near when at most a quarter of its letters differs, and six letters.
 * @param names names, each with the id that it stands for
 */
export function nearest(unknown: string, names: Iterable<readonly [string, string]>): string[] {
  const wanted = plain(unknown).slice(0, LONGEST);
  const farthest = Math.min(FARTHEST, Math.max(2, Math.floor(wanted.length / 4)));
  const found = new Map<string, number>();
  for (const [name, id] of names) {
    const distance = editDistance(wanted, plain(name), farthest);
    if (distance <= farthest && distance < (found.get(id) ?? Infinity)) found.set(id, distance);
  }
  return [...found]
    .sort(([a, near], [b, far]) => near - far || (a < b ? -1 : 1))
    .slice(0, MOST)
    .map(([id]) => id);
}

function plain(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).toLowerCase();
}

const row = new Uint8Array(LONGEST + 1);

/**
 * How many letters must be inserted, deleted or replaced to make one text of the other; `most + 1` when it is more
 * than `most`. It looks only at the cells that can be within `most` of the diagonal, and stops when none is.
 */
function editDistance(a: string, b: string, most: number): number {
  const far = most + 1;
  if (Math.abs(a.length - b.length) > most) return far;
  for (let j = 0; j <= b.length; j++) row[j] = Math.min(j, far);
  for (let i = 1; i <= a.length; i++) {
    const [from, to] = [Math.max(1, i - most), Math.min(b.length, i + most)];
    const letter = a.charCodeAt(i - 1);
    let diagonal = row[from - 1]!;
    let left = from === 1 ? Math.min(i, far) : far;
    let best = left;
    row[from - 1] = left;
    for (let j = from; j <= to; j++) {
      const above = j === i + most ? far : row[j]!;
      const replaced = diagonal + (letter === b.charCodeAt(j - 1) ? 0 : 1);
      diagonal = row[j]!;
      left = Math.min(replaced, above + 1, left + 1, far);
      row[j] = left;
      if (left < best) best = left;
    }
    if (best > most) return far;
  }
  return row[b.length]!;
}
