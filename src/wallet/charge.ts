import { ApiError, invalidField } from '../common/http/index.js';
import type { Charge, Stored, Unit } from '../ledger/index.js';
import {
  canonicalModel,
  type Evidence,
  evidenceText,
  type RateCard,
  readUsage,
  type Unpriced,
  type Usage,
  UsageError,
  usageRecord,
  usageText,
} from '../pricing/index.js';
import { storedAmount } from './amount.rule.js';
import type { ChargeBody } from './requests.js';
import type { TransactionDto } from './transaction.dto.js';

/** Where prices come from. */
export interface Prices {
  readonly cards: {
    /** The card in force. */
    current(): RateCard;
    /** A card by its version. */
    card(version: number): Promise<RateCard | undefined>;
  };
  readonly quotes: {
    /** A quote of an account; undefined: there is none, or it is another's. */
    find(id: string, account: string, now: number): Promise<Quoted | undefined>;
  };
}

/** What a quote binds. */
interface Quoted {
  /** In the ledger's integers. */
  readonly amount: number;
  readonly rateCard: number;
  readonly model: string | null;
  readonly meter: string | null;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** What usage comes to in the integers of a unit. */
export interface Measured {
  readonly amount: number;
  /** null: it is no model's. */
  readonly model: string | null;
  readonly pricing: Evidence | null;
}

/**
 * Turns usage into an amount of a unit, above zero and no more than an account can hold.
 * @throws UsageError when there is no such amount
 */
export type Measure = (card: RateCard, usage: Usage) => Measured | Unpriced;

/** What a request charges. */
export interface Charged extends Charge {
  readonly model: string | null;
  /** What a transaction shows of usage and pricing, so that it need not be read from their texts. */
  readonly evidence?: Pick<TransactionDto, 'usage' | 'pricing'>;
  /** Why there is no amount. The ledger is asked all the same: it may have answered before, under the same key. */
  readonly refusal?: ApiError;
}

/** What an answer needs to know of a charge. */
export type Shown = Pick<Charged, 'refusal' | 'evidence'>;

/** What a hold keeps back, and the prices that it binds. */
export interface Reserved extends Pick<Charged, 'amount' | 'model' | 'refusal'> {
  readonly priced?: boolean;
  readonly rateCard?: number;
}

/** A quote that can be used, and its prices; or why there is none. */
type FoundQuote =
  | { readonly quote: Quoted; readonly card: RateCard; readonly refusal?: undefined }
  | { readonly quote?: undefined; readonly refusal: ApiError };

/** Decides what requests charge, for one unit. */
export class Charges {
  constructor(
    private readonly unit: Unit,
    private readonly measure: Measure,
    private readonly prices: Prices,
  ) {}

  /**
   * What a spending charges.
   * @param account whose quote it may name, such as `user:42`
   * @param path of the fields within the request, such as `items.3.`
   * @param bound the version of the prices that its hold binds
   * @throws ApiError VALIDATION_ERROR for usage that is malformed, contradicts itself or is zero
   */
  of(body: ChargeBody, account: string, path = '', bound: number | null = null): Charged | Promise<Charged> {
    const { usage, quote_id } = body;
    if (usage === undefined) {
      if (quote_id !== undefined) throw invalidField(`${path}quote_id`, 'goes with usage, which is missing');
      return this.plain(body, path);
    }
    const used = this.read(body, path);
    if (quote_id !== undefined) return this.byQuote(body, quote_id, account, used, path);
    return bound === null
      ? this.by(this.prices.cards.current(), used, body, path)
      : this.byVersion(bound, used, body, path);
  }

  /** What a hold keeps back: an amount, the price of usage, or a quote's amount. */
  async reserve(body: ChargeBody, account: string): Promise<Reserved> {
    const { amount, usage, quote_id } = body;
    if (quote_id === undefined) {
      if (usage === undefined) return this.plain(body, '');
      const { refusal, ...charged } = this.by(this.prices.cards.current(), this.read(body, ''), body, '');
      return { amount: charged.amount, model: charged.model, refusal, priced: true };
    }
    if (usage !== undefined || amount !== undefined)
      throw invalidField('quote_id', 'stands alone in a hold, without amount and usage');
    const found = await this.quoted(quote_id, account);
    if (!found.quote) return { amount: null, model: body.model ?? null, refusal: found.refusal, priced: true };
    const { quote, card } = found;
    const { model } = quote;
    if (body.model !== undefined && model !== null && !isSame(card, body.model, model))
      return { amount: null, model, refusal: invalidField('model', OTHER_MODEL), priced: true };
    return {
      amount: quote.amount as Stored,
      model: model ?? body.model ?? null,
      priced: true,
      rateCard: quote.rateCard,
    };
  }

