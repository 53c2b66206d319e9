import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AccountField, AdminOnly, Authenticated, CurrentPrincipal, type Principal } from '../auth/index.js';
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
  BalanceGrantDto,
  ExtendGrantDto,
  extendGrant,
  findGrant,
  GRANT_ENDPOINTS,
  GrantId,
  GrantsQuery,
  listGrants,
  reverse,
  type TransactionDto,
  TransactionId,
  VoidGrantDto,
  voidGrant,
  type Wallet,
} from '../wallet/index.js';
import { CreditTransactionDto, ReverseCreditsDto } from './credits.dto.js';
import { CreditsService } from './credits.service.js';

/** The grants that a balance of credits is made of, and what an administrator corrects. */
@ApiTags('Credits')
@Controller('credits')
export class CreditsGrantsController {
  private readonly wallet: Wallet;

  constructor(credits: CreditsService) {
    this.wallet = credits.wallet;
  }

  @Get('grants')
  @Authenticated()
  @Endpoint({ ...GRANT_ENDPOINTS.list, answers: BalanceGrantDto, as: 'list' })
  grants(@CurrentPrincipal() who: Principal, @Query() query: GrantsQuery): Promise<Page<BalanceGrantDto>> {
    return listGrants(this.wallet, who, query);
  }

  @Get('grants/:id')
  @Authenticated()
  @Endpoint({ ...GRANT_ENDPOINTS.find, answers: BalanceGrantDto })
  findGrant(
    @CurrentPrincipal() who: Principal,
    @Param() { id }: GrantId,
    @Query() query: AccountField,
  ): Promise<Data<BalanceGrantDto>> {
    return data(findGrant(this.wallet, who, id, query.account));
  }

  @Post('grants/:id/void')
  @AdminOnly()
  @HttpCode(201)
  @Endpoint({ ...GRANT_ENDPOINTS.void, answers: CreditTransactionDto })
  void(
    @CurrentPrincipal() who: Principal,
    @Param() { id }: GrantId,
    @Body() body: VoidGrantDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<TransactionDto>> {
    return voidGrant(this.wallet, who, id, body, key);
  }

  @Post('grants/:id/extend')
  @AdminOnly()
  @HttpCode(201)
  @Endpoint({ ...GRANT_ENDPOINTS.extend, answers: BalanceGrantDto })
  extend(
    @CurrentPrincipal() who: Principal,
    @Param() { id }: GrantId,
    @Body() body: ExtendGrantDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<BalanceGrantDto>> {
    return extendGrant(this.wallet, who, id, body, key);
  }

  @Post('transactions/:id/reverse')
  @AdminOnly()
  @HttpCode(201)
  @Endpoint({ ...GRANT_ENDPOINTS.reverse, answers: CreditTransactionDto })
  reverse(
    @CurrentPrincipal() who: Principal,
    @Param() { id }: TransactionId,
    @Body() body: ReverseCreditsDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<TransactionDto>> {
    return reverse(this.wallet, who, id, body, key);
  }
}
