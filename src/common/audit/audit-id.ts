import { randomBytes } from 'node:crypto';

let last = 0;
let count = 0;

/** The id and the time of a new record: a UUIDv7, in which those of one process and millisecond are counted. */
export function newAuditId(now = Date.now()): { readonly id: string; readonly at: number } {
  // The clock may be set back, or the count be used up: ids go on rising all the same.
  count = now > last ? 0 : count + 1;
  last = Math.max(now, last);
  if (count > 0xfff) {
    count = 0;
    last += 1;
  }
  const random = randomBytes(8);
  random[0] = (random[0]! & 0x3f) | 0x80;
  const tail = random.toString('hex');
  const version = (0x7000 + count).toString(16);
  return { id: `${firstAuditId(last)}-${version}-${tail.slice(0, 4)}-${tail.slice(4)}`, at: last };
}

/** What sorts before every id of a time and after every id of an earlier one. */
export function firstAuditId(time: number): string {
  const milliseconds = Math.max(0, time).toString(16).padStart(12, '0');
  return `${milliseconds.slice(0, 8)}-${milliseconds.slice(8)}`;
}
