// The accounts of the month, and their habits.

/** How much an account does. */
type Habit = 'busy' | 'regular' | 'occasional';

/** An account, the people who act on it, and the package that it buys when it runs out of credits. */
export interface Customer {
  readonly account: string;
  /** The `sub` of each person. */
  readonly people: readonly string[];
  readonly habit: Habit;
  readonly pack: 'starter' | 'pro' | 'teams';
  /** Days after the start of the month. */
  readonly joined: number;
}

/** Runs on a working day. */
export const RUNS_A_DAY: Readonly<Record<Habit, number>> = { busy: 8, regular: 2, occasional: 0.4 };

const organization = (name: string, habit: Habit, pack: Customer['pack'], people: readonly string[], joined = 0) => ({
  account: `org:${name}`,
  people,
  habit,
  pack,
  joined,
});

const user = (name: string, habit: Habit, joined: number, pack: Customer['pack'] = 'starter') => ({
  account: `user:${name}`,
  people: [name],
  habit,
  pack,
  joined,
});

/** The customer of the documentation's examples. */
export const HERO: Customer = user('42', 'regular', 0, 'pro');

/** Everybody, in the order of their names. */
export const CUSTOMERS: readonly Customer[] = [
  organization('7', 'busy', 'pro', ['42', '43', '44']),
  organization('acme', 'busy', 'teams', ['ada', 'ben', 'chloe']),
  organization('bluebird', 'regular', 'pro', ['dmitri', 'elif']),
  organization('kestrel', 'busy', 'pro', ['farid', 'greta', 'hiro']),
  organization('lighthouse', 'regular', 'starter', ['ines'], 6),
  organization('meridian', 'busy', 'pro', ['jonas', 'kaya']),
  organization('northwind', 'busy', 'teams', ['liam', 'mei', 'nadia'], 2),
  organization('quarry', 'occasional', 'starter', ['oscar'], 11),
  organization('riverside', 'regular', 'pro', ['priya', 'quentin'], 3),
  organization('sundial', 'regular', 'pro', ['rosa'], 9),
  HERO,
  user('43', 'occasional', 1),
  user('44', 'occasional', 5),
  user('ada', 'regular', 0),
  user('ben', 'occasional', 2),
  user('chloe', 'occasional', 4),
  user('dmitri', 'regular', 1),
  user('elif', 'occasional', 8),
  user('farid', 'occasional', 3),
  user('greta', 'regular', 2),
  user('hiro', 'occasional', 10),
  user('ines', 'occasional', 6),
  user('jonas', 'occasional', 7),
  user('kaya', 'regular', 12),
  user('liam', 'occasional', 5),
  user('mei', 'occasional', 13),
  user('nadia', 'occasional', 9),
  user('oscar', 'occasional', 2),
  user('priya', 'occasional', 4),
  user('quentin', 'occasional', 3),
  user('rosa', 'occasional', 6),
  user('sven', 'occasional', 1),
];
