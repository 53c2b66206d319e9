// The daily work: the runs of agents, and the credits and tokens that are bought when they run out.
import type { Who } from '../../test/support/tokens.js';
import { type Customer, CUSTOMERS, HERO, RUNS_A_DAY } from './cast.js';
import { buy } from './purchases.js';
import type { Simulation } from './simulation.js';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The run of the documentation's examples, on the last day of the month. */
export const EXAMPLE_RUN = 4521;
/** When it takes place, in milliseconds before the month's end. */
export const EXAMPLE_RUN_BEFORE_END = 9 * HOUR + 47 * MINUTE;

const AGENTS = ['researcher', 'writer', 'coder', 'support', 'planner'];
/** Micro-dollars of a token of the prompt and of one of the answer. */
const MODELS = [
  { name: 'large-2026-10', input: 5, output: 25 },
  { name: 'medium-2026-10', input: 3, output: 15 },
  { name: 'small-2026-10', input: 1, output: 5 },
];
/** The share of a day's runs that begins in each hour of UTC. */
const HOURS = [8, 9, 9, 10, 10, 11, 11, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 18, 19, 21];

/** The runs of the documentation's customer are as many on every day, so that their ids are always the same. */
const HERO_HOURS = [9, 11, 15, 18];

interface Run {
  readonly customer: Customer;
  readonly at: number;
}

/** A step of a run: a call of a model. */
interface Step {
  readonly amount: number;
  readonly tokens: number;
  readonly model: string;
}

/** Puts a month of runs on the agenda. */
export function planRuns(world: Simulation, start: number, end: number): void {
  const example = end - EXAMPLE_RUN_BEFORE_END;
  const runs = CUSTOMERS.flatMap((customer) => runsOf(world, customer, start, end));
  runs.sort((one, other) => one.at - other.at);
  const before = runs.filter(({ at }) => at < example).length;
  runs.forEach((run, i) => {
    const number = EXAMPLE_RUN - before + i + (i < before ? 0 : 1);
    world.at(run.at, () => play(world, run.customer, number));
  });
}

function runsOf(world: Simulation, customer: Customer, start: number, end: number): Run[] {
  const { random } = world;
  const runs: Run[] = [];
  for (let day = start + (customer.joined + 1) * DAY; day < end; day += DAY) {
    const weekend = [0, 6].includes(new Date(day).getUTCDay());
    const mean = RUNS_A_DAY[customer.habit] * (weekend ? 0.3 : 1);
    const count = Math.floor(mean * (0.5 + random.next()) + random.next());
    const hours = customer === HERO ? HERO_HOURS : Array.from({ length: count }, () => random.of(HOURS));
    for (const hour of hours) runs.push({ customer, at: day + hour * HOUR + random.below(HOUR / SECOND) * SECOND });
  }
  return runs;
}

/** One run, by one person and one agent: a debit, a debit for each step, captures from a hold, or tokens. */
async function play(world: Simulation, customer: Customer, number: number): Promise<void> {
  const { random } = world;
  const who = personOf(world, customer);
  const dimensions = { agent: random.of(AGENTS), run_id: `run-${number}` };
  const steps = Array.from({ length: customer === HERO ? 1 : 1 + random.below(7) }, () => stepOf(world));
  const kind = customer === HERO ? 1 : random.next();
  if (kind < 0.2) return inTokens(world, who, number, dimensions, steps);
  if (kind < 0.45) return inHold(world, customer, who, number, dimensions, steps);
  if (steps.length > 1) return inSteps(world, customer, who, number, dimensions, steps);
  const [{ amount, model }] = steps as [Step];
  const body = { amount, description: `Agent run #${number}`, ...dimensions, model };
  await paying(world, customer, who, '/credits/debit', body, `run-${number}`);
}

function personOf({ random }: Simulation, { account, people }: Customer): Who {
  const sub = random.of(people);
  return account.startsWith('org:') ? { sub, org: account.slice('org:'.length) } : { sub };
}

