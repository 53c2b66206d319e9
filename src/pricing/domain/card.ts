import { compact, divideUp, formatDecimal, parseDecimal, PRICE_DECIMALS } from './decimal.js';
import { NearestNames } from './nearest.js';
import { CALL_POOLS, type Pool, POOLS } from './pools.js';

/** Decimal strings: dollars per million tokens, per thousand of `requests` and `web_searches`. */
export type PricesBody = Partial<Record<Pool, string>>;

/** A model's prices. */
export interface ModelBody {
  id: string;
  aliases?: string[];
  prices: PricesBody;
  /** Prices for all of a request whose prompt has at least `from` tokens. */
  tiers?: { from: number; prices: PricesBody }[];
  /** Factors on every price, by the name of the service tier, whose capitals do not matter. */
  service_tiers?: Record<string, string>;
}

/** Something that is billed by the unit, at a decimal string of dollars. */
export interface MeterBody {
  id: string;
  unit_price: string;
  unit: string;
}

/** A rate card as it is made and shown. */
export interface RateCardBody {
  effective_from?: string;
  currency: 'USD';
  markup: string;
  models: ModelBody[];
  meters: MeterBody[];
  notes?: string[];
}

/** An effective price: tier, service tier and markup applied, rounded up. */
export interface Rate {
  /** 10⁻¹² dollars for a token, call or unit of a meter; a number where that is exact. */
  readonly price: number | bigint;
  /** The same in dollars. */
  readonly text: string;
}

/** The rates for prompts of at least `from` tokens, in the order of `POOLS`; undefined: without a price. */
export interface Rates {
  /** undefined: the model's own prices, for prompts below all tiers. */
  readonly from: number | undefined;
  readonly rates: readonly (Rate | undefined)[];
}

/** How many models' rates are kept for each service tier. */
const MAX_MADE = 500;
const MAX_TIERS = 20;

/**
 * A rate card that prices usage. It keeps the body and makes the rates of a model when they are first used, so that a
 * card of thousands of models costs little more memory than its body.
 */
export class RateCard {
  private readonly models = new Map<string, ModelBody>();
  private readonly meters = new Map<string, MeterBody>();
  private readonly markup: bigint;
  /** By service tier and then model id, the highest tier first. */
  private readonly made = new Map<string, Map<string, readonly Rates[]>>();
  private readonly madeMeters = new Map<string, Rate>();
  /** Made when somebody first has a name wrong. */
  private readonly names: { models?: NearestNames; meters?: NearestNames } = {};

  /** @param body without problems, see `checkCard` */
  constructor(
    /** The card's number. */
    readonly version: number,
    /** The card as it was made. */
    readonly body: RateCardBody,
  ) {
    this.markup = factor(body.markup);
    for (const model of body.models)
      for (const name of [model.id, ...(model.aliases ?? [])]) this.models.set(name, model);
    for (const meter of body.meters) this.meters.set(meter.id, meter);
  }

  /** The model that an id or alias names. */
  model(name: string): ModelBody | undefined {
    return this.models.get(name);
  }

  /** The ids of the models or meters whose names are most like one that is not known. */
  nearest(kind: 'models' | 'meters', name: string): string[] {
    const names = (): [string, string][] =>
      Array.from<[string, { id: string }], [string, string]>(this[kind], ([each, { id }]) => [each, id]);
    return (this.names[kind] ??= new NearestNames(names())).find(name);
  }

  /**
   * The rates of a model of this card, the highest tier first; undefined when it has no such service tier.
   * @param serviceTier in lower case; null: the standard one
   */
  rates(model: ModelBody, serviceTier: string | null): readonly Rates[] | undefined {
    let byModel = this.made.get(serviceTier ?? '');
    const known = byModel?.get(model.id);
    if (known) return known;
    const factors = serviceTier === null ? [] : serviceFactors(model, serviceTier);
    if (!factors) return undefined;
    if (!byModel) {
      if (this.made.size >= MAX_TIERS) this.made.clear();
      this.made.set(serviceTier ?? '', (byModel = new Map<string, readonly Rates[]>()));
    }
    const made = this.makeRates(model, [...factors, this.markup]);
    if (byModel.size >= MAX_MADE) byModel.clear();
    byModel.set(model.id, made);
    return made;
  }

