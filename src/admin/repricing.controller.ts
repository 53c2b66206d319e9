import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AdminOnly, CurrentPrincipal, type Principal } from '../auth/index.js';
import { data, type Data, Endpoint, ExactNumbers, type Idempotency, IdempotencyKey } from '../common/http/index.js';
import { RepriceDto, RepricingDto } from './repricing.dto.js';
import { RepricingService } from './repricing.service.js';

@ApiTags('Pricing')
@Controller('pricing')
export class RepricingController {
  constructor(private readonly repricing: RepricingService) {}

  @Post('reprice')
  @HttpCode(200)
  @AdminOnly()
  @ExactNumbers()
  @Endpoint({
    summary: 'Give past usage the prices of another rate card (administrators)',
    description:
      'Each debit and capture of the period that has usage is priced again. The difference to what it comes to now, reversals and earlier repricings counted, is posted as a debit or a reversal with `reprices`. Once for each transaction and card: the same request again posts only what was skipped before. Send it without `dry_run` first and read the sums.',
    answers: RepricingDto,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'],
  })
  reprice(
    @CurrentPrincipal() who: Principal,
    @Body() body: RepriceDto,
    @IdempotencyKey() { traceId, clientAddress }: Idempotency,
  ): Promise<Data<RepricingDto>> {
    return data(this.repricing.reprice(who, body, { traceId, clientAddress }));
  }
}
