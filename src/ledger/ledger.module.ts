import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ExpirySweeper, Lanes, LedgerMetrics } from './engine/index.js';
import { AccountsReader, EntriesReader, Follower, OverviewStore } from './follow/index.js';
import { FinanceReader, LedgerReader } from './read/index.js';
import { UsageReader, UsageRollup, UsageStore } from './usage/index.js';
import { LEDGER_ENTITIES, LedgerStore } from './store/index.js';

/** Accounts and their history, in whatever unit. */
@Module({
  imports: [TypeOrmModule.forFeature(LEDGER_ENTITIES)],
  providers: [
    LedgerMetrics,
    LedgerStore,
    Lanes,
    LedgerReader,
    FinanceReader,
    ExpirySweeper,
    OverviewStore,
    Follower,
    AccountsReader,
    EntriesReader,
    UsageStore,
    UsageRollup,
    UsageReader,
  ],
  exports: [Lanes, LedgerReader, FinanceReader, AccountsReader, EntriesReader, UsageReader],
})
export class LedgerModule {}
