import { type Account, available, debtOf, type Grant, plus, type Stored, ZERO } from '../domain/index.js';

/** A balance at one moment; available = paid + promotional − debt. */
export interface Balance {
  readonly balance: Stored;
  readonly available: Stored;
  readonly held: Stored;
  /** The number of the last entry. */
  readonly sequence: number;
  readonly debt: Stored;
  /** What remains of paid grants … */
  readonly paid: Stored;
  /** … and of promotional ones. */
  readonly promotional: Stored;
  /** What will expire, by moment, the next ten of them. */
  readonly expiring: readonly { readonly at: number; readonly amount: Stored }[];
  /** Whether nothing may be spent or kept back. */
  readonly frozen: boolean;
}

/** How many of the next moments of expiry a balance names. */
const EXPIRING = 10;

/** The balance of an account with these open grants, or with their sums by category and expiry. */
export function balanceOf(
  { balance, held, sequence, frozen }: Pick<Account, 'balance' | 'held' | 'sequence' | 'frozen'>,
  open: readonly Pick<Grant, 'category' | 'expiresAt' | 'remaining'>[],
): Balance {
  const sum = (grants: readonly Pick<Grant, 'remaining'>[]) =>
    grants.reduce((total, { remaining }) => plus(total, remaining), ZERO);
  const moments = [...new Set(open.flatMap(({ expiresAt }) => expiresAt ?? []))].sort((a, b) => a - b);
  return {
    balance,
    held,
    sequence,
    frozen: frozen !== null,
    available: available({ balance, held }),
    debt: debtOf({ balance, held }),
    paid: sum(open.filter(({ category }) => category === 'paid')),
    promotional: sum(open.filter(({ category }) => category === 'promotional')),
    expiring: moments
      .slice(0, EXPIRING)
      .map((at) => ({ at, amount: sum(open.filter(({ expiresAt }) => expiresAt === at)) })),
  };
}

/** An amount as a driver gives it. */
export function stored(value: string | number | null | undefined): Stored {
  return Number(value) as Stored;
}
