import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AccountName,
  type Action,
  decide,
  type Group,
  type Operation,
  statusAt,
  UNITS,
} from '../../src/ledger/domain/index.js';
import { MemoryTables } from '../support/memory-tables.js';
import { type Expected, NaiveLedger, plainly } from '../support/naive-ledger.js';
import { funding, refunding, spending, stored } from '../support/posting.js';

const START = Date.UTC(2026, 3, 15, 23, 59);
const ACCOUNTS: readonly AccountName[] = ['USD user:1', 'USD user:2', 'USD org:3'];
/** `FAST_CHECK_RUNS` makes a soak of it, and `FAST_CHECK_SEED` repeats one. */
const runs = Number(process.env['FAST_CHECK_RUNS'] ?? 300);
const seed = process.env['FAST_CHECK_SEED'];
const parameters = { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) };

/** Small, because the naive ledger keeps every unit. */
const amount = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 0.5, -3, 2 ** 53, UNITS.USD.limit + 1) },
);
const anyStored = amount.map(stored);
const anyNumber = fc.integer({ min: 1, max: 9 });
const anyTerms = fc.record({
  priority: fc.constantFrom(50, 50, 10),
  category: fc.constantFrom('paid', 'promotional'),
  expiresIn: fc.constantFrom(undefined, 1_000, 60_000),
});
/** Of the account of the operation, which is not known yet. */
const anyHold = fc.integer({ min: 1, max: 6 }).map((number) => ({ accountId: 0, number }));
const anyAction: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(amount, anyTerms).map(([value, terms]) => funding(value, terms)) },
  { weight: 4, arbitrary: amount.map((value) => spending(value)) },
  { weight: 2, arbitrary: amount.map((value) => refunding(-value)) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      amount: anyStored,
      description: fc.constant(null),
      metadata: fc.constant(null),
      agent: fc.constantFrom(null, 'researcher'),
      runId: fc.constant(null),
      model: fc.constant(null),
      expiresIn: fc.integer({ min: 1, max: 5_000 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('capture' as const),
      hold: anyHold,
      type: fc.constant('debit' as const),
      amount: fc.oneof(fc.integer({ min: 1, max: 10 }).map(stored), anyStored),
      final: fc.boolean(),
      description: fc.constant(null),
      model: fc.constantFrom(null, 'large'),
    }),
  },
  { weight: 2, arbitrary: anyHold.map((hold): Action => ({ kind: 'release', hold })) },
  { weight: 1, arbitrary: anyNumber.map((grant): Action => ({ kind: 'void', grant, description: 'x' })) },
  {
    weight: 1,
    arbitrary: anyNumber.map((grant): Action => {
      return { kind: 'extend', grant, type: 'deposit', expiresAt: START + 100_000, description: 'x' };
    }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(anyNumber, fc.option(anyStored)).map(([entry, value]): Action => {
      return { kind: 'reverse', entry, amount: value, description: 'x' };
    }),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(anyNumber, anyStored).map(([entry, price]): Action => {
      return { kind: 'reprice', entry, price, pricing: '{}', description: 'x' };
    }),
  },
);

/** An operation without an identity, which is given when it is sent. */
interface Draft {
  account: AccountName;
  action: Action;
  key: number | null;
}
const newDraft: fc.Arbitrary<Draft> = fc.record({
  account: fc.constantFrom(...ACCOUNTS),
  action: anyAction,
  key: fc.option(fc.integer({ min: 0, max: 9 }), { freq: 2 }),
});
/** Few enough to meet again: requests that are sent twice, alone, in one batch or inside a group. */
const USUAL: Draft[] = fc.sample(
  newDraft.filter(({ key }) => key !== null),
  { numRuns: 15, seed: 1 },
);
const anyDraft = fc.oneof(newDraft, fc.constantFrom(...USUAL));
/** One operation, or several under a claim that are done together or not at all. */
const newGroup = fc
  .tuple(
    fc.constantFrom(...ACCOUNTS),
    fc.option(fc.integer({ min: 0, max: 4 })),
    fc.array(anyDraft, { minLength: 1, maxLength: 5 }),
  )
  .map(([account, key, items]): Draft[] => [{ account, action: { kind: 'claim' }, key }, ...items]);
const USUAL_GROUPS = fc.sample(
  newGroup.filter(([claim]) => claim?.key !== null),
  { numRuns: 6, seed: 2 },
);
/** A freeze or its end, which has no key. */
const anyMark = fc
  .tuple(fc.constantFrom(...ACCOUNTS), fc.constantFrom('why', null))
  .map(([account, frozen]): Draft[] => [{ account, action: { kind: 'mark', frozen }, key: null }]);
const anyGroup = fc.oneof(
  { weight: 1, arbitrary: anyMark },
  { weight: 5, arbitrary: anyDraft.map((draft) => [draft]) },
  { weight: 1, arbitrary: newGroup },
  { weight: 1, arbitrary: fc.constantFrom(...USUAL_GROUPS) },
);

/** The engine over tables in memory: what one batch writes, the next one reads. */
class Engine {
  readonly tables = new MemoryTables();
  private given = 0;

