import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/index.js';
import { CreditsController } from './credits.controller.js';
import { CreditsService } from './credits.service.js';

/** Section 2 of the API: dollars. */
@Module({ imports: [LedgerModule], controllers: [CreditsController], providers: [CreditsService], exports: [CreditsService] })
export class CreditsModule {}
