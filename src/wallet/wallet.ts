import { accountFor, actorOn, type Principal } from '../auth/index.js';
import { ApiError, Answered, type Idempotency, type Page } from '../common/http/index.js';
import {
  type AccountName,
  type Answer,
  type EntryType,
  type Fund,
  type Lanes,
  type LedgerReader,
  isParked,
  LedgerUnavailable,
  type Operation,
  ownerAndUnit,
  type Refund,
  type Release,
  type Spend,
  type Submission,
  SYSTEM,
} from '../ledger/index.js';
import { type Charged, Charges, type Prices, type Shown } from './charge.js';
import { checkPeriod, type HistoryPage, listTransactions } from './history.js';
import { askedBy, capturing, funding, opening, operation, purchased, spending } from './operations.js';
import { holdName, toBalance, toHold, toSummary, toTransaction } from './present.js';
import { parked, type Parked, parkedId, type UnpricedSpending } from './parked.js';
import { accepted } from './refusal.js';
import type {
  CaptureBody,
  DepositBody,
  FoundHold,
  HoldPath,
  MovementBody,
  OpenHoldBody,
  PurchaseGrant,
  PurchaseRefund,
} from './requests.js';
import type { HistoryQuery, HoldsQuery, SummaryQuery } from './queries.dto.js';
import type { HoldDto } from './hold.dto.js';
import type { SummaryDto } from './summary.dto.js';
import type { BalanceDto, TransactionDto } from './transaction.dto.js';
import type { Words } from './words.js';

/**
 * The accounts of one unit in the API's words. Every method that changes a balance answers when the change is durable.
 */
export class Wallet<Label extends object = object> {
  readonly charges: Charges;

  constructor(
    readonly words: Words<Label>,
    private readonly lanes: Lanes,
    readonly reader: LedgerReader,
    prices: Prices,
    /** Keeps spending that nothing prices for later; absent: it is refused. */
    private readonly park?: Park,
  ) {
    this.charges = new Charges(words.unit, words.measure, prices);
  }

  async balance(who: Principal, account?: string): Promise<BalanceDto & Label> {
    const name = this.nameFor(who, account);
    return { ...toBalance(name, await this.reader.balance(name)), ...this.words.label };
  }

  /**
   * Puts an amount into an account.
   * @throws ApiError FORBIDDEN, CONFLICT when the balance would leave the range in which it is exact,
   *   IDEMPOTENCY_KEY_REUSED, OVERLOADED
   */
  async deposit(who: Principal, body: DepositBody, asked: Idempotency): Promise<Answered<TransactionDto>> {
    const name = this.nameFor(who, body.account);
    const { data, replayed } = await this.post(who, funding(name, this.words, askedBy(who, name, asked), body));
    return new Answered(data.id === 1 ? { ...data, account_created: true } : data, replayed);
  }

  /**
   * Spends an amount that is there, or the price of usage.
   * @throws ApiError FORBIDDEN, INSUFFICIENT_CREDITS or INSUFFICIENT_TOKENS, UNPRICED, VALIDATION_ERROR for usage,
   *   NOT_FOUND or CONFLICT for a quote, IDEMPOTENCY_KEY_REUSED, OVERLOADED
   */
  async spend(who: Principal, body: MovementBody, asked: Idempotency): Promise<Answered<TransactionDto | Parked>> {
    const name = this.nameFor(who, body.account);
    const charged = await this.charges.of(body, ownerAndUnit(name).owner);
    return this.spendOne(who, spending(name, this.words, askedBy(who, name, asked), body, charged), body, charged);
  }

  /** Does one spending by itself. What nothing prices is parked, where that is wanted. */
  async spendOne(
    who: Principal,
    asked: Operation<Spend>,
    body: MovementBody,
    charged: Charged,
  ): Promise<Answered<TransactionDto | Parked>> {
    const { refusal } = charged;
    if (this.park && refusal?.code === 'UNPRICED') return this.park(this, who, { asked, body, refusal });
    const [answer] = await this.submit({ operations: [asked] });
    return this.spent(who, asked, answer!, charged);
  }

  /**
   * Keeps an amount back, or the price of usage, or a quote's amount.
   * @throws ApiError FORBIDDEN, INSUFFICIENT_…, CONFLICT for too many holds or a quote that has expired,
   *   UNPRICED, VALIDATION_ERROR for usage, NOT_FOUND for a quote, IDEMPOTENCY_KEY_REUSED, OVERLOADED
   */
  async openHold(who: Principal, body: OpenHoldBody, asked: Idempotency): Promise<Answered<HoldDto>> {
    const name = this.nameFor(who, body.account);
    const reserved = await this.charges.reserve(body, ownerAndUnit(name).owner);
    return this.hold(opening(name, askedBy(who, name, asked), body, reserved), reserved.refusal);
  }

