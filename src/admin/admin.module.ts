import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/index.js';
import { PaymentsModule } from '../payments/index.js';
import { AdminAccountsController } from './accounts.controller.js';
import { AdminAccountsService } from './accounts.service.js';
import { FinanceController } from './finance.controller.js';
import { AdminTransactionsController } from './transactions.controller.js';

/** Questions and corrections across accounts, for administrators alone. */
@Module({
  imports: [LedgerModule, PaymentsModule],
  controllers: [AdminAccountsController, AdminTransactionsController, FinanceController],
  providers: [AdminAccountsService],
})
export class AdminModule {}
