import { Module } from '@nestjs/common';
import { WalletModule } from '../wallet/index.js';
import { TokensController } from './tokens.controller.js';
import { TokensExportsController } from './exports.controller.js';
import { TokensGrantsController } from './grants.controller.js';
import { TokensHoldsController } from './holds.controller.js';
import { TokensUsageController } from './usage.controller.js';
import { TokensService } from './tokens.service.js';

/** Tokens of language models. */
@Module({
  imports: [WalletModule],
  controllers: [
    TokensController,
    TokensHoldsController,
    TokensGrantsController,
    TokensExportsController,
    TokensUsageController,
  ],
  providers: [TokensService],
  exports: [TokensService],
})
export class TokensModule {}
