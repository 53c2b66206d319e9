import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Authenticated, CurrentPrincipal, type Principal } from '../auth/index.js';
import { ExportEndpoint, sendExport } from '../common/http/index.js';
import {
  BalanceGrantDto,
  EXPORT_ENDPOINTS,
  exportGrants,
  GrantsExportQuery,
  exportTransactions,
  type Wallet,
} from '../wallet/index.js';
import { CreditExportQuery, CreditTransactionDto } from './credits.dto.js';
import { CreditsService } from './credits.service.js';

/** The history and the grants as files. */
@ApiTags('Credits')
@Controller('credits')
export class CreditsExportsController {
  private readonly wallet: Wallet;

  constructor(credits: CreditsService) {
    this.wallet = credits.wallet;
  }

  @Get('transactions/export')
  @Authenticated()
  @ExportEndpoint({ ...EXPORT_ENDPOINTS.transactions, answers: CreditTransactionDto })
  async exportTransactions(
    @CurrentPrincipal() who: Principal,
    @Query() query: CreditExportQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await sendExport(reply, query.format, exportTransactions(this.wallet, who, query));
  }

  @Get('grants/export')
  @Authenticated()
  @ExportEndpoint({ ...EXPORT_ENDPOINTS.grants, answers: BalanceGrantDto })
  async exportGrants(
    @CurrentPrincipal() who: Principal,
    @Query() query: GrantsExportQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await sendExport(reply, query.format, exportGrants(this.wallet, who, query));
  }
}