  constructor() {
    for (const name of ACCOUNTS) this.tables.accountId(name);
  }

  /**
   * As the service and the lane do it: without a key of the client's an operation has its place under the key of the
   * whole, or none.
   */
  address(groups: readonly (readonly Draft[])[]): Group[] {
    return groups.map((group) => {
      const whole = JSON.stringify(group);
      const wholeKey = group.length > 1 ? group[0]!.key : null;
      return group.map(({ account, action, key }, i): Operation => ({
        account,
        scope: action.kind === 'open' ? 'hold' : action.kind,
        key: key !== null ? `k${key}` : wholeKey !== null ? `k${wholeKey} ${i}` : undefined,
        hash: action.kind === 'claim' ? whole : JSON.stringify(action),
        traceId: `t${this.given++}`,
        actor: account,
        action:
          'hold' in action
            ? { ...action, hold: { ...action.hold, accountId: this.tables.accountId(account) } }
            : action,
      }));
    });
  }

  run(groups: readonly Group[], now: number): Expected[][] {
    const { answers, effects } = decide(this.tables.load(groups, now), groups, now);
    this.tables.write(effects, { bucket: 0, id: 'model', number: 0, version: 1e9 + this.given++ }, now);
    return answers!.map((each) => each.map(plainly));
  }
}

interface Model {
  ledger: NaiveLedger;
  now: number;
}

/** What both show of the accounts, and whether a hold that no batch has met has expired. */
function expectSame({ ledger, now }: Model, { tables }: Engine): void {
  expect(tables.problems()).toEqual([]);
  for (const name of ACCOUNTS) {
    expect(tables.show(name)).toEqual(ledger.show(name));
    expect(tables.holdsOf(tables.accountId(name)).map((hold) => statusAt(hold, now))).toEqual(
      ledger.account(name).holds.map((hold) => ledger.status(hold, now)),
    );
  }
}

/** Groups of operations that meet in one batch. */
class Transact implements fc.Command<Model, Engine> {
  constructor(private readonly groups: readonly Draft[][]) {}
  check = () => true;
  run(model: Model, engine: Engine): void {
    const groups = engine.address(this.groups);
    expect(engine.run(groups, model.now)).toEqual(model.ledger.run(groups, model.now));
    expectSame(model, engine);
  }
  toString = () => `Transact(${JSON.stringify(this.groups)})`;
}

/** The clock goes on, or jumps, also backwards. */
class Wait implements fc.Command<Model, Engine> {
  constructor(private readonly milliseconds: number) {}
  check = () => true;
  run(model: Model, engine: Engine): void {
    model.now += this.milliseconds;
    expectSame(model, engine);
  }
  toString = () => `Wait(${this.milliseconds})`;
}

/** A batch without an operation, as the sweep sends it. */
class Sweep implements fc.Command<Model, Engine> {
  constructor(private readonly account: AccountName) {}
  check = () => true;
  run(model: Model, engine: Engine): void {
    const groups = engine.address([[{ account: this.account, action: { kind: 'claim' }, key: null }]]);
    expect(engine.run(groups, model.now)).toEqual(model.ledger.run(groups, model.now));
    expectSame(model, engine);
    for (const hold of engine.tables.openHolds(engine.tables.accountId(this.account)))
      expect(statusAt(hold, model.now)).toBe('open');
  }
  toString = () => `Sweep(${this.account})`;
}

describe('the engine against a naive ledger', () => {
  it('answers and stands the same after any sequence of batches, groups, waits and sweeps', () => {
    const commands = fc.commands(
      [
        fc.array(anyGroup, { minLength: 1, maxLength: 6 }).map((groups) => new Transact(groups)),
        fc.array(anyGroup, { minLength: 1, maxLength: 6 }).map((groups) => new Transact(groups)),
        fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.constantFrom(-2_000, 86_400_000)).map((ms) => new Wait(ms)),
        fc.constantFrom(...ACCOUNTS).map((id) => new Sweep(id)),
      ],
      { maxCommands: 40, size: '+1' },
    );
    fc.assert(
      fc.property(commands, (all) => {
        fc.modelRun(() => ({ model: { ledger: new NaiveLedger(), now: START }, real: new Engine() }), all);
      }),
      parameters,
    );
  });

  it('comes to the same in one batch as group by group', () => {
    fc.assert(
      fc.property(fc.array(anyGroup, { maxLength: 20 }), fc.array(anyGroup, { maxLength: 30 }), (before, groups) => {
        const [together, apart] = [new Engine(), new Engine()];
        for (const engine of [together, apart]) engine.run(engine.address(before), START);
        const [all, each] = [together.address(groups), apart.address(groups)];
        expect(together.run(all, START + 2_000)).toEqual(each.map((group) => apart.run([group], START + 2_000)[0]));
        for (const name of ACCOUNTS) {
          const id = together.tables.accountId(name);
          expect(together.tables.show(name)).toEqual(apart.tables.show(name));
          expect(together.tables.entriesOf(id)).toEqual(apart.tables.entriesOf(id));
        }
      }),
      parameters,
    );
  });
});
