import { Injectable } from '@nestjs/common';
import { accountFor, type Principal } from '../auth/index.js';
import { Config, readSection } from '../common/config/index.js';
import type { Idempotency, Page } from '../common/http/index.js';
import { LedgerReader, LedgerService, type PurchaseGrant, type SummaryQuery } from '../ledger/index.js';
import { CatalogPackage, type CreditBalanceDto, type CreditHistoryQuery, type CreditSummaryDto, type CreditTransactionDto, type DebitDto, type DepositDto } from './credits.dto.js';

const unit = 'USD';

/** Credits: US dollars that were paid in advance. */
@Injectable()
export class CreditsService {
  private readonly catalog: readonly CatalogPackage[];

  constructor(
    private readonly ledger: LedgerService,
    private readonly reader: LedgerReader,
    config: Config,
  ) {
    this.catalog = readSection(CatalogPackage, 'packages', config.catalog.packages);
  }

  /** What can be bought. */
  packages(): readonly CatalogPackage[] {
    return this.catalog;
  }

  async balance(who: Principal, account?: string): Promise<CreditBalanceDto> {
    return { ...(await this.reader.balance(accountFor(who, account), unit)), currency: 'USD' };
  }

  /** Puts credits into an account. */
  deposit(who: Principal, { account, ...body }: DepositDto, idempotency: Idempotency): Promise<CreditTransactionDto> {
    return this.ledger.post({ ...body, account: accountFor(who, account), unit, operation: 'deposit', type: 'deposit', idempotency }) as Promise<CreditTransactionDto>;
  }

  /** Spends credits that are there. */
  debit(who: Principal, { account, amount, ...body }: DebitDto, idempotency: Idempotency): Promise<CreditTransactionDto> {
    return this.ledger.post({ ...body, amount: -amount, account: accountFor(who, account), unit, operation: 'debit', type: 'debit', idempotency }) as Promise<CreditTransactionDto>;
  }

  /** Adds what a paid purchase brought, once, however often it is told. */
  grantPurchase(grant: PurchaseGrant): Promise<void> {
    return this.ledger.grantPurchase(unit, 'deposit', grant);
  }

  transaction(who: Principal, id: number, account?: string): Promise<CreditTransactionDto> {
    return this.reader.transaction(accountFor(who, account), unit, id) as Promise<CreditTransactionDto>;
  }

  transactions(who: Principal, query: CreditHistoryQuery): Promise<Page<CreditTransactionDto>> {
    return this.reader.history(accountFor(who, query.account), unit, query) as Promise<Page<CreditTransactionDto>>;
  }

  async summary(who: Principal, query: SummaryQuery): Promise<CreditSummaryDto> {
    return { currency: 'USD', ...(await this.reader.summary(accountFor(who, query.account), unit, query)) };
  }
}
