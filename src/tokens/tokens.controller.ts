import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccountField, AdminOnly, Authenticated, CurrentPrincipal, type Principal } from '../auth/index.js';
import {
  type Answered,
  data,
  type Data,
  Endpoint,
  ExactNumbers,
  FixedAnswer,
  type Idempotency,
  IdempotencyKey,
  Public,
} from '../common/http/index.js';
import {
  ADMINISTRATOR_EXAMPLE,
  type BatchAnswered,
  batchExample,
  COUNTED_EXAMPLE,
  type HistoryPage,
  type Parked,
  spendBatch,
  SPENDING_EXAMPLE,
  SummaryQuery,
  TransactionDto,
  TransactionId,
  type Wallet,
} from '../wallet/index.js';
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

const GRANT = {
  id: 1,
  type: 'grant',
  amount: 50000,
  balance_after: 50000,
  description: 'Welcome tokens',
  metadata: null,
  account_created: true,
};
const BATCH_EXAMPLE = batchExample(
  { type: 'consume', amount: -1250, balance_after: 250, description: null, model: 'large-2026-10' },
  {
    code: 'INSUFFICIENT_TOKENS',
    message: 'The available tokens are less than the amount.',
    details: { required: 300, available: 250, shortfall: 50 },
    docs_url: 'https://credits.example.com/api/docs/errors#INSUFFICIENT_TOKENS',
  },
);

@ApiTags('Tokens')
@Controller('tokens')
export class TokensController {
  private readonly catalog: FixedAnswer;
  private readonly wallet: Wallet<{ unit: 'tokens' }>;

  constructor(tokens: TokensService) {
    this.wallet = tokens.wallet;
    this.catalog = new FixedAnswer('application/json; charset=utf-8', () => JSON.stringify({ data: tokens.plans() }));
  }

  @Get('balance')
  @Authenticated()
  @Endpoint({
    summary: 'Current token balance',
    description: 'A new account has a balance of 0.',
    answers: TokenBalanceDto,
    errors: ['FORBIDDEN'],
  })
  balance(@CurrentPrincipal() who: Principal, @Query() query: AccountField): Promise<Data<TokenBalanceDto>> {
    return data(this.wallet.balance(who, query.account));
  }

  @Get('plans')
  @Public()
  @Endpoint({
    summary: 'Token plans for sale',
    description: 'In the order of the catalog. A checkout names a plan by its `id`.',
    answers: PlanDto,
    as: 'array',
    headers: ['ETag', 'Vary'],
  })
  plans(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.catalog.send(request, reply);
  }

  @Post('grant')
  @AdminOnly()
  @Endpoint({
    summary: 'Grant tokens (administrators)',
    description:
      "Adds tokens to `account`, by default the administrator's own. The answer comes when the grant is durable.",
    status: 201,
    answers: TokenTransactionDto,
    example: { ...GRANT, ...ADMINISTRATOR_EXAMPLE },
    idempotent: true,
    errors: ['FORBIDDEN', 'CONFLICT'],
  })
  grant(
    @CurrentPrincipal() who: Principal,
    @Body() body: GrantDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<TransactionDto>> {
    return this.wallet.deposit(who, body, key);
  }

  @Post('consume')
  @Authenticated()
  @Endpoint({
    summary: 'Record token consumption',
    description:
      'Of an `amount`, or of `usage`, whose tokens are counted: the model needs no price. The answer comes when the consumption is durable. One that exceeds the available balance is refused with 402 and changes nothing.',
    status: 201,
    answers: TokenTransactionDto,
    example: { ...SPENDING_EXAMPLE, grants: [{ grant_id: 1, amount: 1250 }] },
    byUsage: COUNTED_EXAMPLE,
    idempotent: true,
    errors: ['INSUFFICIENT_TOKENS', 'ACCOUNT_FROZEN', 'FORBIDDEN'],
  })
  consume(
    @CurrentPrincipal() who: Principal,
    @Body() body: ConsumeDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<TransactionDto | Parked>> {
    return this.wallet.spend(who, body, key);
  }

  @Post('consume/batch')
  @HttpCode(200)
  @Authenticated()
  @Endpoint({
    summary: 'Record up to 1,000 token consumptions',
    description: 'One result per item, in order, like the batch of debits.',
    answers: TokenTransactionDto,
    as: 'batch',
    example: BATCH_EXAMPLE,
    idempotent: true,
    errors: ['FORBIDDEN'],
  })
  consumeBatch(
    @CurrentPrincipal() who: Principal,
    @Body() body: ConsumeBatchDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<BatchAnswered> {
    return spendBatch(this.wallet, who, body, key);
  }

  @Get('transactions')
  @Authenticated()
  @Endpoint({
    summary: 'Token transaction history',
    description:
      'The oldest first, or the newest with `order=desc`; `type`, `from` and `to` narrow the list. Ids count 1, 2, 3 … without a gap. `agent`, `model`, `actor`, `run_id`, `hold_id`, `purchase_id`, `min_amount`, `max_amount` and `q` look through the entries of a period of at most 92 days (`from` to `to`; without them, the last 31). Such a list has no total and goes on by `cursor`. A page looks through at most 50,000 entries, so it can be short, even empty, and have a `next_cursor`.',
    answers: TokenTransactionDto,
    as: 'history',
    errors: ['FORBIDDEN'],
  })
  transactions(@CurrentPrincipal() who: Principal, @Query() query: TokenHistoryQuery): Promise<HistoryPage> {
    return this.wallet.transactions(who, query);
  }

  @Get('transactions/:id')
  @Authenticated()
  @Endpoint({
    summary: 'One token transaction',
    description: 'By its number within the account. A transaction never changes.',
    answers: TokenTransactionDto,
    errors: ['FORBIDDEN', 'NOT_FOUND'],
  })
  transaction(
    @CurrentPrincipal() who: Principal,
    @Param() { id }: TransactionId,
    @Query() query: AccountField,
  ): Promise<Data<TransactionDto>> {
    return data(this.wallet.transaction(who, id, query.account));
  }

  @Get('usage-summary')
  @Authenticated()
  @ExactNumbers()
  @Endpoint({
    summary: 'Aggregated token usage',
    description:
      'The last 30 days, unless `from` and `to` say otherwise. Grants and purchases count as deposited, consumption as debited.',
    answers: TokenSummaryDto,
    errors: ['FORBIDDEN'],
  })
  summary(@CurrentPrincipal() who: Principal, @Query() query: SummaryQuery): Promise<Data<TokenSummaryDto>> {
    return data(this.wallet.summary(who, query));
  }
}
