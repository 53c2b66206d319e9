import { beforeEach, describe, expect, it } from '@jest/globals';
import { type AuditRecord, newAuditId } from '../../src/common/audit/index.js';
import type { AccountName, Action, Answer } from '../../src/ledger/domain/index.js';
import { Process, World } from '../support/lane-world.js';
import { FOR_NOTHING, funding, operationOn, spending, stored } from '../support/posting.js';
import { Random } from '../support/random.js';
import { Story } from '../support/story.js';

const ADA: AccountName = 'USD user:ada';
const OPEN: Action = {
  kind: 'open',
  amount: stored(1),
  description: null,
  metadata: null,
  ...FOR_NOTHING,
  expiresIn: 60_000,
};
const RECORD: AuditRecord = {
  ...newAuditId(),
  actor: 'admin:root',
  action: 'credits.deposit',
  account: 'user:ada',
  target: '1',
  before: null,
  after: null,
  traceId: 't',
  clientAddress: '::1',
};
const FREEZE: Action = { kind: 'mark', frozen: 'why' };

describe('a frozen account', () => {
  let story: Story;
  let account: number;
  const act = (action: Action, more = {}): any => story.one(ADA, action, more);

  beforeEach(() => {
    story = new Story();
    account = story.tables.accountId(ADA);
    act(funding(100));
  });

  it('spends and opens nothing, and takes in and captures all the same', () => {
    act(OPEN);
    act(FREEZE);
    for (const action of [spending(1), OPEN])
      expect(act(action).outcome).toMatchObject({ status: 'refused', rejection: { reason: 'frozen', why: 'why' } });
    const hold = { accountId: account, number: 1 };
    const capture: Action = {
      kind: 'capture',
      hold,
      type: 'debit',
      amount: stored(1),
      final: true,
      description: null,
      model: null,
    };
    expect(act(capture).outcome.status).toBe('posted');
    expect(act(funding(1)).outcome.status).toBe('posted');
    act({ kind: 'mark', frozen: null });
    expect(act(spending(1)).outcome.status).toBe('posted');
  });

  it('remembers no refusal, not even that of a group', () => {
    act(FREEZE);
    const keyed = { key: 'k', hash: 'h' };
    const group = () =>
      story.together([
        operationOn(ADA, { kind: 'claim' }, { key: 'g', hash: 'h' }),
        operationOn(ADA, spending(1), { key: 'g 0', hash: 'h' }),
      ]);
    expect(act(spending(1), keyed).outcome.status).toBe('refused');
    expect(group()).toMatchObject([
      { outcome: { rejection: { reason: 'group', because: { reason: 'frozen' } } } },
      { outcome: { rejection: { reason: 'frozen' } } },
    ]);
    act({ kind: 'mark', frozen: null });
    expect(act(spending(1), keyed)).toMatchObject({ outcome: { status: 'posted' }, replayed: false });
    expect(group()).toMatchObject([{ outcome: { status: 'claimed' } }, { outcome: { status: 'posted' } }]);
  });

  it('leaves one record in the audit for each change, and none for what changes nothing', () => {
    const audit = ({ before, after }: any) => ({
      ...RECORD,
      ...newAuditId(),
      before: before.frozen,
      after: after.frozen,
    });
    const records = (action: Action) =>
      story
        .batch([[operationOn(ADA, action, { audit })]])
        .effects.audit.map((row) => ({ before: (row as AuditRecord).before, after: (row as AuditRecord).after }));
    expect(records(FREEZE)).toEqual([{ before: null, after: 'why' }]);
    expect(records(FREEZE)).toEqual([]);
    expect(records({ kind: 'mark', note: 'x' })).toEqual([{ before: 'why', after: 'why' }]);
    expect(records(spending(1))).toEqual([]);
    expect(records({ kind: 'mark', frozen: null })).toEqual([{ before: 'why', after: null }]);
  });
});

it('leaves no record of a group that is undone, and one of an operation that is asked for twice in a batch', () => {
  const story = new Story();
  const audit = () => RECORD;
  const deposit = operationOn(ADA, funding(1), { audit, key: 'k', hash: 'h' });
  const undone = [operationOn(ADA, { kind: 'claim' }), { ...deposit, key: 'l' }, operationOn(ADA, spending(5))];
  expect(story.batch([[deposit], undone, [deposit]]).effects.audit).toEqual([RECORD]);
});

describe('a freeze on one of two servers', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('lets no debit pass that is decided after it (seed %i)', async (seed) => {
    const world = new World(new Random(seed));
    const servers = [await Process.start(world), await Process.start(world)];
    const submit = (server: Process, action: Action): Promise<readonly Answer[]> =>
      server.lanes.submit({ operations: [operationOn(ADA, action)] });
    let frozenAfter: number | undefined;
    let answered = false;
    const late: Answer[] = [];
    const debit = async (server: Process) => {
      for (let i = 0; i < 20; i++) {
        const asLate = frozenAfter !== undefined;
        const [answer] = await submit(server, spending(1));
        if (asLate) late.push(answer!);
      }
    };
    const all = (async () => {
      await submit(servers[0]!, funding(1_000));
      const debits = servers.flatMap((server) => [debit(server), debit(server)]);
      for (let i = 0; i < 30; i++) await world.pause();
      await servers[1]!.lanes.submit({ operations: [operationOn(ADA, { kind: 'claim' }), operationOn(ADA, FREEZE)] });
      frozenAfter = world.committed.length;
      await Promise.all(debits);
      answered = true;
    })();
    // A server waits a moment by the real clock before it tries again.
    void (async () => {
      while (!answered) await world.pause();
    })();
    await world.run(() => answered);
    await all;
    expect(world.committed.slice(frozenAfter).flatMap(({ entries }) => entries)).toEqual([]);
    expect(late.length).toBeGreaterThan(0);
    expect(new Set(late.map(({ outcome }) => (outcome as any).status))).toEqual(new Set(['refused']));
    expect(world.tables.problems()).toEqual([]);
  });
});
