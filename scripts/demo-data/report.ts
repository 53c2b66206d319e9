// Says what the month has come to.
import type { Who } from '../../test/support/tokens.js';
import { CUSTOMERS } from './cast.js';
import type { Simulation } from './simulation.js';

const ADMIN: Who = { sub: 'root', admin: true };

/** Rows of the database by the word in one of their columns. */
const COUNTED = {
  'credits by type': "type AS word FROM entry JOIN account ON account.id = account_id WHERE unit = 'USD'",
  'tokens by type': "type AS word FROM entry JOIN account ON account.id = account_id WHERE unit = 'tokens'",
  holds: 'status AS word FROM hold',
  purchases: 'status AS word FROM purchase',
};

/** A line for each kind of thing, with the number of each sort of it. */
export async function report(world: Simulation): Promise<string[]> {
  const lines = [line('accounts', String(CUSTOMERS.length))];
  const query = 'SELECT COUNT(DISTINCT owner) AS n FROM account WHERE frozen IS NOT NULL';
  const [frozen]: { n: number | string }[] = await world.database.query(query);
  lines.push(line('frozen accounts', String(frozen!.n)));
  for (const [name, rows] of Object.entries(COUNTED)) {
    const found: { word: string }[] = await world.database.query(`SELECT ${rows}`);
    lines.push(line(name, counts(found.map(({ word }) => word))));
  }
  for (const unit of ['credits', 'tokens']) lines.push(line(`grants of ${unit}`, counts(await grants(world, unit))));
  return lines;
}

/** The status of each grant, which follows from its amounts. */
async function grants(world: Simulation, unit: string): Promise<string[]> {
  const all: string[] = [];
  for (const { account } of CUSTOMERS) {
    const path = `/${unit}/grants?account=${account}&limit=200`;
    const { data } = (await world.send<{ status: string }[]>(ADMIN, ['GET', path])).body;
    all.push(...data.map(({ status }) => status));
  }
  return all;
}

function counts(words: readonly string[]): string {
  const sorts = [...new Set(words)].sort();
  return sorts.map((sort) => `${sort} ${words.filter((word) => word === sort).length}`).join(', ');
}

const line = (name: string, text: string) => `  ${name.padEnd(18)} ${text}`;
