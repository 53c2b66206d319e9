import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AccountField, AdminOnly, Authenticated, CurrentPrincipal, type Principal } from '../auth/index.js';
import { data, type Data, Endpoint, type Idempotency, IdempotencyKey, type Page, Public } from '../common/http/index.js';
import { SummaryQuery, TransactionId } from '../ledger/index.js';
import { CreditBalanceDto, CreditHistoryQuery, CreditSummaryDto, CreditTransactionDto, DebitDto, DepositDto, PackageDto } from './credits.dto.js';
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
  @Endpoint({ summary: 'Deposit credits (administrators)', status: 201, answers: CreditTransactionDto, idempotent: true, errors: ['FORBIDDEN', 'CONFLICT', 'OVERLOADED'] })
  deposit(@CurrentPrincipal() who: Principal, @Body() body: DepositDto, @IdempotencyKey() key: Idempotency): Promise<Data<CreditTransactionDto>> {
    return data(this.credits.deposit(who, body, key));
  }

  @Post('debit')
  @HttpCode(201)
  @Authenticated()
  @Endpoint({
    summary: 'Debit credits for a usage event',
    description: 'Answers when the debit is durable. A debit that the available balance does not cover is refused with 402 and changes nothing.',
    status: 201,
    answers: CreditTransactionDto,
    idempotent: true,
    errors: ['INSUFFICIENT_CREDITS', 'FORBIDDEN', 'OVERLOADED'],
  })
  debit(@CurrentPrincipal() who: Principal, @Body() body: DebitDto, @IdempotencyKey() key: Idempotency): Promise<Data<CreditTransactionDto>> {
    return data(this.credits.debit(who, body, key));
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
  transaction(@CurrentPrincipal() who: Principal, @Param() { id }: TransactionId, @Query() query: AccountField): Promise<Data<CreditTransactionDto>> {
    return data(this.credits.transaction(who, id, query.account));
  }

  @Get('usage-summary')
  @Authenticated()
  @Endpoint({ summary: 'Aggregated usage', answers: CreditSummaryDto, errors: ['FORBIDDEN'] })
  summary(@CurrentPrincipal() who: Principal, @Query() query: SummaryQuery): Promise<Data<CreditSummaryDto>> {
    return data(this.credits.summary(who, query));
  }
}
