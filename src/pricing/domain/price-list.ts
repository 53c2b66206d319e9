import { effectivePrices, type MeterBody, type ModelBody, type RateCard, type RateCardBody } from './card.js';

/** What can be shown of a card; without a markup, where it is in every price. */
export interface PriceList extends Omit<RateCardBody, 'markup' | 'effective_from'> {
  markup?: string;
}

/** A model with the prices that its customers pay. */
export function effectiveModel(card: RateCard, model: ModelBody): ModelBody {
  return { ...model, ...effectivePrices(card, model) };
}

/** A meter with the price that its customers pay. */
export function effectiveMeter(card: RateCard, meter: MeterBody): MeterBody {
  return { ...meter, unit_price: card.meterRate(meter.id)!.text };
}

/** A card as its customers pay it: the markup is in every price and shown nowhere. */
export function effectiveList(card: RateCard): PriceList {
  const { markup: _, effective_from: __, models, meters, ...rest } = card.body;
  return {
    ...rest,
    models: models.map((model) => effectiveModel(card, model)),
    meters: meters.map((meter) => effectiveMeter(card, meter)),
  };
}
