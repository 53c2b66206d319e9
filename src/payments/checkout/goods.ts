import { Injectable } from '@nestjs/common';
import { invalidField } from '../../common/http/index.js';
import { CreditsService } from '../../credits/index.js';
import { TokensService } from '../../tokens/index.js';
import type { Stored, Wallet } from '../../wallet/index.js';
import { inMoney } from '../html/index.js';
import type { Purchase, PurchaseKind } from './purchase.entity.js';

/** The API counts credits in dollars, a row in micro-dollars. */
const MICRO_DOLLARS = 1_000_000;

/** A package or plan, as a purchase stores it. */
export type Item = Pick<Purchase, 'item' | 'name' | 'amount' | 'price' | 'currency'>;

/** Formats amounts of credits or of tokens, as a purchase stores them. */
interface Words {
  /** The amount in the API's unit. */
  readonly units: (amount: number) => number;
  /** The amount for a buyer to read. */
  readonly inWords: (amount: number) => string;
  /** The same, rounded down to whole cents, so that it never overstates. */
  readonly atMost: (amount: number) => string;
  /** A balance in the API's unit, for a buyer to read. */
  readonly balance: (units: number) => string;
}

const inTokens = (tokens: number) => `${tokens.toLocaleString('en-US')} tokens`;

/** Rounded down to whole cents, so that it never overstates. */
const inCents = (dollars: number) => inMoney(Math.floor(Math.round(dollars * MICRO_DOLLARS) / 10_000) / 100, 'USD');

/** The formats of credits and of tokens. */
export const WORDS: Readonly<Record<PurchaseKind, Words>> = {
  credits: {
    units: (amount) => amount / MICRO_DOLLARS,
    inWords: (amount) => `${inMoney(amount / MICRO_DOLLARS, 'USD')} of credits`,
    atMost: (amount) => `${inCents(amount / MICRO_DOLLARS)} of credits`,
    balance: inCents,
  },
  tokens: { units: (amount) => amount, inWords: inTokens, atMost: inTokens, balance: inTokens },
};

/** The goods of a purchase, for a buyer to read. */
export function inWords({ kind, amount }: Pick<Purchase, 'kind' | 'amount'>): string {
  return WORDS[kind].inWords(amount);
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
      const { name, amount, ...sold } = pick(this.credits.packages(), 'package_id', id);
      return itemOf(sold, `${name} package`, Math.round(amount * MICRO_DOLLARS));
    }
    const { name, tokens, ...sold } = pick(this.tokens.plans(), 'plan_id', id);
    return itemOf(sold, `${name} plan`, tokens);
  }

  /** The wallet that receives a purchase of this kind. */
  wallet(kind: PurchaseKind): Wallet {
    return (kind === 'credits' ? this.credits : this.tokens).wallet;
  }
}

function pick<T extends { readonly id: string }>(catalog: readonly T[], field: string, id: string): T {
  const sold = catalog.find((each) => each.id === id);
  if (!sold) throw invalidField(field, `must be one of ${catalog.map((each) => each.id).join(', ')}`);
  return sold;
}

function itemOf(
  { id, price, currency }: { id: string; price: number; currency: string },
  name: string,
  amount: number,
): Item {
  return { item: id, name, amount: amount as Stored, price: Math.round(price * 100), currency };
}
