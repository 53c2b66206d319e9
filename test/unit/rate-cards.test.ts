import { describe, expect, it } from '@jest/globals';
import type { Jobs } from '../../src/common/jobs/index.js';
import type { NewRateCard, RateCardStore } from '../../src/pricing/cards/rate-card.store.js';
import { RateCards } from '../../src/pricing/cards/rate-cards.js';
import { cardOf } from '../support/rate-cards.js';

/** A table in memory that counts how often a body is read. */
function table() {
  const rows: NewRateCard[] = [];
  const add = (requestId: string) => rows.push({ requestId, effectiveFrom: rows.length + 1 } as NewRateCard);
  const heads = () => rows.map((row, i) => ({ ...row, version: i + 1 }));
  const reads: number[] = [];
  const fail = { next: false };
  const store = {
    newest: () => Promise.resolve(rows.length),
    heads: () => Promise.resolve(heads()),
    body: async (version: number) => {
      reads.push(version);
      await Promise.resolve();
      if (fail.next) throw new Error(`the database is away ${(fail.next = false)}`);
      return version > rows.length ? undefined : cardOf({ notes: [rows[version - 1]!.requestId] });
    },
    make: ({ requestId }: NewRateCard) => Promise.resolve({ head: heads()[add(requestId) - 1], replayed: false }),
  };
  const cards = new RateCards(store as unknown as RateCardStore, { add: () => undefined } as unknown as Jobs);
  const make = (requestId: string) => cards.make({ requestId } as NewRateCard);
  return { rows, reads, fail, cards, make };
}

describe('a rate card that is not in force any more', () => {
  it('is read and compiled once for all who ask at once', async () => {
    const { cards, make, reads } = table();
    for (const name of ['a', 'b']) await make(name);
    reads.length = 0;
    const found = await Promise.all(Array.from({ length: 100 }, () => cards.card(1)));
    expect([new Set(found).size, found[0]!.version, reads]).toEqual([1, 1, [1]]);
  });

  it('is asked for again when it could not be read, and when there was none', async () => {
    const { cards, make, fail, reads } = table();
    for (const name of ['a', 'b']) await make(name);
    fail.next = true;
    await expect(cards.card(1)).rejects.toThrow('away');
    expect((await cards.card(1))!.version).toBe(1);
    reads.length = 0;
    for (let i = 0; i < 2; i++) expect(await cards.card(3)).toBeUndefined();
    expect(reads).toEqual([3, 3]);
  });

  it('stays known when there is a new card, unless a failover lost it and another one has its version', async () => {
    const { cards, make, rows } = table();
    for (const name of ['a', 'b', 'c']) await make(name);
    const [first, second] = [await cards.card(1), await cards.card(2)];
    rows[1] = { ...rows[1]!, requestId: 'another b' };
    await make('d');
    expect(await cards.card(1)).toBe(first);
    expect((await cards.card(2))!.body.notes).toEqual(['another b']);
    expect(second!.body.notes).toEqual(['b']);
  });
});
