import { Injectable, Module } from '@nestjs/common';
import { Lanes, LedgerModule, LedgerReader } from '../ledger/index.js';
import { Config } from '../common/config/index.js';
import { ParkedUsageStore, PricingModule, Quotes, RateCards } from '../pricing/index.js';
import { MeController } from './me.controller.js';
import { park } from './parking.js';
import { type Park, Wallet } from './wallet.js';
import type { Words } from './words.js';

/** Makes the wallet of a unit. */
@Injectable()
export class Wallets {
  constructor(
    private readonly lanes: Lanes,
    private readonly reader: LedgerReader,
    private readonly cards: RateCards,
    private readonly quotes: Quotes,
    private readonly parked: ParkedUsageStore,
    private readonly config: Config,
  ) {}

  of<Label extends object>(words: Words<Label>): Wallet<Label> {
    const { cards, quotes } = this;
    const parks: Park | undefined =
      this.config.unpricedUsage === 'park' && words.unit === 'USD'
        ? (...unpriced) => park(this.parked, ...unpriced)
        : undefined;
    return new Wallet(words, this.lanes, this.reader, { cards, quotes }, parks);
  }
}

/** The ledger in the API's words, once for credits and tokens. */
@Module({
  imports: [LedgerModule, PricingModule],
  controllers: [MeController],
  providers: [Wallets],
  exports: [Wallets],
})
export class WalletModule {}