  /**
   * Spends from a hold. Usage is priced by the quote that it was opened by, unless the request names another.
   * @throws ApiError NOT_FOUND, CONFLICT when the hold is not open or less remains of it, UNPRICED, VALIDATION_ERROR
   *   for usage
   */
  async capture(
    who: Principal,
    path: HoldPath,
    body: CaptureBody,
    asked: Idempotency,
  ): Promise<Answered<TransactionDto>> {
    const found = await this.locate(who, path, asked);
    // A hold never changes the prices that it binds.
    const { rateCard = null } = (body.usage && (await this.reader.hold(found.name))) ?? {};
    const charged = await this.charges.of(body, found.owner, '', rateCard);
    const name = this.nameOf(found.owner);
    const operation = capturing(name, this.words, askedBy(who, name, asked), { ...body, ...found }, charged);
    return this.post(who, operation, charged);
  }

  /**
   * Gives back what remains of a hold.
   * @throws ApiError NOT_FOUND, CONFLICT when the hold is not open
   */
  async release(who: Principal, path: HoldPath, asked: Idempotency): Promise<Answered<HoldDto>> {
    const { owner, name: hold, id } = await this.locate(who, path, asked);
    const action: Release = { kind: 'release', hold };
    const name = this.nameOf(owner);
    return this.hold(operation(name, 'release', action, askedBy(who, name, asked), () => ({ ...action, hold: id })));
  }

  /** @throws ApiError NOT_FOUND */
  async findHold(who: Principal, { id, account }: HoldPath): Promise<HoldDto> {
    const found = await this.owned(who, id, account);
    const owner = found && (await this.reader.nameOf(found.name.accountId));
    const hold = found && owner === this.nameOf(found.owner) && (await this.reader.hold(found.name));
    if (!hold) throw new ApiError('NOT_FOUND', 'There is no such hold.');
    return toHold(owner, hold, Date.now());
  }

  async holds(who: Principal, { account, ...query }: HoldsQuery): Promise<Page<HoldDto>> {
    const now = Date.now();
    const name = this.nameFor(who, account);
    const { rows, total } = await this.reader.listHolds(name, now, query);
    return {
      data: rows.map((hold) => toHold(name, hold, now)),
      meta: { total, limit: query.limit, offset: query.offset },
    };
  }

  /** Adds what a purchase brought, and its bonus, once: the purchase's id is the idempotency key. */
  async grantPurchase(purchase: PurchaseGrant): Promise<void> {
    const action = purchased(this.words.purchase, purchase);
    await this.settle('purchase', purchase.purchaseId, purchase, action);
  }

  /** Takes back what a refund or dispute reversed, whether or not it is still there, or gives it back. */
  async refundPurchase(refund: PurchaseRefund): Promise<void> {
    const { amount, purchaseId, description } = refund;
    await this.settle('refund', refund.key, refund, { kind: 'refund', amount, purchaseId, description });
  }

  /** The stored sums that a purchase has brought, and that were taken back of it. */
  purchaseSums(account: string, purchaseId: string): Promise<{ granted: number; takenBack: number }> {
    return this.reader.purchaseSums(this.nameOf(account), purchaseId);
  }

  /** @throws ApiError NOT_FOUND */
  async transaction(who: Principal, id: number, account?: string): Promise<TransactionDto> {
    const name = this.nameFor(who, account);
    const entry = await this.reader.entry(name, id);
    if (!entry) throw new ApiError('NOT_FOUND', `This account has no transaction ${id}.`);
    const reversed = (await this.reader.reversedOf([entry])).get(id);
    return toTransaction(name, entry, { admin: who.admin, reversed });
  }

  /** @throws ApiError FORBIDDEN, VALIDATION_ERROR for a period, filter or cursor that is none */
  transactions(who: Principal, query: HistoryQuery & { type?: EntryType }): Promise<HistoryPage> {
    return listTransactions(this.reader, who, this.nameFor(who, query.account), query);
  }

  async summary(who: Principal, { account, from, to, group_by: by }: SummaryQuery): Promise<SummaryDto & Label> {
    checkPeriod(from, to);
    const summary = await this.reader.summary(this.nameFor(who, account), {
      from: from?.getTime(),
      to: to?.getTime(),
      by,
    });
    return { ...this.words.label, ...toSummary(this.words.unit, summary) };
  }

