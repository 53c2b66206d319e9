import { Injectable } from '@nestjs/common';
import type { BonusTerms, ExpiryTerms } from '../../common/config/index.js';
import { invalidField } from '../../common/http/index.js';
import { CreditsService } from '../../credits/index.js';
import { TokensService } from '../../tokens/index.js';
import type { Stored, Wallet } from '../../wallet/index.js';
import { inMoney } from '../html/index.js';
import type { Purchase, PurchaseKind } from './purchase.entity.js';

/** The API counts credits in dollars, a row in micro-dollars. */
const MICRO_DOLLARS = 1_000_000;

/** The goods of a purchase. */
export type Contents = Pick<
  Purchase,
  'amount' | 'expiresInDays' | 'bonusAmount' | 'bonusExpiresInDays' | 'bonusPriority'
>;

/** A package or plan, as a purchase stores it. */
export type Item = Contents & Pick<Purchase, 'item' | 'name' | 'price' | 'currency'>;

/** Formats amounts of credits or of tokens, as a purchase stores them. */
interface Words {
  /** The amount in the API's unit. */
  readonly units: (amount: number) => number;
  /** The stored amount of these units. */
  readonly stored: (units: number) => number;
  /** The amount for a buyer to read. */
  readonly inWords: (amount: number) => string;
  /** The same without the name of the goods. */
  readonly inFigures: (amount: number) => string;
  /** The same, rounded down to whole cents, so that it never overstates. */
  readonly atMost: (amount: number) => string;
  /** A balance in the API's unit, for a buyer to read. */
  readonly balance: (units: number) => string;
}

const inDollars = (amount: number) => inMoney(amount / MICRO_DOLLARS, 'USD');

const inTokens = (tokens: number) => `${tokens.toLocaleString('en-US')} tokens`;

/** Rounded down to whole cents, so that it never overstates. */
const inCents = (dollars: number) => inMoney(Math.floor(Math.round(dollars * MICRO_DOLLARS) / 10_000) / 100, 'USD');

/** The formats of credits and of tokens. */
export const WORDS: Readonly<Record<PurchaseKind, Words>> = {
  credits: {
    units: (amount) => amount / MICRO_DOLLARS,
    stored: (units) => Math.round(units * MICRO_DOLLARS),
    inWords: (amount) => `${inDollars(amount)} of credits`,
    inFigures: inDollars,
    atMost: (amount) => `${inCents(amount / MICRO_DOLLARS)} of credits`,
    balance: inCents,
  },
  tokens: {
    units: (amount) => amount,
    stored: (units) => units,
    inWords: inTokens,
    inFigures: (tokens) => tokens.toLocaleString('en-US'),
    atMost: inTokens,
    balance: inTokens,
  },
};

/** The goods of a purchase, for a buyer to read. */
export function inWords(purchase: Contents & Pick<Purchase, 'kind'>): string {
  const { kind, amount, expiresInDays, bonusAmount, bonusExpiresInDays } = purchase;
  const bought = `${WORDS[kind].inWords(amount)}${validity(expiresInDays)}`;
  if (bonusAmount === 0) return bought;
  return `${bought} plus a bonus of ${WORDS[kind].inFigures(bonusAmount)}${validity(bonusExpiresInDays)}`;
}

/** The part of a purchase that was taken back, for a buyer to read. */
export function reversedInWords({ kind, reversed, bonusAmount }: Purchase): string {
  return `${WORDS[kind].atMost(reversed)}${bonusAmount === 0 ? '' : ' (bonus included)'}`;
}

function validity(days: number | null): string {
  return days === null ? '' : ` (valid for ${days === 1 ? '1 day' : `${days.toLocaleString('en-US')} days`})`;
}

/** The catalog and the wallets: the one place in payments that tells credits from tokens. */
@Injectable()
export class Goods {
  constructor(
    private readonly credits: CreditsService,
    private readonly tokens: TokensService,
  ) {}

  /** @throws ApiError VALIDATION_ERROR when there is no such package or plan */
  item(kind: PurchaseKind, id: string): Item {
    if (kind === 'credits') {
      const sold = pick(this.credits.packages(), 'package_id', id);
      return { ...itemOf(kind, sold, sold.amount), name: `${sold.name} package` };
    }
    const sold = pick(this.tokens.plans(), 'plan_id', id);
    return { ...itemOf(kind, sold, sold.tokens), name: `${sold.name} plan` };
  }

  /** The wallet that receives a purchase of this kind. */
  wallet(kind: PurchaseKind): Wallet {
    return (kind === 'credits' ? this.credits : this.tokens).wallet;
  }
}

/** What packages and plans have in common. */
interface Sold extends ExpiryTerms {
  readonly id: string;
  readonly price: number;
  readonly currency: string;
  readonly bonus?: BonusTerms & { readonly amount: number };
}

function pick<T extends { readonly id: string }>(catalog: readonly T[], field: string, id: string): T {
  const sold = catalog.find((each) => each.id === id);
  if (!sold) throw invalidField(field, `must be one of ${catalog.map((each) => each.id).join(', ')}`);
  return sold;
}

function itemOf(
  kind: PurchaseKind,
  { id, price, currency, expires_in_days, bonus }: Sold,
  units: number,
): Omit<Item, 'name'> {
  const { stored } = WORDS[kind];
  return {
    item: id,
    price: Math.round(price * 100),
    currency,
    amount: stored(units) as Stored,
    expiresInDays: expires_in_days ?? null,
    bonusAmount: stored(bonus?.amount ?? 0) as Stored,
    bonusExpiresInDays: bonus?.expires_in_days ?? null,
    bonusPriority: bonus?.priority ?? null,
  };
}
