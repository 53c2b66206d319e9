import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditRow } from '../common/audit/index.js';
import { CreditsModule } from '../credits/index.js';
import { PaymentsModule } from '../payments/index.js';
import { AdminAuditController } from './audit.controller.js';
import { AuditReader } from './audit.reader.js';
import { AdminMarksController } from './marks.controller.js';
import { AdminPurchasesController } from './purchases.controller.js';
import { PurchasesReader } from './purchases.reader.js';

/** The routes of administrators. */
@Module({
  imports: [TypeOrmModule.forFeature([AuditRow]), CreditsModule, PaymentsModule],
  controllers: [AdminMarksController, AdminAuditController, AdminPurchasesController],
  providers: [AuditReader, PurchasesReader],
})
export class AdminModule {}
