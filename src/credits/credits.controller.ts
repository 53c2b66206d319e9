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
  type HistoryPage,
  type Parked,
  spendBatch,
  SPENDING_EXAMPLE,
  SummaryQuery,
  TransactionDto,
  TransactionId,
  USAGE_EXAMPLE,
  type Wallet,
} from '../wallet/index.js';
import {
  CreditBalanceDto,
  CreditHistoryQuery,
  CreditSummaryDto,
  CreditTransactionDto,
  DebitBatchDto,
  DebitDto,
  DepositDto,
  PackageDto,
} from './credits.dto.js';
import { CreditsService } from './credits.service.js';

const DEPOSIT = {
  id: 1,
  type: 'deposit',
  amount: 50,
  balance_after: 50,
  description: 'Manual top-up',
  metadata: null,
  account_created: true,
};
const BATCH_EXAMPLE = batchExample(
  {
    type: 'debit',
    amount: -1.25,
    balance_after: 0.25,
    description: 'Agent run #4521',
    grants: [{ grant_id: 1, amount: 1.25 }],
    grants_count: 1,
  },
  {
    code: 'INSUFFICIENT_CREDITS',
    message: 'The available credits are less than the amount.',
    details: { required: 0.5, available: 0.25, shortfall: 0.25 },
    docs_url: 'https://credits.example.com/api/docs/errors#INSUFFICIENT_CREDITS',
  },
);

@ApiTags('Credits')
@Controller('credits')
export class CreditsController {
  private readonly catalog: FixedAnswer;
  private readonly wallet: Wallet<{ currency: 'USD' }>;

  constructor(credits: CreditsService) {
    this.wallet = credits.wallet;
    this.catalog = new FixedAnswer('application/json; charset=utf-8', () =>
      JSON.stringify({ data: credits.packages() }),
    );
  }

  @Get('balance')
  @Authenticated()
  @Endpoint({
    summary: 'Current credit balance',
    description: 'A new account has a balance of 0. Only `available` can be spent; open holds keep the rest back.',
    answers: CreditBalanceDto,
    errors: ['FORBIDDEN'],
  })
  balance(@CurrentPrincipal() who: Principal, @Query() query: AccountField): Promise<Data<CreditBalanceDto>> {
    return data(this.wallet.balance(who, query.account));
  }

  @Get('packages')
  @Public()
  @Endpoint({
    summary: 'Credit packages for sale',
    description: 'In the order of the catalog. A purchase names a package by its `id`.',
    answers: PackageDto,
    as: 'array',
    headers: ['ETag', 'Vary'],
  })
  packages(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.catalog.send(request, reply);
  }

  @Post('deposit')
  @AdminOnly()
  @Endpoint({
    summary: 'Deposit credits (administrators)',
    description:
      "Adds credits to `account`, by default the administrator's own. The answer comes when the deposit is durable.",
    status: 201,
    answers: CreditTransactionDto,
    example: { ...DEPOSIT, ...ADMINISTRATOR_EXAMPLE },
    idempotent: true,
    errors: ['FORBIDDEN', 'CONFLICT'],
  })
  deposit(
    @CurrentPrincipal() who: Principal,
    @Body() body: DepositDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<TransactionDto>> {
    return this.wallet.deposit(who, body, key);
  }

  @Post('debit')
  @HttpCode(201)
  @Authenticated()
  @Endpoint({
    summary: 'Debit credits for a usage event',
    description:
      'Of an `amount`, or of `usage`, which the rate card in force prices, exactly; the transaction keeps the usage and how the amount follows from it. The answer comes when the debit is durable. A debit that exceeds the available balance is refused with 402, usage without a price with 422; both change nothing. A server with `UNPRICED_USAGE=park` keeps such usage for later and answers 202 with `{ "data": { "id", "status": "parked" } }`.',
    status: 201,
    answers: CreditTransactionDto,
    example: SPENDING_EXAMPLE,
    byUsage: USAGE_EXAMPLE,
    idempotent: true,
    errors: ['INSUFFICIENT_CREDITS', 'ACCOUNT_FROZEN', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'UNPRICED'],
  })
  debit(
    @CurrentPrincipal() who: Principal,
    @Body() body: DebitDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<TransactionDto | Parked>> {
    return this.wallet.spend(who, body, key);
  }

  @Post('debit/batch')
  @HttpCode(200)
  @Authenticated()
  @Endpoint({
    summary: 'Debit credits for up to 1,000 usage events',
    description:
      "One result per item, in order. `independent`: each item is posted or rejected by itself. `atomic`: all are posted, in one transaction, or none is; usage without a price is then a 422 for the whole. The header's key covers the whole batch; an item may have a key of its own, of the same scope as that of a single debit.",
    answers: CreditTransactionDto,
    as: 'batch',
    example: BATCH_EXAMPLE,
    idempotent: true,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'UNPRICED'],
  })
  debitBatch(
    @CurrentPrincipal() who: Principal,
    @Body() body: DebitBatchDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<BatchAnswered> {
    return spendBatch(this.wallet, who, body, key);
  }

  @Get('transactions')
  @Authenticated()
  @Endpoint({
    summary: 'Transaction history',
    description:
      'The oldest first, or the newest with `order=desc`; `type`, `from` and `to` narrow the list. Ids count 1, 2, 3 … without a gap, so a client can see that nothing is missing. Every page costs the same, even far back. `agent`, `model`, `actor`, `run_id`, `hold_id`, `purchase_id`, `min_amount`, `max_amount` and `q` look through the entries of a period of at most 92 days (`from` to `to`; without them, the last 31). Such a list has no total and goes on by `cursor`. A page looks through at most 50,000 entries, so it can be short, even empty, and have a `next_cursor`.',
    answers: CreditTransactionDto,
    as: 'history',
    errors: ['FORBIDDEN'],
  })
  transactions(@CurrentPrincipal() who: Principal, @Query() query: CreditHistoryQuery): Promise<HistoryPage> {
    return this.wallet.transactions(who, query);
  }

  @Get('transactions/:id')
  @Authenticated()
  @Endpoint({
    summary: 'One transaction',
    description: 'By its number within the account. A transaction never changes.',
    answers: CreditTransactionDto,
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
    summary: 'Aggregated usage',
    description:
      'The last 30 days, unless `from` and `to` say otherwise. `opening_balance` + `total_deposited` − `total_debited` − `total_refunded` = `closing_balance`; `series` has a line for each day or month in which something happened.',
    answers: CreditSummaryDto,
    errors: ['FORBIDDEN'],
  })
  summary(@CurrentPrincipal() who: Principal, @Query() query: SummaryQuery): Promise<Data<CreditSummaryDto>> {
    return data(this.wallet.summary(who, query));
  }
}
