import { Module } from '@nestjs/common';
import { WalletModule } from '../wallet/index.js';
import { CreditsController } from './credits.controller.js';
import { CreditsExportsController } from './exports.controller.js';
import { CreditsGrantsController } from './grants.controller.js';
import { CreditsHoldsController } from './holds.controller.js';
import { CreditsUsageController } from './usage.controller.js';
import { CreditsService } from './credits.service.js';

/** Credits: US dollars. */
@Module({
  imports: [WalletModule],
  controllers: [
    CreditsController,
    CreditsHoldsController,
    CreditsGrantsController,
    CreditsExportsController,
    CreditsUsageController,
  ],
  providers: [CreditsService],
  exports: [CreditsService],
})
export class CreditsModule {}
