import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/index.js';
import { FinanceController } from './finance.controller.js';

/** What administrators see and do across accounts. */
@Module({ imports: [LedgerModule], controllers: [FinanceController] })
export class AdminModule {}