  private plain({ amount, model }: ChargeBody, path: string): { amount: Stored; model: string | null } {
    if (amount === undefined) throw invalidField(`${path}amount`, 'must be given, or usage in its place');
    return { amount: storedAmount(this.unit, amount, `${path}amount`), model: model ?? null };
  }

  private read({ amount, usage }: ChargeBody, path: string): Usage {
    if (amount !== undefined) throw invalidField(`${path}usage`, 'can not stand beside amount');
    try {
      return readUsage(usage!);
    } catch (error) {
      throw ofUsage(error, path);
    }
  }

  private async byVersion(version: number, used: Usage, body: ChargeBody, path: string): Promise<Charged> {
    const card = await this.prices.cards.card(version);
    if (!card) throw new Error(`there is no rate card ${version}`);
    return this.by(card, used, body, path);
  }

  private async byQuote(body: ChargeBody, id: string, account: string, used: Usage, path: string): Promise<Charged> {
    const found = await this.quoted(id, account);
    if (!found.quote) return this.refused(used, body, found.refusal);
    const { quote, card } = found;
    const isQuoted = used.kind === 'model' ? named(card, used.model) === quote.model : used.meter === quote.meter;
    if (isQuoted) return this.by(card, used, body, path);
    const message = `is not that of the quote, ${quote.model ?? quote.meter}`;
    return this.refused(used, body, invalidField(`${path}usage.${used.kind}`, message));
  }

  private async quoted(id: string, account: string): Promise<FoundQuote> {
    const now = Date.now();
    const quote = await this.prices.quotes.find(id, account, now);
    const card = quote && (await this.prices.cards.card(quote.rateCard));
    if (!quote || !card) return { refusal: new ApiError('NOT_FOUND', 'This account has no such quote.') };
    const { expiresAt } = quote;
    if (expiresAt > now) return { quote, card };
    const details = { expired_at: new Date(expiresAt).toISOString() };
    return { refusal: new ApiError('CONFLICT', 'The quote has expired. Ask for a new one.', { details }) };
  }

  /** The one place where usage becomes an amount. */
  private by(card: RateCard, used: Usage, body: ChargeBody, path: string): Charged {
    const { model } = body;
    if (model !== undefined && used.kind === 'model' && !isSame(card, model, used.model))
      return this.refused(used, body, invalidField(`${path}model`, OTHER_MODEL));
    let measured: Measured | Unpriced;
    try {
      measured = this.measure(card, used);
    } catch (error) {
      return this.refused(used, body, ofUsage(error, path));
    }
    if ('unpriced' in measured)
      return this.refused(used, body, new ApiError('UNPRICED', undefined, { details: measured.unpriced }));
    const { amount, pricing } = measured;
    const usage = usageRecord(used);
    return {
      amount: amount as Stored,
      usage: JSON.stringify(usage),
      pricing: pricing && evidenceText(pricing),
      model: measured.model ?? model ?? null,
      evidence: pricing ? { usage, pricing } : { usage },
    };
  }

  private refused(used: Usage, body: ChargeBody, refusal: ApiError): Charged {
    const model = used.kind === 'model' ? used.model : (body.model ?? null);
    return { amount: null, usage: usageText(used), model, refusal };
  }
}

/** The 400 for usage that is refused; what is no such refusal is thrown on. */
function ofUsage(error: unknown, path: string): ApiError {
  if (!(error instanceof UsageError)) throw error;
  return invalidField(`${path}usage${error.field && `.${error.field}`}`, error.message);
}

const OTHER_MODEL = 'is not the model of the usage';

/** Whether two names are of one model. */
function isSame(card: RateCard, one: string, other: string): boolean {
  return one === other || named(card, one) === named(card, other);
}

/** The id of a model that the card knows, else the name as it is. */
function named(card: RateCard, model: string): string {
  return canonicalModel(card, model) ?? model;
}
