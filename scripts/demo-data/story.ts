// The rest of the month: who joins, what administrators do, and the purchases that go their own way.
import type { Who } from '../../test/support/tokens.js';
import { CUSTOMERS, HERO } from './cast.js';
import { type Bought, buy, checkOut, look } from './purchases.js';
import { DAY, EXAMPLE_RUN, EXAMPLE_RUN_BEFORE_END, HOUR, MINUTE, SECOND } from './runs.js';
import { chooseNextId, type Simulation } from './simulation.js';

const ADMIN: Who = { sub: 'root', admin: true };

/** The ids of the documentation's examples. */
const EXAMPLE_PURCHASE = '7d2f4b5f1c9a4e0f8a6b3c2d1e0f9a8b';
const EXAMPLE_REVIEW = '5c0e9d4b3a7f4e1d8c6b2a9f7e5d3c1b';
const EXAMPLE_TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

const as = (name: string, org?: string): Who => (org ? { sub: name, org } : { sub: name });

/** Puts all of it on the agenda. */
export function planStory(world: Simulation, start: number, end: number): void {
  const day = (number: number, hour: number) => start + number * DAY + hour * HOUR;
  planExample(world, start, end);
  CUSTOMERS.forEach((customer, i) => {
    if (customer !== HERO)
      world.at(day(customer.joined, 8) + i * MINUTE, () =>
        welcome(world, customer.account, customer.account[0] === 'o'),
      );
  });
  planCampaign(world, day(15, 6));
  planPurchases(world, day, end);
  planCorrections(world, day);
  // Of the customer whose dispute is open, after the last run.
  const frozen = { frozen: true, reason: 'A dispute is open', note: 'Wait for the bank before you call.' };
  world.at(end - SECOND, () => world.send(ADMIN, ['PATCH', '/admin/accounts/user%3Agreta'], frozen));
}

/** An administrator's deposit or grant, which expires after some days. */
async function give(world: Simulation, account: string, days: number, path: string, body: object): Promise<number> {
  const terms = { account, expires_in_days: days, ...body };
  const { data } = (await world.send<{ id: number }>(ADMIN, ['POST', path], terms)).body;
  // As the server's own sweep would, within seconds.
  world.at(world.time + days * DAY + SECOND, () => world.work());
  return data.id;
}

const promotion = (amount: number, description: string) => ({
  amount,
  description,
  category: 'promotional',
  priority: 10,
});

async function welcome(world: Simulation, account: string, isOrganization: boolean): Promise<void> {
  await give(world, account, 10, '/credits/deposit', promotion(5, 'Welcome credits'));
  await give(world, account, 21, '/tokens/grant', { amount: 250_000, description: 'Welcome tokens' });
  if (!isOrganization || world.random.chance(0.5)) return;
  const invoice = { account, amount: 100, description: `Invoice ${2026_000 + world.random.below(900)}` };
  await world.send(ADMIN, ['POST', '/credits/deposit'], invoice);
}

/** Three dollars for everybody but the documentation's customer, for a week. */
function planCampaign(world: Simulation, time: number): void {
  CUSTOMERS.filter((customer) => customer !== HERO).forEach(({ account }, i) =>
    world.at(time + i * 2 * SECOND, () =>
      give(world, account, 7, '/credits/deposit', promotion(3, 'Autumn promotion')),
    ),
  );
}

/** User 42 as the examples of the documentation tell of them; on the last day a run is charged twice. */
function planExample(world: Simulation, start: number, end: number): void {
  const { account } = HERO;
  const hero = as('42');
  const dimensions = { agent: 'researcher', model: 'large-2026-10' };
  world.at(start + 8 * HOUR, async () => {
    const kept = { priority: 90 };
    await give(world, account, 365, '/credits/deposit', { amount: 50, description: 'Manual top-up', ...kept });
    await give(world, account, 365, '/tokens/grant', { amount: 50_000, description: 'Welcome tokens', ...kept });
  });
  world.at(start + 9 * HOUR, async () => {
    const run = { ...dimensions, run_id: 'run-1', description: 'Agent run #1' };
    await world.send(hero, ['POST', '/credits/debit'], { ...run, amount: 1.25 }, { key: 'run-1' });
    await world.send(hero, ['POST', '/tokens/consume'], { ...run, amount: 1250 }, { key: 'run-1' });
  });
  world.at(start + 3 * DAY + 10 * HOUR, async () => {
    chooseNextId(EXAMPLE_PURCHASE);
    await buy(world, hero, 'package', 'pro');
    await buy(world, hero, 'plan', 'growth');
  });
  const run = { ...dimensions, run_id: `run-${EXAMPLE_RUN}`, amount: 1.25, description: `Agent run #${EXAMPLE_RUN}` };
  // The agent's first request timed out, and it sent the second one under another key.
  const charge = (key: string, traceId?: string) => () =>
    world.send(hero, ['POST', '/credits/debit'], run, { key: `run-${EXAMPLE_RUN}-${key}`, traceId });
  world.at(end - EXAMPLE_RUN_BEFORE_END, charge('attempt-1'));
  world.at(end - EXAMPLE_RUN_BEFORE_END + 31 * SECOND, charge('attempt-2', EXAMPLE_TRACE));
  const held = { ...dimensions, description: 'Overnight research', expires_in: 604_800 };
  world.at(end - 30 * MINUTE, async () => {
    for (const unit of ['credits', 'tokens']) {
      const amount = unit === 'credits' ? 5 : 5000;
      await world.send(hero, ['POST', `/${unit}/holds`], { ...held, amount });
      await world.send(hero, ['POST', `/${unit}/holds`], { ...held, amount, agent: 'writer' });
    }
  });
}

