import type { DataSource } from 'typeorm';
import { describeTable, type Table } from '../../common/database/index.js';
import { AuditRow } from '../../common/audit/index.js';
import { AccountRow, DailyTotalRow, EntryRow, MarkerRow, OperationRow } from './entities.js';
import { HoldRow } from './hold.entity.js';
import { FinanceDayRow } from './finance.entity.js';
import { GrantRow, RepricingRow, ReversalRow } from './grant.entities.js';

/** The ledger's tables, as their entities describe them. */
export interface LedgerTables {
  readonly account: Table<AccountRow>;
  readonly entry: Table<EntryRow>;
  readonly operation: Table<OperationRow>;
  readonly hold: Table<HoldRow>;
  readonly grant: Table<GrantRow>;
  readonly reversal: Table<ReversalRow>;
  readonly repricing: Table<RepricingRow>;
  readonly dailyTotal: Table<DailyTotalRow>;
  readonly finance: Table<FinanceDayRow>;
  readonly marker: Table<MarkerRow>;
  readonly audit: Table<AuditRow>;
}

export function describeLedger(dataSource: DataSource): LedgerTables {
  return {
    account: describeTable(dataSource, AccountRow),
    entry: describeTable(dataSource, EntryRow),
    operation: describeTable(dataSource, OperationRow),
    hold: describeTable(dataSource, HoldRow),
    grant: describeTable(dataSource, GrantRow),
    reversal: describeTable(dataSource, ReversalRow),
    repricing: describeTable(dataSource, RepricingRow),
    dailyTotal: describeTable(dataSource, DailyTotalRow),
    finance: describeTable(dataSource, FinanceDayRow),
    marker: describeTable(dataSource, MarkerRow),
    audit: describeTable(dataSource, AuditRow),
  };
}
