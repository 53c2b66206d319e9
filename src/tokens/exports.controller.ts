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
import { TokenExportQuery, TokenTransactionDto } from './tokens.dto.js';
import { TokensService } from './tokens.service.js';

/** The history and the grants as files. */
@ApiTags('Tokens')
@Controller('tokens')
export class TokensExportsController {
  private readonly wallet: Wallet;

  constructor(tokens: TokensService) {
    this.wallet = tokens.wallet;
  }

  @Get('transactions/export')
  @Authenticated()
  @ExportEndpoint({ ...EXPORT_ENDPOINTS.transactions, answers: TokenTransactionDto })
  async exportTransactions(
    @CurrentPrincipal() who: Principal,
    @Query() query: TokenExportQuery,
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
