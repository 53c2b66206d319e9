import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AccountField, Authenticated, CurrentPrincipal, type Principal } from '../auth/index.js';
import {
  type Answered,
  data,
  type Data,
  Endpoint,
  type Idempotency,
  IdempotencyKey,
  type Page,
} from '../common/http/index.js';
import {
  HOLD_ENDPOINTS,
  HoldDto,
  HoldsQuery,
  OneHold,
  SPENDING_EXAMPLE,
  type TransactionDto,
  USAGE_EXAMPLE,
  type Wallet,
} from '../wallet/index.js';
import { CaptureDto, OpenHoldDto, CreditTransactionDto } from './credits.dto.js';
import { CreditsService } from './credits.service.js';

/** Amounts of credits that are kept back. */
@ApiTags('Credits')
@Controller('credits/holds')
export class CreditsHoldsController {
  private readonly wallet: Wallet;

  constructor(credits: CreditsService) {
    this.wallet = credits.wallet;
  }

  @Post()
  @Authenticated()
  @Endpoint({
    ...HOLD_ENDPOINTS.open,
    answers: HoldDto,
    errors: ['INSUFFICIENT_CREDITS', 'ACCOUNT_FROZEN', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'UNPRICED'],
  })
  openHold(
    @CurrentPrincipal() who: Principal,
    @Body() body: OpenHoldDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<HoldDto>> {
    return this.wallet.openHold(who, body, key);
  }

  @Get()
  @Authenticated()
  @Endpoint({ ...HOLD_ENDPOINTS.list, answers: HoldDto, as: 'list' })
  holds(@CurrentPrincipal() who: Principal, @Query() query: HoldsQuery): Promise<Page<HoldDto>> {
    return this.wallet.holds(who, query);
  }

  @Get(':id')
  @OneHold()
  @Endpoint({ ...HOLD_ENDPOINTS.find, answers: HoldDto })
  hold(
    @CurrentPrincipal() who: Principal,
    @Param('id') id: string,
    @Query() query: AccountField,
  ): Promise<Data<HoldDto>> {
    return data(this.wallet.findHold(who, { id, account: query.account }));
  }

  @Post(':id/capture')
  @OneHold()
  @Endpoint({
    ...HOLD_ENDPOINTS.capture,
    answers: CreditTransactionDto,
    example: { ...SPENDING_EXAMPLE, hold_id: 'hold_7_12' },
    byUsage: USAGE_EXAMPLE,
    errors: ['INSUFFICIENT_CREDITS', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'UNPRICED'],
  })
  capture(
    @CurrentPrincipal() who: Principal,
    @Param('id') id: string,
    @Body() body: CaptureDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<TransactionDto>> {
    return this.wallet.capture(who, { id, account: body.account }, body, key);
  }

  @Post(':id/release')
  @HttpCode(200)
  @OneHold()
  @Endpoint({ ...HOLD_ENDPOINTS.release, answers: HoldDto })
  release(
    @CurrentPrincipal() who: Principal,
    @Param('id') id: string,
    @Body() body: AccountField,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<HoldDto>> {
    return this.wallet.release(who, { id, account: body?.account }, key);
  }
}
