import { Injectable } from '@nestjs/common';
import { accountFor, type Principal } from '../auth/index.js';
import { Config, readSection } from '../common/config/index.js';
import { ApiError, type Idempotency, type Page } from '../common/http/index.js';
import {
  type BatchAnswer,
  type HoldDto,
  type HoldReference,
  LedgerReader,
  LedgerService,
  type PurchaseGrant,
  type PurchaseRefund,
  type SummaryQuery,
} from '../ledger/index.js';
import {
  type CaptureDto,
  PackageDto,
  type CreditBalanceDto,
  type CreditHistoryQuery,
  type CreditSummaryDto,
  type CreditTransactionDto,
  type DebitBatchDto,
  type DebitDto,
  type DepositDto,
  type HoldsQuery,
  type OpenHoldDto,
} from './credits.dto.js';

const unit = 'USD';

/** Credits: US dollars that were paid in advance. */
@Injectable()
export class CreditsService {
  private readonly catalog: readonly PackageDto[];

  constructor(
    private readonly ledger: LedgerService,
    private readonly reader: LedgerReader,
    config: Config,
  ) {
    this.catalog = readSection(PackageDto, 'packages', config.catalog.packages);
  }

  /** What can be bought. */
  packages(): readonly PackageDto[] {
    return this.catalog;
  }

  async balance(who: Principal, account?: string): Promise<CreditBalanceDto> {
    return { ...(await this.reader.balance(accountFor(who, account), unit)), currency: 'USD' };
  }

  /** Puts credits into an account. */
  deposit(who: Principal, { account, amount, description }: DepositDto, idempotency: Idempotency): Promise<CreditTransactionDto> {
    return this.ledger.post({
      amount,
      description,
      account: accountFor(who, account),
      unit,
      operation: 'deposit',
      type: 'deposit',
      idempotency,
    }) as Promise<CreditTransactionDto>;
  }

  /** Spends credits that are there. */
  debit(who: Principal, { account, amount, description, metadata }: DebitDto, idempotency: Idempotency): Promise<CreditTransactionDto> {
    return this.ledger.post({
      amount: -amount,
      description,
      metadata,
      account: accountFor(who, account),
      unit,
      operation: 'debit',
      type: 'debit',
      idempotency,
    }) as Promise<CreditTransactionDto>;
  }

  /** Spends for many usage events at once. */
  debitBatch(who: Principal, body: DebitBatchDto, idempotency: Idempotency): Promise<BatchAnswer> {
    return this.ledger.spendBatch(who, { unit, type: 'debit', body, idempotency });
  }

  /** Keeps credits back for something that will cost at most as much. */
  openHold(
    who: Principal,
    { account, amount, description, expires_in, metadata }: OpenHoldDto,
    idempotency: Idempotency,
  ): Promise<HoldDto> {
    const request = { amount, description, metadata, expiresInSeconds: expires_in ?? 3600 };
    return this.ledger.openHold({ account: accountFor(who, account), unit }, request, idempotency);
  }

  /** Spends from a hold. */
  async capture(
    who: Principal,
    id: string,
    { account, amount, final, description }: CaptureDto,
    idempotency: Idempotency,
  ): Promise<CreditTransactionDto> {
    return (await this.ledger.capture(
      await this.locateHold(who, id, account, idempotency),
      { amount, description, final: final ?? true, type: 'debit' },
      idempotency,
    )) as CreditTransactionDto;
  }

  /** Gives back what remains of a hold. */
  async release(who: Principal, id: string, account: string | undefined, idempotency: Idempotency): Promise<HoldDto> {
    return this.ledger.release(await this.locateHold(who, id, account, idempotency), idempotency);
  }

  hold(who: Principal, id: string, account?: string): Promise<HoldDto> {
    return this.reader.hold(id, unit, holdOwner(who, account));
  }

  holds(who: Principal, query: HoldsQuery): Promise<Page<HoldDto>> {
    return this.reader.listHolds(accountFor(who, query.account), unit, query);
  }

  /** Adds what a paid purchase brought, once, however often it is told. */
  grantPurchase(grant: PurchaseGrant): Promise<void> {
    return this.ledger.grantPurchase(unit, 'deposit', grant);
  }

  /** Takes back what a refund or dispute of a purchase reversed, or gives it back. */
  refundPurchase(refund: PurchaseRefund): Promise<void> {
    return this.ledger.refundPurchase(unit, refund);
  }

  /** What a purchase has brought, and how much of it was taken back; stored integers. */
  purchaseSums(account: string, purchaseId: string): Promise<{ granted: number; takenBack: number }> {
    return this.reader.purchaseSums(account, unit, purchaseId);
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

  /**
   * The hold that an operation names. Under a key, one that names none is brought to the ledger all the same, so that the refusal is kept and the
   * same request gets the same answer when there is such a hold later.
   * @throws ApiError NOT_FOUND
   */
  private async locateHold(who: Principal, id: string, account: string | undefined, { key }: Idempotency): Promise<HoldReference> {
    const found = await this.reader.locateHold(id, unit, holdOwner(who, account));
    if (!found && key === undefined) throw new ApiError('NOT_FOUND', 'There is no such hold.');
    return found ?? { id, account: accountFor(who, account), unit, hold: 0 };
  }
}

/** The account that a hold must belong to. Its id names one, so an administrator need not. */
function holdOwner(who: Principal, account: string | undefined): string | undefined {
  return who.admin && account === undefined ? undefined : accountFor(who, account);
}
