import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { HoldSweeper } from './hold-sweeper.js';
import { Lanes } from './lanes.js';
import { LEDGER_ENTITIES } from './ledger.entities.js';
import { LedgerMetrics } from './ledger.metrics.js';
import { LedgerReader } from './ledger.reader.js';
import { LedgerService } from './ledger.service.js';
import { LedgerStore } from './ledger.store.js';

/** Accounts and their history, in whatever unit; credits and tokens are two names for it. */
@Module({
  imports: [TypeOrmModule.forFeature(LEDGER_ENTITIES)],
  providers: [LedgerMetrics, LedgerStore, Lanes, LedgerService, LedgerReader, HoldSweeper],
  exports: [LedgerService, LedgerReader],
})
export class LedgerModule {}