  /** The part of a service tier's name that has no factor; the whole where each has one and they can't be joined. */
  missingTier(model: ModelBody, serviceTier: string): string {
    const tiers = serviceTiersOf(model);
    return serviceTier.split('+').find((part) => !Object.hasOwn(tiers, part)) ?? serviceTier;
  }

  /** The rate of a meter. */
  meterRate(id: string): Rate | undefined {
    const meter = this.meters.get(id);
    if (!meter) return undefined;
    let made = this.madeMeters.get(id);
    if (!made) this.madeMeters.set(id, (made = rate(parseDecimal(meter.unit_price, PRICE_DECIMALS)!, [this.markup])));
    return made;
  }

  private makeRates({ prices, tiers = [] }: ModelBody, factors: readonly bigint[]): readonly Rates[] {
    const ratesOf = (body: PricesBody) =>
      POOLS.map((pool) => {
        const price = body[pool];
        return price === undefined ? undefined : rate(parseDecimal(price, priceDecimals(pool))!, factors);
      });
    const made: Rates[] = tiers.map(({ from, prices: own }) => ({ from, rates: ratesOf(own) }));
    return [...made.reverse(), { from: undefined, rates: ratesOf(prices) }];
  }
}

/** Makes a card that prices usage, of a body without problems. */
export function compileCard(version: number, body: RateCardBody): RateCard {
  return new RateCard(version, body);
}

/** The id of the model that an id or alias names. */
export function canonicalModel(card: RateCard, name: string): string | undefined {
  return card.model(name)?.id;
}

/**
 * The decimals of a pool's prices on a card. With them, the digits of a price are its 10⁻¹² dollars for one: dollars
 * per million with 6, per thousand with 9.
 */
export function priceDecimals(pool: Pool): number {
  return CALL_POOLS.includes(pool) ? 9 : 6;
}

/** A model's prices as its customers pay them: the shape of the body, with markup, and service tiers as factors. */
export function effectivePrices(card: RateCard, model: ModelBody): Pick<ModelBody, 'prices' | 'tiers'> {
  const [base, ...tiers] = [...card.rates(model, null)!].reverse();
  const shown = ({ rates }: Rates) =>
    Object.fromEntries(
      POOLS.flatMap((pool, i) => (rates[i] ? [[pool, formatDecimal(rates[i].price, priceDecimals(pool))]] : [])),
    );
  return {
    prices: shown(base!),
    ...(tiers.length > 0 && { tiers: tiers.map((tier) => ({ from: tier.from!, prices: shown(tier) })) }),
  };
}

/**
 * The factors of a service tier. The parts of a joined name apply one on the other, unless the card names the whole;
 * undefined when the card lacks one.
 */
function serviceFactors(model: ModelBody, name: string): bigint[] | undefined {
  const tiers = serviceTiersOf(model);
  const parts = Object.hasOwn(tiers, name) ? [name] : name.split('+');
  const known = parts.every((part) => Object.hasOwn(tiers, part)) && new Set(parts).size === parts.length;
  return known ? parts.map((part) => factor(tiers[part]!)) : undefined;
}

/** The factors by their names in lower case. */
function serviceTiersOf({ service_tiers: tiers = {} }: ModelBody): Record<string, string> {
  return Object.fromEntries(Object.entries(tiers).map(([name, text]) => [name.toLowerCase(), text]));
}

const ONE = 10n ** BigInt(PRICE_DECIMALS);

function factor(text: string): bigint {
  return parseDecimal(text, PRICE_DECIMALS)!;
}

function rate(price: bigint, factors: readonly bigint[]): Rate {
  const [product, divisor] = factors.reduce(([all, ones], each) => [all * each, ones * ONE], [price, 1n]);
  const effective = divideUp(product, divisor);
  return { price: compact(effective), text: formatDecimal(effective, PRICE_DECIMALS) };
}
