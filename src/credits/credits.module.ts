import { Module } from '@nestjs/common';
import { PricingModule } from '../pricing/index.js';
import { WalletModule } from '../wallet/index.js';
import { CreditsController } from './credits.controller.js';
import { CreditsExportsController } from './exports.controller.js';
import { CreditsGrantsController } from './grants.controller.js';
import { CreditsHoldsController } from './holds.controller.js';
import { CreditsService } from './credits.service.js';
import { ParkedController } from './pricing/parked.controller.js';
import { ParkedService } from './pricing/parked.service.js';
import { QuotesController } from './pricing/quotes.controller.js';

/** Credits: US dollars. */
@Module({
  imports: [WalletModule, PricingModule],
  controllers: [
    CreditsController,
    CreditsHoldsController,
    CreditsGrantsController,
    CreditsExportsController,
    QuotesController,
    ParkedController,
  ],
  providers: [CreditsService, ParkedService],
  exports: [CreditsService],
})
export class CreditsModule {}