/** Refunds, disputes, a review, and checkouts that nobody completes. */
function planPurchases(world: Simulation, day: (number: number, hour: number) => number, end: number): void {
  const refund =
    ({ id }: Bought, body: object) =>
    () =>
      world.send(ADMIN, ['POST', `/payments/purchases/${id}/refund`], { reason: 'requested_by_customer', ...body });
  world.at(day(4, 9), async () => {
    const whole = await buy(world, as('ben'), 'package', 'starter');
    world.at(world.time + 26 * HOUR, refund(whole, {}));
  });
  world.at(day(7, 11), async () => {
    const half = await buy(world, as('mei', 'northwind'), 'package', 'pro');
    world.at(world.time + 3 * DAY, refund(half, { amount: 45 }));
  });
  world.at(day(9, 15), async () => {
    const plan = await buy(world, as('kaya', 'meridian'), 'plan', 'basic');
    world.at(world.time + 2 * DAY, refund(plan, { amount: 2.5 }));
  });
  // One is lost, one won, and one not decided at the month's end, when a part of the credits is spent.
  for (const [buyer, from, outcome] of [
    [as('oscar'), day(11, 13), 'lose'],
    [as('dmitri', 'bluebird'), day(12, 9), 'win'],
    [as('greta'), end - 3 * HOUR, undefined],
  ] as const) {
    world.at(day(6, 13), async () => {
      const disputed = await buy(world, buyer, 'package', 'starter');
      world.at(from, () => world.press(disputed.session, 'dispute'));
      if (outcome) world.at(from + 9 * DAY, () => world.press(disputed.session, outcome));
    });
  }
  world.at(end - 5 * HOUR, () => payAnotherSum(world, as('priya')));
  planUnpaid(world, day, end);
}

/** The provider's session has another price than the purchase, which asks for a person's review. */
async function payAnotherSum(world: Simulation, buyer: Who): Promise<void> {
  chooseNextId(EXAMPLE_REVIEW);
  const { session } = await checkOut(world, buyer, 'package', 'starter');
  await world.database.query('UPDATE sandbox_session SET price = ? WHERE id = ?', [2_000, session]);
  await world.press(session, 'pay');
}

function planUnpaid(world: Simulation, day: (number: number, hour: number) => number, end: number): void {
  world.at(day(5, 12), async () => {
    const { session } = await checkOut(world, as('liam'), 'package', 'starter');
    await world.press(session, 'pay_later');
    world.at(world.time + 2 * DAY, () => world.press(session, 'succeed'));
  });
  world.at(day(12, 16), async () => {
    const { session } = await checkOut(world, as('nadia'), 'package', 'pro');
    await world.press(session, 'pay_later');
    world.at(world.time + 3 * DAY, () => world.press(session, 'fail'));
  });
  world.at(day(18, 10), async () => {
    const { session } = await checkOut(world, as('elif'), 'plan', 'basic');
    await world.press(session, 'cancel');
  });
  world.at(day(20, 17), async () => {
    const left = await checkOut(world, as('hiro'), 'package', 'starter');
    world.at(world.time + 25 * HOUR, () => look(world, as('hiro'), left));
  });
  world.at(end - 20 * HOUR, async () => {
    const { session } = await checkOut(world, as('rosa', 'sundial'), 'package', 'teams');
    await world.press(session, 'pay_later');
  });
  world.at(end - 2 * HOUR, () => checkOut(world, as('ada', 'acme'), 'package', 'teams'));
}

/** What administrators put right. */
function planCorrections(world: Simulation, day: (number: number, hour: number) => number): void {
  world.at(day(8, 10), async () => {
    const account = 'user:quentin';
    const again = await give(world, account, 10, '/credits/deposit', promotion(5, 'Welcome credits'));
    const voided = { account, reason: 'Promotion was granted twice' };
    world.at(world.time + HOUR, () => world.send(ADMIN, ['POST', `/credits/grants/${again}/void`], voided));
  });
  world.at(day(10, 14), async () => {
    const account = 'user:jonas';
    const gift = await give(world, account, 14, '/credits/deposit', promotion(8, 'Sorry for the outage'));
    const until = { account, reason: 'On holiday until then', expires_at: new Date(day(45, 0)).toISOString() };
    world.at(world.time + 2 * DAY, () => world.send(ADMIN, ['POST', `/credits/grants/${gift}/extend`], until));
  });
  world.at(day(13, 9), async () => {
    const account = 'user:sven';
    const typed = { account, amount: 500, description: 'Bank transfer' };
    const { id } = (await world.send<{ id: number }>(ADMIN, ['POST', '/credits/deposit'], typed)).body.data;
    const wrong = { account, amount: 450, reason: 'The transfer was 50, not 500' };
    world.at(world.time + 20 * MINUTE, () => reverse(world, id, wrong));
  });
  world.at(day(17, 11), () => reverseLastDebit(world, 'user:ada', 'The agent answered with an error'));
  world.at(day(22, 15), () => reverseLastDebit(world, 'org:meridian', 'Charged twice'));
}

async function reverseLastDebit(world: Simulation, account: string, reason: string): Promise<void> {
  const path = `/credits/transactions?account=${account}&type=debit&order=desc&limit=1`;
  const [last] = (await world.send<{ id: number }[]>(ADMIN, ['GET', path])).body.data;
  await reverse(world, last!.id, { account, reason });
}

async function reverse(world: Simulation, id: number, body: object): Promise<void> {
  await world.send(ADMIN, ['POST', `/credits/transactions/${id}/reverse`], body);
}
