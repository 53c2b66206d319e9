import type { QueryRunner } from 'typeorm';
import { RepricingRow, ReversalRow } from '../store/index.js';
import type { Replay } from './replay.js';

export type Fail = (what: string) => never;

/** What is known of corrections beside their entries follows from the entries. */
export async function verifyCorrections(
  runner: QueryRunner,
  accountId: number,
  replay: Replay,
  fail: Fail,
): Promise<void> {
  await verifyReversals(runner, accountId, replay, fail);
  await verifyRepricings(runner, accountId, replay, fail);
}

/** What was reversed of each entry is the sum of its reversals. */
async function verifyReversals(runner: QueryRunner, accountId: number, replay: Replay, fail: Fail): Promise<void> {
  const must = new Map(replay.reversed);
  for (const { sequence, amount } of await runner.manager.findBy(ReversalRow, { accountId })) {
    if (must.get(sequence) !== amount)
      fail(`${amount} of entry ${sequence} was reversed, its reversals make ${must.get(sequence) ?? 0}`);
    must.delete(sequence);
  }
  for (const [sequence] of must) fail(`the sum of the reversals of entry ${sequence} is missing`);
}

/** Each spending that raised another's price is known to be one, and nothing else is. */
async function verifyRepricings(runner: QueryRunner, accountId: number, replay: Replay, fail: Fail): Promise<void> {
  const must = new Map(replay.repricings);
  for (const { sequence, repricing } of await runner.manager.findBy(RepricingRow, { accountId })) {
    if (must.get(repricing) !== sequence) fail(`entry ${repricing} is said to reprice ${sequence}, and does not`);
    must.delete(repricing);
  }
  for (const [repricing, sequence] of must) fail(`the repricing of entry ${sequence} by entry ${repricing} is missing`);
}
