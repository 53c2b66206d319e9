import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Authenticated, CurrentPrincipal, type Principal } from '../auth/index.js';
import { data, type Data, Endpoint, ExactNumbers, ExportEndpoint, sendExport } from '../common/http/index.js';
import {
  USAGE_ENDPOINTS,
  UsageReportDto,
  UsageReports,
  UsageExportQuery,
  UsageQuery,
  UsageRowDto,
  type Wallet,
} from '../wallet/index.js';
import { CreditsService } from './credits.service.js';

/** Spending by model, agent, actor, run or type. */
@ApiTags('Credits')
@Controller('credits/usage')
export class CreditsUsageController {
  private readonly wallet: Wallet;

  constructor(
    credits: CreditsService,
    private readonly reports: UsageReports,
  ) {
    this.wallet = credits.wallet;
  }

  @Get()
  @Authenticated()
  @ExactNumbers()
  @Endpoint({ ...USAGE_ENDPOINTS.show, answers: UsageReportDto, errors: ['FORBIDDEN'] })
  usage(@CurrentPrincipal() who: Principal, @Query() query: UsageQuery): Promise<Data<UsageReportDto>> {
    return data(this.reports.show(this.wallet, who, query));
  }

  @Get('export')
  @Authenticated()
  @ExportEndpoint({ ...USAGE_ENDPOINTS.export, answers: UsageRowDto })
  async exportUsage(
    @CurrentPrincipal() who: Principal,
    @Query() query: UsageExportQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await sendExport(reply, query.format, await this.reports.export(this.wallet, who, query));
  }
}
