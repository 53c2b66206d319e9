// Packages and plans, bought and paid on the sandbox's pages.
import type { Who } from '../../test/support/tokens.js';
import type { Simulation } from './simulation.js';

/** A purchase, and its session on the sandbox's pages. */
export interface Bought {
  readonly id: string;
  readonly session: string;
}

/** Opens the checkout of a package of credits or a plan of tokens. */
export async function checkOut(world: Simulation, who: Who, kind: 'package' | 'plan', item: string): Promise<Bought> {
  const [path, body] =
    kind === 'package' ? ['/credits/purchase', { package_id: item }] : ['/tokens/checkout', { plan_id: item }];
  const { purchase_id: id, checkout_url: url } = (
    await world.send<{ purchase_id: string; checkout_url: string }>(who, ['POST', path], body)
  ).body.data;
  return { id, session: new URL(url).pathname.split('/').pop()! };
}

/** Buys and pays. */
export async function buy(world: Simulation, who: Who, kind: 'package' | 'plan', item: string): Promise<Bought> {
  const bought = await checkOut(world, who, kind, item);
  await world.press(bought.session, 'pay');
  return bought;
}

/** Asks for a purchase, which settles it where its payment has moved on. */
export async function look(world: Simulation, who: Who, { id }: Bought): Promise<void> {
  await world.send(who, ['GET', `/payments/purchases/${id}`]);
}