function stepOf({ random }: Simulation): Step {
  const { name, input, output } = random.of(MODELS);
  const [prompt, answer] = [800 + random.below(30_000), 150 + random.below(3_000)];
  return { amount: (prompt * input + answer * output) / 1_000_000, tokens: prompt + answer, model: name };
}

const sum = (amounts: readonly number[]) => Math.round(amounts.reduce((all, one) => all + one, 0) * 1e6) / 1e6;

async function inSteps(
  world: Simulation,
  customer: Customer,
  who: Who,
  number: number,
  dimensions: object,
  steps: readonly Step[],
): Promise<void> {
  const items = steps.map(({ amount, model }, i) => ({
    amount,
    description: `Agent run #${number}, step ${i + 1}`,
    model,
    ...dimensions,
    idempotency_key: `run-${number}-step-${i + 1}`,
  }));
  await paying(world, customer, who, '/credits/debit/batch', { mode: 'atomic', items }, `run-${number}`);
}

/** Holds an estimate, captures the steps, and gives the rest back; now and then an agent forgets that. */
async function inHold(
  world: Simulation,
  customer: Customer,
  who: Who,
  number: number,
  dimensions: object,
  steps: readonly Step[],
): Promise<void> {
  const { random } = world;
  const amount = Math.ceil(sum(steps.map((step) => step.amount)) * 150) / 100;
  const body = { amount, description: `Agent run #${number}`, expires_in: 1_800, ...dimensions };
  const held = await paying<{ id: string }>(world, customer, who, '/credits/holds', body, `run-${number}`);
  if (!held) return;
  const ending = random.next();
  const spent = ending < 0.1 ? steps.slice(1) : steps;
  let time = world.time;
  spent.forEach(({ amount, model }, i) => {
    time += (20 + random.below(60)) * SECOND;
    const final = ending > 0.3 && i === spent.length - 1;
    const capture = { amount, model, final, description: `Agent run #${number}, step ${i + 1}` };
    world.at(time, () =>
      world.send(who, ['POST', `/credits/holds/${held.id}/capture`], capture, { key: `run-${number}-step-${i + 1}` }),
    );
  });
  if (ending < 0.1) world.at(world.time + 1_801 * SECOND, () => world.work());
  else if (ending <= 0.3)
    world.at(world.time + 15 * MINUTE, () => world.send(who, ['POST', `/credits/holds/${held.id}/release`]));
}

async function inTokens(
  world: Simulation,
  who: Who,
  number: number,
  dimensions: object,
  steps: readonly Step[],
): Promise<void> {
  const items = steps.map(({ tokens, model }, i) => ({
    amount: tokens,
    description: `Agent run #${number}, step ${i + 1}`,
    model,
    ...dimensions,
  }));
  const body = { mode: 'atomic', items };
  const request = ['POST', '/tokens/consume/batch'] as const;
  const options = { key: `run-${number}`, allow: [402] };
  const { status } = await world.send(who, request, body, options);
  if (status !== 402) return;
  await buy(world, who, 'plan', 'basic');
  // What the ledger refused is remembered under its key.
  await world.send(who, request, body, { ...options, key: `run-${number}-again` });
}

/** Sends a request that spends credits. When they are short, the customer buys a package and sends it again. */
async function paying<T>(
  world: Simulation,
  { pack }: Customer,
  who: Who,
  path: string,
  body: object,
  key: string,
): Promise<T | undefined> {
  const answer = await world.send<T>(who, ['POST', path], body, { key, allow: [402] });
  if (answer.status !== 402) return answer.body.data;
  // Not everybody goes on.
  if (world.random.chance(0.3)) return undefined;
  await buy(world, who, 'package', pack);
  const again = await world.send<T>(who, ['POST', path], body, { key: `${key}-again`, allow: [402] });
  return again.status === 402 ? undefined : again.body.data;
}
