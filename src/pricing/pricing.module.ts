import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { RateCardsService } from './cards/cards.service.js';
import { PricesController } from './cards/prices.controller.js';
import { RateCardRow } from './cards/rate-card.entity.js';
import { RateCardStore } from './cards/rate-card.store.js';
import { RateCards } from './cards/rate-cards.js';
import { RateCardsController } from './cards/rate-cards.controller.js';

/** What usage costs. It knows nothing of balances. */
@Module({
  imports: [TypeOrmModule.forFeature([RateCardRow])],
  controllers: [PricesController, RateCardsController],
  providers: [RateCardStore, RateCards, RateCardsService],
  exports: [RateCards],
})
export class PricingModule {}
