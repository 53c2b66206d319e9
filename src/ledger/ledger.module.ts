import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ExpirySweeper, Lanes, LedgerMetrics } from './engine/index.js';
import { FinanceReader, LedgerReader } from './read/index.js';
import { LEDGER_ENTITIES, LedgerStore } from './store/index.js';

/** Accounts and their history, in whatever unit. */
@Module({
  imports: [TypeOrmModule.forFeature(LEDGER_ENTITIES)],
  providers: [LedgerMetrics, LedgerStore, Lanes, LedgerReader, FinanceReader, ExpirySweeper],
  exports: [Lanes, LedgerReader, FinanceReader],
})
export class LedgerModule {}
