const MOST = 3;
const LONGEST = 100;

/**
 * The ids whose names are most like the one that is not known, the nearest first, at most three. A name that differs
 * in more than a third of its letters is not near.
 * @param names names, each with the id that it stands for
 */
export function nearest(unknown: string, names: Iterable<readonly [string, string]>): string[] {
  const wanted = unknown.toLowerCase().slice(0, LONGEST);
  const farthest = Math.max(2, Math.floor(wanted.length / 3));
  const found = new Map<string, number>();
  for (const [name, id] of names) {
    const distance = Math.min(
      editDistance(wanted, name.toLowerCase(), farthest),
      editDistance(withoutProvider(wanted), withoutProvider(name.toLowerCase()), farthest),
    );
    if (distance <= farthest && distance < (found.get(id) ?? Infinity)) found.set(id, distance);
  }
  return [...found]
    .sort(([a, near], [b, far]) => near - far || (a < b ? -1 : 1))
    .slice(0, MOST)
    .map(([id]) => id);
}

function withoutProvider(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

const row = new Uint8Array(LONGEST + 1);

/**
 * How many letters must be inserted, deleted or replaced to make one text of the other; anything above `most` when it
 * is more than that. It looks only at the cells that can be within `most`, and stops when none is.
 */
function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  for (let j = 0; j <= b.length; j++) row[j] = Math.min(j, most + 1);
  for (let i = 1; i <= a.length; i++) {
    const [from, to] = [Math.max(1, i - most), Math.min(b.length, i + most)];
    let diagonal = row[from - 1]!;
    row[from - 1] = from === 1 ? Math.min(i, most + 1) : most + 1;
    let best = row[from - 1]!;
    for (let j = from; j <= to; j++) {
      const above = j === i + most ? most + 1 : row[j]!;
      const replaced = diagonal + (a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? 0 : 1);
      diagonal = row[j]!;
      row[j] = Math.min(replaced, above + 1, row[j - 1]! + 1, most + 1);
      if (row[j]! < best) best = row[j]!;
    }
    if (best > most) return most + 1;
  }
  return row[b.length]!;
}
