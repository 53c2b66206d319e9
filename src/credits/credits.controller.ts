import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { AccountField, AdminOnly, Authenticated, CurrentPrincipal, type Principal } from '../auth/index.js';
import {
  type Answered,
  data,
  type Data,
  Endpoint,
  ExactNumbers,
  type Idempotency,
  IdempotencyKey,
  type Page,
  Public,
} from '../common/http/index.js';
import {
  ADMINISTRATOR_EXAMPLE,
  BatchAnswer,
  type BatchAnswered,
  batchExample,
  DIMENSIONS_EXAMPLE,
  type HistoryPage,
  HoldDto,
  HoldsQuery,
  spendBatch,
  SPENDING_EXAMPLE,
  SummaryQuery,
  TransactionDto,
  TransactionId,
  type Wallet,
} from '../wallet/index.js';
import {
  CaptureDto,
  CreditBalanceDto,
  CreditHistoryQuery,
  CreditSummaryDto,
  CreditTransactionDto,
  DebitBatchDto,
  DebitDto,
  DepositDto,
  OpenHoldDto,
  PackageDto,
} from './credits.dto.js';
import { CreditsService } from './credits.service.js';

const HoldId = () => ApiParam({ name: 'id', description: 'The id of the hold.', example: 'hold_7_12' });

const DEPOSIT = { type: 'deposit', amount: 50, balance_after: 242.5, description: 'Manual top-up', metadata: null };
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
  },
);

@ApiTags('Credits')
@Controller('credits')
export class CreditsController {
  private readonly wallet: Wallet<{ currency: 'USD' }>;

  constructor(private readonly credits: CreditsService) {
    this.wallet = credits.wallet;
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
  })
  packages(): Promise<Data<readonly PackageDto[]>> {
    return data(this.credits.packages());
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
      'The answer comes when the debit is durable. A debit that exceeds the available balance is refused with 402 and changes nothing.',
    status: 201,
    answers: CreditTransactionDto,
    example: SPENDING_EXAMPLE,
    idempotent: true,
    errors: ['INSUFFICIENT_CREDITS', 'FORBIDDEN'],
  })
  debit(
    @CurrentPrincipal() who: Principal,
    @Body() body: DebitDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<TransactionDto>> {
    return this.wallet.spend(who, body, key);
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
    example: BATCH_EXAMPLE,
    idempotent: true,
    errors: ['FORBIDDEN'],
  })
  debitBatch(
    @CurrentPrincipal() who: Principal,
    @Body() body: DebitBatchDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<BatchAnswered> {
    return spendBatch(this.wallet, who, body, key);
  }

  @Post('holds')
  @Authenticated()
  @Endpoint({
    summary: 'Open a hold',
    description:
      'A hold lowers `available` at once and never `balance`, so an agent can rely on the amount. Captures spend from it. The rest comes back when the hold is released, captured for the last time, or expires.',
    status: 201,
    answers: HoldDto,
    example: { captured: 0, ...DIMENSIONS_EXAMPLE },
    idempotent: true,
    errors: ['INSUFFICIENT_CREDITS', 'FORBIDDEN', 'CONFLICT'],
  })
  openHold(
    @CurrentPrincipal() who: Principal,
    @Body() body: OpenHoldDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<HoldDto>> {
    return this.wallet.openHold(who, body, key);
  }

  @Get('holds')
  @Authenticated()
  @Endpoint({
    summary: 'Holds of an account',
    description:
      'The oldest first, or the newest with `order=desc`; `status` narrows the list. A hold past its `expires_at` counts as expired at once.',
    answers: HoldDto,
    as: 'list',
    errors: ['FORBIDDEN'],
  })
  holds(@CurrentPrincipal() who: Principal, @Query() query: HoldsQuery): Promise<Page<HoldDto>> {
    return this.wallet.holds(who, query);
  }

  @Get('holds/:id')
  @Authenticated()
  @HoldId()
  @Endpoint({
    summary: 'One hold',
    description: 'With the amount that it kept back at first, and the amounts captured and released since.',
    answers: HoldDto,
    errors: ['FORBIDDEN', 'NOT_FOUND'],
  })
  hold(
    @CurrentPrincipal() who: Principal,
    @Param('id') id: string,
    @Query() query: AccountField,
  ): Promise<Data<HoldDto>> {
    return data(this.wallet.findHold(who, { id, account: query.account }));
  }

  @Post('holds/:id/capture')
  @Authenticated()
  @HoldId()
  @Endpoint({
    summary: 'Spend from a hold',
    description:
      'A final capture releases the rest. An expired, released or wholly captured hold cannot be captured: 409.',
    status: 201,
    answers: CreditTransactionDto,
    example: { ...SPENDING_EXAMPLE, hold_id: 'hold_7_12' },
    idempotent: true,
    errors: ['INSUFFICIENT_CREDITS', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
  })
  capture(
    @CurrentPrincipal() who: Principal,
    @Param('id') id: string,
    @Body() body: CaptureDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<TransactionDto>> {
    return this.wallet.capture(who, { id, account: body.account }, body, key);
  }

  @Post('holds/:id/release')
  @HttpCode(200)
  @Authenticated()
  @HoldId()
  @Endpoint({
    summary: 'Release a hold',
    description: 'Gives back the rest of the hold. A hold that is not open any more cannot be released: 409.',
    example: { status: 'released', captured: 1.25, released: 3.75 },
    answers: HoldDto,
    idempotent: true,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
  })
  release(
    @CurrentPrincipal() who: Principal,
    @Param('id') id: string,
    @Body() body: AccountField,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<HoldDto>> {
    return this.wallet.release(who, { id, account: body?.account }, key);
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
