import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditRow } from '../common/audit/index.js';
import { CreditsModule } from '../credits/index.js';
import { AdminAuditController } from './audit.controller.js';
import { AuditReader } from './audit.reader.js';
import { AdminMarksController } from './marks.controller.js';

/** The routes of administrators. */
@Module({
  imports: [TypeOrmModule.forFeature([AuditRow]), CreditsModule],
  controllers: [AdminMarksController, AdminAuditController],
  providers: [AuditReader],
})
export class AdminModule {}
