import { Injectable, Module } from '@nestjs/common';
import { Lanes, LedgerModule, LedgerReader, UsageReader } from '../ledger/index.js';
import { MeController } from './me.controller.js';
import { Wallet } from './wallet.js';
import type { Words } from './words.js';

/** Makes the wallet of a unit. */
@Injectable()
export class Wallets {
  constructor(
    private readonly lanes: Lanes,
    private readonly reader: LedgerReader,
    private readonly usage: UsageReader,
  ) {}

  of<Label extends object>(words: Words<Label>): Wallet<Label> {
    return new Wallet(words, this.lanes, this.reader, this.usage);
  }
}

/** The ledger in the API's words, once for credits and tokens. */
@Module({ imports: [LedgerModule], controllers: [MeController], providers: [Wallets], exports: [Wallets] })
export class WalletModule {}
