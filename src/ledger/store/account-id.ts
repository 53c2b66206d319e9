import { createHash } from 'node:crypto';
import { type AccountName, ownerAndUnit } from '../domain/index.js';

/** How many buckets the accounts fall into. A bucket never lies on two shards. */
export const BUCKETS = 4096;

/**
 * The id of an account: 40 bits of a hash of its name, and then 12 bits of its owner's bucket, so that all of an
 * owner's accounts fall into one and no table has to count. Two names can have one id; the later one then takes the
 * next.
 * @param probe how many ids before it were another's
 */
export function accountId(name: AccountName, probe = 0): number {
  const ofName = (hash(name).readUIntBE(0, 5) + probe) % 2 ** 40;
  return ofName * BUCKETS + (hash(ownerAndUnit(name).owner).readUInt16BE() % BUCKETS);
}

/** The bucket of an account's owner. */
export function bucketOf(id: number): number {
  return id % BUCKETS;
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
