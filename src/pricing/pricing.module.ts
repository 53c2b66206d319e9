import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { RateCardsService } from './cards/cards.service.js';
import { PricesController } from './cards/prices.controller.js';
import { RateCardRow } from './cards/rate-card.entity.js';
import { RateCardStore } from './cards/rate-card.store.js';
import { RateCards } from './cards/rate-cards.js';
import { RateCardsController } from './cards/rate-cards.controller.js';
import { ParkedUsageRow } from './parking/parked-usage.entity.js';
import { ParkedUsageStore } from './parking/parked-usage.store.js';
import { Quote } from './quotes/quote.entity.js';
import { Quotes } from './quotes/quotes.js';

/** The entities of prices. */
export const PRICING_ENTITIES = [RateCardRow, Quote, ParkedUsageRow];

/** What usage costs. It knows nothing of balances. */
@Module({
  imports: [TypeOrmModule.forFeature(PRICING_ENTITIES)],
  controllers: [PricesController, RateCardsController],
  providers: [RateCardStore, RateCards, RateCardsService, Quotes, ParkedUsageStore],
  exports: [RateCards, Quotes, ParkedUsageStore],
})
export class PricingModule {}
