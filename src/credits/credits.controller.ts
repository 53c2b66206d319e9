import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AccountField, AdminOnly, Authenticated, CurrentPrincipal, type Principal } from '../auth/index.js';
import { data, type Data, Endpoint, ExactNumbers, type Idempotency, IdempotencyKey, type Page, Public } from '../common/http/index.js';
import { BatchAnswer, HoldDto, SummaryQuery, TransactionId } from '../ledger/index.js';
import {
  CaptureDto,
  CreditBalanceDto,
  CreditHistoryQuery,
  CreditSummaryDto,
  CreditTransactionDto,
  DebitBatchDto,
  DebitDto,
  DepositDto,
  HoldsQuery,
  OpenHoldDto,
  PackageDto,
} from './credits.dto.js';
import { CreditsService } from './credits.service.js';

@ApiTags('Credits')
@Controller('credits')
export class CreditsController {
  constructor(private readonly credits: CreditsService) {}

  @Get('balance')
  @Authenticated()
  @Endpoint({ summary: 'Current credit balance', answers: CreditBalanceDto, errors: ['FORBIDDEN'] })
  balance(@CurrentPrincipal() who: Principal, @Query() query: AccountField): Promise<Data<CreditBalanceDto>> {
    return data(this.credits.balance(who, query.account));
  }

  @Get('packages')
  @Public()
  @Endpoint({ summary: 'Credit packages for sale', answers: PackageDto, as: 'array' })
  packages(): Promise<Data<PackageDto[]>> {
    return data(this.credits.packages().map(({ id, amount, price, currency }) => ({ id, amount, price, currency })));
  }

  @Post('deposit')
  @AdminOnly()
  @Endpoint({
    summary: 'Deposit credits (administrators)',
    status: 201,
    answers: CreditTransactionDto,
    idempotent: true,
    errors: ['FORBIDDEN', 'CONFLICT', 'OVERLOADED'],
  })
  deposit(
    @CurrentPrincipal() who: Principal,
    @Body() body: DepositDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Data<CreditTransactionDto>> {
    return data(this.credits.deposit(who, body, key));
  }

  @Post('debit')
  @HttpCode(201)
  @Authenticated()
  @Endpoint({
    summary: 'Debit credits for a usage event',
    description:
      'Answers when the debit is durable. A debit that the available balance does not cover is refused with 402 and changes nothing.',
    status: 201,
    answers: CreditTransactionDto,
    idempotent: true,
    errors: ['INSUFFICIENT_CREDITS', 'FORBIDDEN', 'OVERLOADED'],
  })
  debit(
    @CurrentPrincipal() who: Principal,
    @Body() body: DebitDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Data<CreditTransactionDto>> {
    return data(this.credits.debit(who, body, key));
  }

  @Post('debit/batch')
  @HttpCode(200)
  @Authenticated()
  @Endpoint({
    summary: 'Debit credits for up to 1,000 usage events',
    description:
      "One result per item, in order. `independent`: each item is posted or rejected by itself. `atomic`: all are posted, in one transaction, or none is. The header's key covers the whole batch; an item may have a key of its own, of the same scope as that of a single debit.",
    answers: BatchAnswer,
    as: 'bare',
    idempotent: true,
    errors: ['FORBIDDEN', 'OVERLOADED'],
  })
  debitBatch(@CurrentPrincipal() who: Principal, @Body() body: DebitBatchDto, @IdempotencyKey() key: Idempotency): Promise<BatchAnswer> {
    return this.credits.debitBatch(who, body, key);
  }

  @Post('holds')
  @Authenticated()
  @Endpoint({
    summary: 'Keep credits back',
    status: 201,
    answers: HoldDto,
    idempotent: true,
    errors: ['INSUFFICIENT_CREDITS', 'FORBIDDEN', 'CONFLICT', 'OVERLOADED'],
  })
  openHold(@CurrentPrincipal() who: Principal, @Body() body: OpenHoldDto, @IdempotencyKey() key: Idempotency): Promise<Data<HoldDto>> {
    return data(this.credits.openHold(who, body, key));
  }

  @Get('holds')
  @Authenticated()
  @Endpoint({ summary: 'Holds of an account', answers: HoldDto, as: 'list', errors: ['FORBIDDEN'] })
  holds(@CurrentPrincipal() who: Principal, @Query() query: HoldsQuery): Promise<Page<HoldDto>> {
    return this.credits.holds(who, query);
  }

  @Get('holds/:id')
  @Authenticated()
  @Endpoint({ summary: 'One hold', answers: HoldDto, errors: ['FORBIDDEN', 'NOT_FOUND'] })
  hold(@CurrentPrincipal() who: Principal, @Param('id') id: string, @Query() query: AccountField): Promise<Data<HoldDto>> {
    return data(this.credits.hold(who, id, query.account));
  }

  @Post('holds/:id/capture')
  @Authenticated()
  @Endpoint({
    summary: 'Spend from a hold',
    description: 'A final capture releases the rest. An expired, released or wholly captured hold can not be captured: 409.',
    status: 201,
    answers: CreditTransactionDto,
    idempotent: true,
    errors: ['INSUFFICIENT_CREDITS', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'OVERLOADED'],
  })
  capture(
    @CurrentPrincipal() who: Principal,
    @Param('id') id: string,
    @Body() body: CaptureDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Data<CreditTransactionDto>> {
    return data(this.credits.capture(who, id, body, key));
  }

  @Post('holds/:id/release')
  @HttpCode(200)
  @Authenticated()
  @Endpoint({
    summary: 'Give back what remains of a hold',
    answers: HoldDto,
    idempotent: true,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'OVERLOADED'],
  })
  release(
    @CurrentPrincipal() who: Principal,
    @Param('id') id: string,
    @Body() body: AccountField,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Data<HoldDto>> {
    return data(this.credits.release(who, id, body?.account, key));
  }

  @Get('transactions')
  @Authenticated()
  @Endpoint({ summary: 'Transaction history', answers: CreditTransactionDto, as: 'list', errors: ['FORBIDDEN'] })
  transactions(@CurrentPrincipal() who: Principal, @Query() query: CreditHistoryQuery): Promise<Page<CreditTransactionDto>> {
    return this.credits.transactions(who, query);
  }

  @Get('transactions/:id')
  @Authenticated()
  @Endpoint({ summary: 'One transaction', answers: CreditTransactionDto, errors: ['FORBIDDEN', 'NOT_FOUND'] })
  transaction(
    @CurrentPrincipal() who: Principal,
    @Param() { id }: TransactionId,
    @Query() query: AccountField,
  ): Promise<Data<CreditTransactionDto>> {
    return data(this.credits.transaction(who, id, query.account));
  }

  @Get('usage-summary')
  @Authenticated()
  @ExactNumbers()
  @Endpoint({ summary: 'Aggregated usage', answers: CreditSummaryDto, errors: ['FORBIDDEN'] })
  summary(@CurrentPrincipal() who: Principal, @Query() query: SummaryQuery): Promise<Data<CreditSummaryDto>> {
    return data(this.credits.summary(who, query));
  }
}