  /** The name of the account that a request works on. */
  nameFor(who: Principal, account: string | undefined): AccountName {
    return this.nameOf(accountFor(who, account));
  }

  /**
   * Brings operations into the ledger.
   * @throws ApiError OVERLOADED
   */
  async submit(submission: Submission): Promise<readonly Answer[]> {
    try {
      return await this.lanes.submit(submission);
    } catch (error) {
      throw error instanceof LedgerUnavailable ? new ApiError('OVERLOADED', error.message) : error;
    }
  }

  /** The transaction that an operation came to, as somebody may see it. */
  posted(who: Principal, { account }: Operation, answer: Answer, charged?: Shown): Answered<TransactionDto> {
    const outcome = accepted(this.words.unit, answer, charged?.refusal);
    if (outcome.status !== 'posted') throw new Error(`a posting came to "${outcome.status}"`);
    const { actor } = outcome.entry;
    // A replay repeats the first answer, and another user's told nothing that is for administrators.
    const replayed = isReplay(answer);
    const asFirst = !replayed || actor === actorOn(who, ownerAndUnit(account).owner) || actor.startsWith('admin:');
    const view = { admin: who.admin && asFirst, evidence: replayed ? undefined : charged?.evidence };
    return new Answered(toTransaction(account, outcome.entry, view), replayed);
  }

  /** What a spending came to: a transaction, or under its key it was parked. */
  spent(who: Principal, asked: Operation, answer: Answer, charged: Shown): Answered<TransactionDto | Parked> {
    return isParked(answer) ? parked(parkedId(asked), isReplay(answer)) : this.posted(who, asked, answer, charged);
  }

  /** Does what a request asks for, which comes to a transaction. */
  async post(who: Principal, asked: Operation, charged?: Shown): Promise<Answered<TransactionDto>> {
    const [answer] = await this.submit({ operations: [asked] });
    return this.posted(who, asked, answer!, charged);
  }

  /** Does what no request asks for. */
  private async settle(
    scope: string,
    key: string,
    { account, attach }: Pick<PurchaseGrant, 'account' | 'attach'>,
    action: Fund | Refund,
  ): Promise<void> {
    const asked = operation(this.nameOf(account), scope, action, { key, traceId: '', actor: SYSTEM }, () => action);
    const [answer] = await this.submit({ operations: [asked], attach });
    accepted(this.words.unit, answer!);
  }

  private async hold(asked: Operation, unpriced?: ApiError): Promise<Answered<HoldDto>> {
    const [answer] = await this.submit({ operations: [asked] });
    const outcome = accepted(this.words.unit, answer!, unpriced);
    if (outcome.status !== 'held') throw new Error(`a hold came to "${outcome.status}"`);
    return new Answered(toHold(asked.account, outcome.hold, outcome.hold.createdAt), isReplay(answer!));
  }

  /**
   * The hold that an operation names. Under a key, one that names none is brought to the ledger all the same, so that
   * the refusal is kept and the same request gets the same answer when there is such a hold later.
   * @throws ApiError NOT_FOUND
   */
  private async locate(who: Principal, { id, account }: HoldPath, { key }: Idempotency): Promise<FoundHold> {
    const found = await this.owned(who, id, account);
    if (!found && key === undefined) throw new ApiError('NOT_FOUND', 'There is no such hold.');
    return found ?? { id, owner: accountFor(who, account), name: { accountId: 0, number: 0 } };
  }

  /**
   * A hold's id names its account, so an administrator need not; for all others the ledger finds whether it is theirs.
   */
  private async owned(who: Principal, id: string, account: string | undefined): Promise<FoundHold | undefined> {
    const name = holdName(id);
    if (!name) return undefined;
    const isAnybodys = who.admin && account === undefined;
    if (!isAnybodys) return { id, name, owner: accountFor(who, account) };
    const found = await this.reader.nameOf(name.accountId);
    return found?.startsWith(`${this.words.unit} `)
      ? { id, name, owner: found.slice(this.words.unit.length + 1) }
      : undefined;
  }

  private nameOf(owner: string): AccountName {
    return `${this.words.unit} ${owner}`;
  }
}

/** Keeps a spending that nothing prices until something does. */
export type Park = (
  wallet: Wallet,
  who: Principal,
  unpriced: UnpricedSpending,
) => Promise<Answered<TransactionDto | Parked>>;

/** Whether an answer is that of an earlier request. */
export function isReplay(answer: Answer): boolean {
  return 'replayed' in answer && answer.replayed;
}
