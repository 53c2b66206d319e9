import { Injectable } from '@nestjs/common';
import { accountFor, type Principal } from '../auth/index.js';
import { Config, readSection } from '../common/config/index.js';
import type { Idempotency, Page } from '../common/http/index.js';
import {
  type BatchAnswer,
  LedgerReader,
  LedgerService,
  type PurchaseGrant,
  type PurchaseRefund,
  type SummaryQuery,
} from '../ledger/index.js';
import {
  type ConsumeBatchDto,
  type ConsumeDto,
  type GrantDto,
  PlanDto,
  type TokenBalanceDto,
  type TokenHistoryQuery,
  type TokenSummaryDto,
  type TokenTransactionDto,
} from './tokens.dto.js';

const unit = 'tokens';

/** Tokens: what language models may still use. */
@Injectable()
export class TokensService {
  private readonly catalog: readonly PlanDto[];

  constructor(
    private readonly ledger: LedgerService,
    private readonly reader: LedgerReader,
    config: Config,
  ) {
    this.catalog = readSection(PlanDto, 'plans', config.catalog.plans);
  }

  /** What can be bought. */
  plans(): readonly PlanDto[] {
    return this.catalog;
  }

  async balance(who: Principal, account?: string): Promise<TokenBalanceDto> {
    return { ...(await this.reader.balance(accountFor(who, account), unit)), unit };
  }

  /** Gives tokens to an account. */
  grant(who: Principal, { account, amount, description }: GrantDto, idempotency: Idempotency): Promise<TokenTransactionDto> {
    return this.ledger.post({
      amount,
      description,
      account: accountFor(who, account),
      unit,
      operation: 'grant',
      type: 'grant',
      idempotency,
    }) as Promise<TokenTransactionDto>;
  }

  /** Takes tokens that were used. */
  consume(
    who: Principal,
    { account, amount, description, model, metadata }: ConsumeDto,
    idempotency: Idempotency,
  ): Promise<TokenTransactionDto> {
    return this.ledger.post({
      amount: -amount,
      description,
      model,
      metadata,
      account: accountFor(who, account),
      unit,
      operation: 'consume',
      type: 'consume',
      idempotency,
    }) as Promise<TokenTransactionDto>;
  }

  /** Takes what many uses took, at once. */
  consumeBatch(who: Principal, body: ConsumeBatchDto, idempotency: Idempotency): Promise<BatchAnswer> {
    return this.ledger.spendBatch(who, { unit, type: 'consume', body, idempotency });
  }

  /** Adds what a paid purchase brought, once, however often it is told. */
  grantPurchase(grant: PurchaseGrant): Promise<void> {
    return this.ledger.grantPurchase(unit, 'purchase', grant);
  }

  /** Takes back what a refund or dispute of a purchase reversed, or gives it back. */
  refundPurchase(refund: PurchaseRefund): Promise<void> {
    return this.ledger.refundPurchase(unit, refund);
  }

  /** What a purchase has brought, and how much of it was taken back; stored integers. */
  purchaseSums(account: string, purchaseId: string): Promise<{ granted: number; takenBack: number }> {
    return this.reader.purchaseSums(account, unit, purchaseId);
  }

  transaction(who: Principal, id: number, account?: string): Promise<TokenTransactionDto> {
    return this.reader.transaction(accountFor(who, account), unit, id) as Promise<TokenTransactionDto>;
  }

  transactions(who: Principal, query: TokenHistoryQuery): Promise<Page<TokenTransactionDto>> {
    return this.reader.history(accountFor(who, query.account), unit, query) as Promise<Page<TokenTransactionDto>>;
  }

  async summary(who: Principal, query: SummaryQuery): Promise<TokenSummaryDto> {
    return { unit, ...(await this.reader.summary(accountFor(who, query.account), unit, query)) };
  }
}
