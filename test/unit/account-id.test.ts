import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AccountName } from '../../src/ledger/domain/index.js';
import { accountId, BUCKETS, bucketOf } from '../../src/ledger/store/index.js';

const anyOwner = fc
  .tuple(fc.constantFrom('user', 'org'), fc.string({ minLength: 1, maxLength: 200 }))
  .map(([kind, id]) => `${kind}:${id}`);
const anyName = fc.tuple(fc.constantFrom('USD', 'tokens'), anyOwner).map(([unit, owner]) => `${unit} ${owner}`);
const anyProbe = fc.integer({ min: 0, max: 2 ** 31 });

describe("an account's id", () => {
  // They stand in the rows of every ledger: another way to make them would not find an account again.
  it.each<[AccountName, probe: number, id: number]>([
    ['USD user:42', 0, 3225158002362943],
    ['tokens user:42', 0, 1502021704157759],
    ['USD org:acme', 0, 3645631923860826],
    ['USD org:acme', 1, 3645631923864922],
  ])('of %s, after %d that were taken, is %d today and for ever', (name, probe, id) => {
    expect(accountId(name, probe)).toBe(id);
  });

  it('is one that JSON, SQLite and a BIGINT all hold exactly, and not the 0 that names no account', () => {
    fc.assert(
      fc.property(anyName, anyProbe, (name, probe) => {
        const id = accountId(name as AccountName, probe);
        return Number.isSafeInteger(id) && id > 0 && id < 2 ** 53;
      }),
    );
  });

  it("lies in its owner's bucket, whatever the unit and however often it was taken", () => {
    fc.assert(
      fc.property(anyOwner, anyProbe, (owner, probe) => {
        const bucket = bucketOf(accountId(`USD ${owner}`));
        expect(bucket).toBeLessThan(BUCKETS);
        expect(bucketOf(accountId(`tokens ${owner}`))).toBe(bucket);
        expect(bucketOf(accountId(`USD ${owner}`, probe))).toBe(bucket);
      }),
    );
  });

  it('is another one in another unit, and for another owner', () => {
    const owners = Array.from({ length: 10_000 }, (_, i) => `user:${i}`);
    const ids = owners.flatMap((owner) => [accountId(`USD ${owner}`), accountId(`tokens ${owner}`)]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('goes on to the next when it is taken, and begins again after the last', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const probes = Array.from({ length: 8 }, (_, probe) => accountId(name as AccountName, probe));
        expect(new Set(probes).size).toBe(8);
        // As many ids as 40 bits have lie in one bucket.
        expect(accountId(name as AccountName, 2 ** 40)).toBe(probes[0]);
      }),
    );
  });

  it('spreads owners over all buckets, so that no lane gets much more than its share', () => {
    const quarters = [0, 0, 0, 0];
    for (let i = 0; i < 10_000; i++) quarters[Math.floor((4 * bucketOf(accountId(`USD user:${i}`))) / BUCKETS)]! += 1;
    for (const owners of quarters) expect(Math.abs(owners - 2_500)).toBeLessThan(250);
  });
});
