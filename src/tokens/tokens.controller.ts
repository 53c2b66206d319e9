import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AccountField, AdminOnly, Authenticated, CurrentPrincipal, type Principal } from '../auth/index.js';
import { data, type Data, Endpoint, ExactNumbers, type Idempotency, IdempotencyKey, type Page, Public } from '../common/http/index.js';
import { BatchAnswer, SummaryQuery, TransactionId } from '../ledger/index.js';
import {
  ConsumeBatchDto,
  ConsumeDto,
  GrantDto,
  PlanDto,
  TokenBalanceDto,
  TokenHistoryQuery,
  TokenSummaryDto,
  TokenTransactionDto,
} from './tokens.dto.js';
import { TokensService } from './tokens.service.js';

@ApiTags('Tokens')
@Controller('tokens')
export class TokensController {
  constructor(private readonly tokens: TokensService) {}

  @Get('balance')
  @Authenticated()
  @Endpoint({ summary: 'Current token balance', answers: TokenBalanceDto, errors: ['FORBIDDEN'] })
  balance(@CurrentPrincipal() who: Principal, @Query() query: AccountField): Promise<Data<TokenBalanceDto>> {
    return data(this.tokens.balance(who, query.account));
  }

  @Get('plans')
  @Public()
  @Endpoint({ summary: 'Token plans for sale', answers: PlanDto, as: 'array' })
  plans(): Promise<Data<readonly PlanDto[]>> {
    return data(this.tokens.plans());
  }

  @Post('grant')
  @AdminOnly()
  @Endpoint({
    summary: 'Grant tokens (administrators)',
    status: 201,
    answers: TokenTransactionDto,
    idempotent: true,
    errors: ['FORBIDDEN', 'CONFLICT', 'OVERLOADED'],
  })
  grant(
    @CurrentPrincipal() who: Principal,
    @Body() body: GrantDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Data<TokenTransactionDto>> {
    return data(this.tokens.grant(who, body, key));
  }

  @Post('consume')
  @Authenticated()
  @Endpoint({
    summary: 'Record token consumption',
    description:
      'Answers when the consumption is durable. One that the available balance does not cover is refused with 402 and changes nothing.',
    status: 201,
    answers: TokenTransactionDto,
    idempotent: true,
    errors: ['INSUFFICIENT_TOKENS', 'FORBIDDEN', 'OVERLOADED'],
  })
  consume(
    @CurrentPrincipal() who: Principal,
    @Body() body: ConsumeDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Data<TokenTransactionDto>> {
    return data(this.tokens.consume(who, body, key));
  }

  @Post('consume/batch')
  @HttpCode(200)
  @Authenticated()
  @Endpoint({
    summary: 'Record up to 1,000 token consumptions',
    description: 'One result per item, in order; as the batch of debits.',
    answers: BatchAnswer,
    as: 'bare',
    idempotent: true,
    errors: ['FORBIDDEN', 'OVERLOADED'],
  })
  consumeBatch(
    @CurrentPrincipal() who: Principal,
    @Body() body: ConsumeBatchDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<BatchAnswer> {
    return this.tokens.consumeBatch(who, body, key);
  }

  @Get('transactions')
  @Authenticated()
  @Endpoint({ summary: 'Token transaction history', answers: TokenTransactionDto, as: 'list', errors: ['FORBIDDEN'] })
  transactions(@CurrentPrincipal() who: Principal, @Query() query: TokenHistoryQuery): Promise<Page<TokenTransactionDto>> {
    return this.tokens.transactions(who, query);
  }

  @Get('transactions/:id')
  @Authenticated()
  @Endpoint({ summary: 'One token transaction', answers: TokenTransactionDto, errors: ['FORBIDDEN', 'NOT_FOUND'] })
  transaction(
    @CurrentPrincipal() who: Principal,
    @Param() { id }: TransactionId,
    @Query() query: AccountField,
  ): Promise<Data<TokenTransactionDto>> {
    return data(this.tokens.transaction(who, id, query.account));
  }

  @Get('usage-summary')
  @Authenticated()
  @ExactNumbers()
  @Endpoint({ summary: 'Aggregated token usage', answers: TokenSummaryDto, errors: ['FORBIDDEN'] })
  summary(@CurrentPrincipal() who: Principal, @Query() query: SummaryQuery): Promise<Data<TokenSummaryDto>> {
    return data(this.tokens.summary(who, query));
  }
}
