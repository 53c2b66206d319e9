import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { accountFor, actorOn, type Principal } from '../auth/index.js';
import { newRecord, writeRecord } from '../common/audit/index.js';
import { Transactions } from '../common/database/index.js';
import { ApiError, exactNumber, type Idempotency, invalidField } from '../common/http/index.js';
import { CreditsService } from '../credits/index.js';
import {
  type Answer,
  DAY_MS,
  decidedOf,
  decimalOf,
  type Operation,
  negate,
  ownerAndUnit,
  type PricedEntries,
  type PricedEntry,
  pricedEntries,
  type Rejection,
  type Reprice,
  type Stored,
} from '../ledger/index.js';
import {
  canonicalModel,
  evidenceText,
  price,
  type RateCard,
  RateCards,
  readUsage,
  type UsageBody,
  UsageError,
} from '../pricing/index.js';
import { toTime } from '../wallet/index.js';
import type { RepriceDto, RepricingDto, SkippedDto } from './repricing.dto.js';

const MOST_DAYS = 92;
const MOST_LISTED = 10_000;
/** Operations that are under way at once. */
const AT_ONCE = 500;
const SCOPE = 'reprice';

/** A spending that is to get another price. */
interface Planned {
  readonly sequence: number;
  readonly price: Stored;
  readonly pricing: string;
  /** Micro-dollars; below zero it is given back. */
  readonly difference: number;
}

/** Gives past usage the prices of another card, and never twice those of the same. */
@Injectable()
export class RepricingService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly cards: RateCards,
    private readonly credits: CreditsService,
  ) {}

  /** @throws ApiError VALIDATION_ERROR for a period that is none or too long, NOT_FOUND for the card, OVERLOADED */
  async reprice(
    who: Principal,
    body: RepriceDto,
    asked: Pick<Idempotency, 'traceId' | 'clientAddress'>,
  ): Promise<RepricingDto> {
    const [from, to] = [toTime(body.from).getTime(), toTime(body.to).getTime()];
    if (from >= to) throw invalidField('from', 'must be earlier than to');
    if (to - from > MOST_DAYS * DAY_MS) throw invalidField('from', `must be at most ${MOST_DAYS} days before to`);
    const card = await this.cards.card(body.rate_card);
    if (!card) throw new ApiError('NOT_FOUND', `There is no rate card ${body.rate_card}.`);
    const owner = body.account === undefined ? undefined : accountFor(who, body.account);
    if (!body.dry_run) await this.record(who, { ...body, account: owner }, asked);
    const sum = new Sum();
    const { dry_run: isDry } = body;
    const model = body.model && (canonicalModel(card, body.model) ?? body.model);
    const posting = isDry ? new Rehearsal(this.credits) : new Posting(this.credits, who, asked.traceId, card);
    for await (const found of pricedEntries(this.dataSource, { unit: 'USD', from, to, owner, model })) {
      const planned = await this.plan(found, card, sum);
      for (let i = 0; i < planned.length; i += AT_ONCE) await posting.move(found, planned.slice(i, i + AT_ONCE), sum);
    }
    return sum.result();
  }

  /** Those of the spendings whose price is another one, and that did not get the card's before. */
  private async plan({ account, accountId, entries }: PricedEntries, card: RateCard, sum: Sum): Promise<Planned[]> {
    const planned: Planned[] = [];
    for (const entry of entries) {
      const priced = priceOf(card, entry);
      if (!priced) sum.skip(account, entry.sequence, 'UNPRICED');
      else if (priced.price !== entry.net)
        planned.push({ sequence: entry.sequence, ...priced, difference: priced.price - entry.net });
    }
    const keys = planned.map(({ sequence }) => keyOf(sequence, card));
    const decided = await decidedOf(this.dataSource, accountId, SCOPE, keys);
    return planned.filter(({ sequence }) => !decided.has(keyOf(sequence, card)));
  }

  /** What is posted tells by its actor and its trace id who asked for it. */
  private async record(
    who: Principal,
    { from, to, account, model, rate_card }: RepriceDto,
    { traceId, clientAddress }: Pick<Idempotency, 'traceId' | 'clientAddress'>,
  ): Promise<void> {
    const record = newRecord({
      actor: actorOn(who, account ?? ''),
      action: 'pricing.reprice',
      account: account ?? '',
      target: String(rate_card),
      before: null,
      after: { from, to, ...(model !== undefined && { model }) },
      traceId,
      clientAddress,
    });
    await this.transactions.run((tx) => writeRecord(tx, record));
  }
}

