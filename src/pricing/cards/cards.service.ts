import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/index.js';
import { newRecord } from '../../common/audit/index.js';
import { Answered, ApiError, type Idempotency, type Page, requestHash } from '../../common/http/index.js';
import {
  checkCard,
  difference,
  effectiveList,
  effectiveMeter,
  effectiveModel,
  type ModelBody,
  type PriceList,
  type RateCard,
  type RateCardBody,
} from '../domain/index.js';
import type {
  PricedMeterDto,
  PricedModelDto,
  PricesQuery,
  RateCardDiffDto,
  RateCardDto,
  RateCardSummaryDto,
} from './cards.dto.js';
import type { RateCardHead } from './rate-card.entity.js';
import { RateCardStore } from './rate-card.store.js';
import { RateCards } from './rate-cards.js';

/** A refusal names every bad line of a card, up to so many. */
const MOST_PROBLEMS = 10_000;

/** Rate cards in the API's words. */
@Injectable()
export class RateCardsService {
  /** To make the effective prices of thousands of models takes a good part of a second. */
  private readonly effective = new WeakMap<RateCard, PriceList>();

  constructor(
    private readonly cards: RateCards,
    private readonly store: RateCardStore,
  ) {}

  /** What models cost now, the markup included. */
  models({ q, limit, offset }: PricesQuery): Page<PricedModelDto> {
    const card = this.cards.current();
    const found = card.body.models.filter(({ id, aliases = [] }) => fits(q, id, ...aliases));
    const data = found.slice(offset, offset + limit).map((model) => pricedModel(card, model));
    return { data, meta: { total: found.length, limit, offset } };
  }

  /** @throws ApiError NOT_FOUND */
  model(name: string): PricedModelDto {
    const card = this.cards.current();
    const model = card.model(name);
    if (!model) throw new ApiError('NOT_FOUND', 'The prices in force know no such model.');
    return pricedModel(card, model);
  }

  /** What meters cost now, the markup included. */
  meters({ q, limit, offset }: PricesQuery): Page<PricedMeterDto> {
    const card = this.cards.current();
    const found = card.body.meters.filter(({ id }) => fits(q, id));
    const shown = found.slice(offset, offset + limit);
    const data = shown.map((meter) => ({ ...effectiveMeter(card, meter), rate_card: card.version }));
    return { data, meta: { total: found.length, limit, offset } };
  }

  async list(who: Principal, { limit, offset }: { limit: number; offset: number }): Promise<Page<RateCardSummaryDto>> {
    const { rows, total } = await this.store.list(limit, offset);
    return { data: rows.map((head) => this.summary(who, head)), meta: { total, limit, offset } };
  }

  /** @throws ApiError NOT_FOUND */
  async find(who: Principal, version: number): Promise<RateCardDto> {
    const head = await this.store.head(version);
    if (!head) throw unknown(version);
    return this.whole(who, head);
  }

  /** @throws ApiError NOT_FOUND */
  async compare(who: Principal, a: number, b: number): Promise<RateCardDiffDto> {
    const [before, after] = [await this.shown(who, a), await this.shown(who, b)];
    const { markup: from, ...rest } = { markup: before.markup, ...difference(before, after) };
    const to = after.markup;
    return { ...rest, ...(from !== undefined && to !== undefined && from !== to && { markup: { from, to } }) };
  }

  /**
   * Makes a card.
   * @throws ApiError VALIDATION_ERROR with every bad line, IDEMPOTENCY_KEY_REUSED
   */
  async make(who: Principal, sent: unknown, asked: Idempotency): Promise<Answered<RateCardDto>> {
    const problems = checkCard(sent);
    if (problems.length > 0)
      throw new ApiError('VALIDATION_ERROR', `The card has ${problems.length} bad lines; \`details\` names them.`, {
        details: problems,
        mostProblems: MOST_PROBLEMS,
      });
    const { effective_from: from, ...body } = sent as RateCardBody;
    const createdBy = `admin:${who.subject}`;
    const { key, traceId, clientAddress } = asked;
    const { head, replayed } = await this.cards.make({
      effectiveFrom: from === undefined ? undefined : Date.parse(from),
      markup: body.markup,
      body: body,
      createdBy,
      createdAt: Date.now(),
      requestId: key === undefined ? randomBytes(32).toString('base64url') : requestHash({ createdBy, key }),
      requestHash: key === undefined ? '' : requestHash(sent as object),
      audit: ({ version, effectiveFrom, markup }) =>
        newRecord({
          actor: createdBy,
          action: 'pricing.rate_card',
          account: null,
          target: String(version),
          before: null,
          after: {
            version,
            effective_from: new Date(effectiveFrom).toISOString(),
            markup,
            models: body.models.length,
            meters: body.meters.length,
          },
          traceId,
          clientAddress,
        }),
    });
    return new Answered(await this.whole(who, head), replayed);
  }

  private async whole(who: Principal, head: RateCardHead): Promise<RateCardDto> {
    const { currency, models, meters, notes = [] } = await this.shown(who, head.version);
    return { ...this.summary(who, head), currency, models, meters, notes };
  }

  /** Raw prices beside effective ones would tell the markup, so only administrators see them. */
  private async shown(who: Principal, version: number): Promise<PriceList> {
    const card = await this.cards.card(version);
    if (!card) throw unknown(version);
    if (who.admin) return card.body;
    const list = this.effective.get(card) ?? effectiveList(card);
    this.effective.set(card, list);
    return list;
  }

  private summary(who: Principal, { version, effectiveFrom, markup, createdBy, createdAt }: RateCardHead) {
    return {
      version,
      effective_from: new Date(effectiveFrom).toISOString(),
      in_force: version === this.cards.inForce().version,
      ...(who.admin && { markup }),
      created_by: createdBy,
      created_at: new Date(createdAt).toISOString(),
    };
  }
}

function unknown(version: number): ApiError {
  return new ApiError('NOT_FOUND', `There is no rate card ${version}.`);
}

function pricedModel(card: RateCard, model: ModelBody): PricedModelDto {
  return { aliases: [], ...effectiveModel(card, model), rate_card: card.version };
}

/** Whether one of the names contains the text, in upper or lower case. */
function fits(text: string | undefined, ...names: string[]): boolean {
  if (text === undefined) return true;
  const sought = text.toLowerCase();
  return names.some((name) => name.toLowerCase().includes(sought));
}
