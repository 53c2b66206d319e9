import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AdminOnly, CurrentPrincipal, type Principal } from '../../auth/index.js';
import { data, type Data, Endpoint, type Idempotency, IdempotencyKey, type Page } from '../../common/http/index.js';
import { ParkedQuery, ParkedUsageDto, PostedParkedDto, PostParkedDto } from './parked.dto.js';
import { ParkedService } from './parked.service.js';

/** Usage that waits for a price. */
@ApiTags('Pricing')
@Controller('pricing/parked')
export class ParkedController {
  constructor(private readonly parked: ParkedService) {}

  @Get()
  @AdminOnly()
  @Endpoint({
    summary: 'Usage that waits for a price',
    description: 'With `UNPRICED_USAGE=park`, debits whose usage had no price. The oldest come first.',
    answers: ParkedUsageDto,
    as: 'list',
    errors: ['FORBIDDEN'],
  })
  list(@Query() query: ParkedQuery): Promise<Page<ParkedUsageDto>> {
    return this.parked.list(query);
  }

  @Post('post')
  @HttpCode(200)
  @AdminOnly()
  @Endpoint({
    summary: 'Post usage that has a price now',
    description:
      'As ordinary debits by the rate card in force, at most 1,000 a request, those first that were not tried for the longest. Each is charged once, however often this is asked for. What a short balance, a freeze or a missing price refuses stays parked with the reason.',
    answers: PostedParkedDto,
    errors: ['FORBIDDEN', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'],
  })
  post(
    @CurrentPrincipal() who: Principal,
    @Body() body: PostParkedDto,
    @IdempotencyKey() asked: Idempotency,
  ): Promise<Data<PostedParkedDto>> {
    return data(this.parked.post(who, body?.account, asked));
  }
}
