import { Injectable } from '@nestjs/common';
import { accountFor, type Principal } from '../auth/index.js';
import { ApiError, cursorAt, type CursorPage, exactNumber, invalidField, positionOf } from '../common/http/index.js';
import {
  accountName,
  AccountsReader,
  type AccountView,
  decimalOf,
  fromStored,
  LedgerReader,
  type Stored,
  type Unit,
} from '../ledger/index.js';
import { PurchasesService } from '../payments/index.js';
import { storedAmount, toGrant, toHold, toTransaction } from '../wallet/index.js';
import type { AccountsQuery, AdminAccountDto, AdminAccountInUnitDto, AdminAccountWholeDto } from './accounts.dto.js';

const MOST_OPEN = 200;
const LAST_ENTRIES = 10;
const LAST_PURCHASES = 50;
const NEWEST = { order: 'desc', offset: 0 } as const;

/** Accounts across owners. */
@Injectable()
export class AdminAccountsService {
  constructor(
    private readonly accounts: AccountsReader,
    private readonly ledger: LedgerReader,
    private readonly purchases: PurchasesService,
  ) {}

  /** @throws ApiError VALIDATION_ERROR for a filter or cursor that is none */
  async list({ limit, cursor, ...list }: AccountsQuery): Promise<CursorPage<AdminAccountDto>> {
    const { unit, sort: order, q: prefix, in_debt: inDebt, min_balance: min, max_balance: max } = list;
    const [least, most] = [balanceIn(unit, min, 'min_balance'), balanceIn(unit, max, 'max_balance')];
    if (least !== undefined && most !== undefined && least > most)
      throw invalidField('min_balance', 'must not be more than max_balance');
    const [at, id] = cursor === undefined ? [] : positionOf(list, cursor);
    const after = at === undefined || id === undefined ? undefined : { at, id };
    const { rows, rest } = await this.accounts.list({ unit, order, prefix, inDebt, least, most, limit, after });
    return {
      data: rows.map(toAccount),
      meta: { limit, ...(rest && { next_cursor: cursorAt(list, [rest.at, rest.id]) }) },
    };
  }

  /**
   * @throws ApiError NOT_FOUND for an account that has neither moved nor bought, and of which nothing was said;
   *   VALIDATION_ERROR for no name
   */
  async find(who: Principal, named: string): Promise<AdminAccountWholeDto> {
    const account = accountFor(who, named);
    const { views, frozen, note } = await this.accounts.ofOwner(account);
    const { data: purchases } = await this.purchases.list(who, { account, limit: LAST_PURCHASES, offset: 0 });
    if (views.length === 0 && purchases.length === 0 && frozen === null && note === null)
      throw new ApiError('NOT_FOUND', `${account} has no transaction and no purchase.`);
    const inUnits = await Promise.all(views.map((view) => this.whole(view)));
    return {
      account,
      ...marksOf({ frozen, note }),
      credits: inUnits.find(({ unit }) => unit === 'USD'),
      tokens: inUnits.find(({ unit }) => unit === 'tokens'),
      limits: [],
      keys: [],
      purchases,
    };
  }

  private async whole(view: AccountView): Promise<AdminAccountInUnitDto> {
    const [name, now] = [accountName(view), Date.now()];
    const [holds, grants, entries] = await Promise.all([
      this.ledger.listHolds(name, now, { ...NEWEST, status: 'open', limit: MOST_OPEN }),
      this.ledger.listGrants(name, { ...NEWEST, status: 'active', limit: MOST_OPEN }),
      this.ledger.history(name, { ...NEWEST, limit: LAST_ENTRIES }),
    ]);
    const reversed = await this.ledger.reversedOf(entries.rows);
    return {
      ...toAccount(view),
      open_holds: holds.rows.map((hold) => toHold(name, hold, now)),
      active_grants: grants.rows.map((grant) => toGrant(name, grant)),
      transactions: entries.rows.map((entry) =>
        toTransaction(name, entry, { admin: true, inList: true, reversed: reversed.get(entry.sequence) }),
      ),
    };
  }
}

function balanceIn(unit: Unit, amount: number | undefined, field: string): Stored | undefined {
  return amount === undefined ? undefined : storedAmount(unit, amount, field);
}

function marksOf({ frozen, note }: Pick<AccountView, 'frozen' | 'note'>): Pick<AdminAccountDto, 'frozen' | 'note'> {
  return { frozen: frozen !== null, ...(note !== null && { note }) };
}

function toAccount(view: AccountView): AdminAccountDto {
  const { owner: account, unit } = view;
  return {
    account,
    unit,
    balance: fromStored(unit, view.balance),
    available: fromStored(unit, view.available),
    held: fromStored(unit, view.held),
    debt: fromStored(unit, view.debt),
    spent_30d: exactNumber(decimalOf(unit, view.spent30d)),
    last_activity: new Date(view.lastAt).toISOString(),
    created_at: new Date(view.createdAt).toISOString(),
    ...marksOf(view),
  };
}
