// Says what the month has come to.
import type { Who } from '../../test/support/tokens.js';
import { CUSTOMERS } from './cast.js';
import type { Simulation } from './simulation.js';

const ADMIN: Who = { sub: 'root', admin: true };

const QUESTIONS = {
  'credits by type': ['/credits/transactions', 'type', ['deposit', 'debit', 'refund', 'expire', 'void', 'reversal']],
  'tokens by type': ['/tokens/transactions', 'type', ['purchase', 'grant', 'consume', 'refund', 'expire']],
  'grants of credits': ['/credits/grants', 'status', ['active', 'used', 'expired', 'voided']],
  'grants of tokens': ['/tokens/grants', 'status', ['active', 'used', 'expired', 'voided']],
  'holds of credits': ['/credits/holds', 'status', ['open', 'captured', 'released', 'expired']],
  purchases: [
    '/payments/purchases',
    'status',
    ['open', 'processing', 'paid', 'expired', 'canceled', 'failed', 'review'],
  ],
} as const;

/** A line for each kind of thing, with the number of each sort of it. */
export async function report(world: Simulation): Promise<string[]> {
  const lines = [`  ${'accounts'.padEnd(18)} ${CUSTOMERS.length}`];
  for (const [name, [path, filter, values]] of Object.entries(QUESTIONS)) {
    const counts: string[] = [];
    for (const value of values) {
      let count = 0;
      for (const { account } of CUSTOMERS)
        count += (await world.send(ADMIN, ['GET', `${path}?account=${account}&${filter}=${value}&limit=1`])).body.meta
          .total;
      counts.push(`${value} ${count}`);
    }
    lines.push(`  ${name.padEnd(18)} ${counts.join(', ')}`);
  }
  return lines;
}
