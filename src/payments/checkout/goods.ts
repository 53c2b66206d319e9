import { Injectable } from '@nestjs/common';
import { invalidField } from '../../common/http/index.js';
import { CreditsService } from '../../credits/index.js';
import { TokensService } from '../../tokens/index.js';
import type { Stored, Wallet } from '../../wallet/index.js';
import { inMoney } from '../html/index.js';
import type { Purchase, PurchaseKind } from './purchase.entity.js';

/** Credits are dollars outside and micro-dollars in a row. */
const MICRO_DOLLARS = 1_000_000;

/** What is for sale, as a purchase keeps it. */
export type Item = Pick<Purchase, 'item' | 'name' | 'amount' | 'price' | 'currency'>;

/** The words of a kind of goods, of amounts as a purchase keeps them. */
interface Words {
  /** The amount as the API says it. */
  readonly units: (amount: number) => number;
  /** The amount as a buyer reads it. */
  readonly inWords: (amount: number) => string;
  /** The same without the smallest parts, so that no more is said than there is. */
  readonly atMost: (amount: number) => string;
  /** A balance, in units, as a buyer reads it. */
  readonly balance: (units: number) => string;
}

const inTokens = (tokens: number) => `${tokens.toLocaleString('en-US')} tokens`;

/** In whole cents; less than a cent is left out, so that no more is promised than is there. */
const inCents = (dollars: number) => inMoney(Math.floor(Math.round(dollars * MICRO_DOLLARS) / 10_000) / 100, 'USD');

/** What tells credits from tokens in words. */
export const WORDS: Readonly<Record<PurchaseKind, Words>> = {
  credits: {
    units: (amount) => amount / MICRO_DOLLARS,
    inWords: (amount) => `${inMoney(amount / MICRO_DOLLARS, 'USD')} of credits`,
    atMost: (amount) => `${inCents(amount / MICRO_DOLLARS)} of credits`,
    balance: inCents,
  },
  tokens: { units: (amount) => amount, inWords: inTokens, atMost: inTokens, balance: inTokens },
};

/** What a purchase brings, as a buyer reads it. */
export function inWords({ kind, amount }: Pick<Purchase, 'kind' | 'amount'>): string {
  return WORDS[kind].inWords(amount);
}

/** What is for sale, and the wallet that it goes into: the one place in payments that tells credits from tokens. */
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

  /** The wallet that a purchase of this kind goes into. */
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
