import { Injectable, Module } from '@nestjs/common';
import { Lanes, LedgerModule, LedgerReader } from '../ledger/index.js';
import { PricingModule, RateCards } from '../pricing/index.js';
import type { Park } from './charge.js';
import { MeController } from './me.controller.js';
import { Wallet } from './wallet.js';
import type { Words } from './words.js';

/** Makes the wallet of a unit. */
@Injectable()
export class Wallets {
  constructor(
    private readonly lanes: Lanes,
    private readonly reader: LedgerReader,
    private readonly cards: RateCards,
  ) {}

  of<Label extends object>(words: Words<Label>, park?: Park): Wallet<Label> {
    const { cards } = this;
    const quotes = { find: () => Promise.resolve(undefined) };
    return new Wallet(words, this.lanes, this.reader, { cards, quotes }, park);
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
