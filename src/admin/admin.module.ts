import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditRow } from '../common/audit/index.js';
import { CreditsModule } from '../credits/index.js';
import { LedgerModule } from '../ledger/index.js';
import { PaymentsModule } from '../payments/index.js';
import { PricingModule } from '../pricing/index.js';
import { AdminAccountsController } from './accounts.controller.js';
import { AdminAccountsService } from './accounts.service.js';
import { AdminAuditController } from './audit.controller.js';
import { AuditReader } from './audit.reader.js';
import { FinanceController } from './finance.controller.js';
import { AdminMarksController } from './marks.controller.js';
import { AdminPurchasesController } from './purchases.controller.js';
import { PurchasesReader } from './purchases.reader.js';
import { RepricingController } from './repricing.controller.js';
import { RepricingService } from './repricing.service.js';
import { AdminTransactionsController } from './transactions.controller.js';

/** Questions and corrections across accounts, for administrators alone. */
@Module({
  imports: [TypeOrmModule.forFeature([AuditRow]), LedgerModule, CreditsModule, PaymentsModule, PricingModule],
  controllers: [
    AdminAccountsController,
    AdminMarksController,
    AdminTransactionsController,
    AdminPurchasesController,
    AdminAuditController,
    FinanceController,
    RepricingController,
  ],
  providers: [AdminAccountsService, AuditReader, PurchasesReader, RepricingService],
})
export class AdminModule {}
