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
  COUNTED_EXAMPLE,
  HOLD_ENDPOINTS,
  HoldDto,
  HoldsQuery,
  OneHold,
  SPENDING_EXAMPLE,
  type TransactionDto,
  type Wallet,
} from '../wallet/index.js';
import { CaptureTokensDto, OpenTokenHoldDto, TokenTransactionDto } from './tokens.dto.js';
import { TokensService } from './tokens.service.js';

/** Amounts of tokens that are kept back. */
@ApiTags('Tokens')
@Controller('tokens/holds')
export class TokensHoldsController {
  private readonly wallet: Wallet;

  constructor(tokens: TokensService) {
    this.wallet = tokens.wallet;
  }

  @Post()
  @Authenticated()
  @Endpoint({
    ...HOLD_ENDPOINTS.open,
    answers: HoldDto,
    errors: ['INSUFFICIENT_TOKENS', 'ACCOUNT_FROZEN', 'FORBIDDEN', 'CONFLICT'],
  })
  openHold(
    @CurrentPrincipal() who: Principal,
    @Body() body: OpenTokenHoldDto,
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
    answers: TokenTransactionDto,
    example: { ...SPENDING_EXAMPLE, grants: [{ grant_id: 1, amount: 1250 }], hold_id: 'hold_7_12' },
    byUsage: COUNTED_EXAMPLE,
    errors: ['INSUFFICIENT_TOKENS', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
  })
  capture(
    @CurrentPrincipal() who: Principal,
    @Param('id') id: string,
    @Body() body: CaptureTokensDto,
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