/** What usage costs by a card; undefined when nothing in it has a price. */
function priceOf(card: RateCard, { model, usage }: PricedEntry): Pick<Planned, 'price' | 'pricing'> | undefined {
  // The provider's own object is not kept: its pools are, and they are what was priced.
  const { format: _, raw_sha256: __, ...body } = JSON.parse(usage) as UsageBody & { raw_sha256?: string };
  try {
    const priced = price(card, readUsage(model === null || 'meter' in body ? body : { ...body, model }));
    if ('unpriced' in priced) return undefined;
    return { price: priced.amount as Stored, pricing: evidenceText(priced.pricing) };
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

function keyOf(sequence: number, { version }: RateCard): string {
  return `${sequence} ${version}`;
}

/** Posts differences. */
class Posting {
  constructor(
    private readonly credits: CreditsService,
    private readonly who: Principal,
    private readonly traceId: string,
    private readonly card: RateCard,
  ) {}

  async move({ account }: PricedEntries, planned: readonly Planned[], sum: Sum): Promise<void> {
    const { wallet } = this.credits;
    await Promise.all(
      planned.map(async (each) => {
        const [answer] = await wallet.submit({ operations: [this.operation(account, each)] });
        const moved = await this.moved(account, each, answer!);
        if (typeof moved === 'number') sum.add(moved);
        else if (moved) sum.skip(account, each.sequence, codeOf(moved));
      }),
    );
  }

  private operation(account: PricedEntries['account'], { sequence, price, pricing }: Planned): Operation<Reprice> {
    const { who, traceId, card } = this;
    const description = `Repriced by rate card ${card.version}`;
    return {
      account,
      scope: SCOPE,
      key: keyOf(sequence, card),
      hash: '',
      traceId,
      actor: actorOn(who, ownerAndUnit(account).owner),
      action: { kind: 'reprice', entry: sequence, price, pricing, description },
    };
  }

  /** Micro-dollars that an operation moved, or why it was refused; undefined when there was nothing to do. */
  private async moved(
    account: PricedEntries['account'],
    { sequence }: Planned,
    answer: Answer,
  ): Promise<number | Rejection | undefined> {
    if (answer.outcome === 'key-reused' || answer.replayed) return undefined;
    const { outcome } = answer;
    if (outcome.status === 'refused') return outcome.rejection.reason === 'unchanged' ? undefined : outcome.rejection;
    if (outcome.status !== 'posted') throw new Error(`a repricing came to "${outcome.status}"`);
    if (outcome.entry.amount < 0) return negate(outcome.entry.amount);
    // What is given back of an entry whose price was raised before is several reversals, one after the other.
    let moved = 0;
    for (
      let entry: typeof outcome.entry | undefined = outcome.entry;
      entry?.reprices === sequence && entry.reverses !== null;
      entry =
        entry.reverses === sequence ? undefined : await this.credits.wallet.reader.entry(account, entry.sequence + 1)
    )
      moved -= entry.amount;
    return moved;
  }
}

/** Says what a posting would come to. */
class Rehearsal {
  private account = '';
  private frozen = false;
  private available = 0;

  constructor(private readonly credits: CreditsService) {}

  async move({ account }: PricedEntries, planned: readonly Planned[], sum: Sum): Promise<void> {
    if (account !== this.account) {
      const { available, frozen } = await this.credits.wallet.reader.balance(account);
      Object.assign(this, { account, available, frozen });
    }
    for (const { sequence, difference } of planned) {
      if (difference > 0 && this.frozen) sum.skip(account, sequence, 'ACCOUNT_FROZEN');
      else if (difference > this.available && difference > 0) sum.skip(account, sequence, 'INSUFFICIENT_CREDITS');
      else {
        this.available -= difference;
        sum.add(difference);
      }
    }
  }
}

/** What was moved and skipped. */
class Sum {
  private entries = 0;
  private increase = 0n;
  private decrease = 0n;
  private readonly skipped: SkippedDto[] = [];
  private more = 0;

  add(difference: number): void {
    this.entries += 1;
    if (difference > 0) this.increase += BigInt(difference);
    else this.decrease -= BigInt(difference);
  }

  skip(account: PricedEntries['account'], sequence: number, reason: string): void {
    if (this.skipped.length === MOST_LISTED) this.more += 1;
    else this.skipped.push({ transaction_id: sequence, account: ownerAndUnit(account).owner, reason });
  }

  result(): RepricingDto {
    const { entries, skipped, more } = this;
    const exact = (sum: bigint) => exactNumber(decimalOf('USD', sum));
    const sums = { entries, increase: exact(this.increase), decrease: exact(this.decrease), skipped };
    return more === 0 ? sums : { ...sums, skipped_more: more };
  }
}

function codeOf({ reason }: Rejection): string {
  if (reason === 'insufficient') return 'INSUFFICIENT_CREDITS';
  return reason === 'frozen' ? 'ACCOUNT_FROZEN' : 'CONFLICT';
}
