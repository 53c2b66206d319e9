import { type AuditRecord, newRecord } from '../common/audit/index.js';
import {
  type AccountName,
  type Action,
  type CarriedOut,
  fromStored,
  type Operation,
  ownerAndUnit,
  type Unit,
} from '../ledger/index.js';
import { holdId } from './present.js';

/** Who asks, with which key and trace id. */
export interface Asked extends Pick<Operation, 'key' | 'clientKey' | 'traceId' | 'actor'> {
  /** Where an administrator's request came from; absent for everybody else's. */
  readonly clientAddress?: string;
}

/** What only administrators do, on their own account too. */
const OF_ADMINISTRATORS: ReadonlySet<Action['kind']> = new Set(['fund', 'void', 'extend', 'reverse', 'mark']);

/** The names of the actions that both units have in common. */
const NAMES: { readonly [K in Action['kind']]?: string } = {
  void: 'grants.void',
  extend: 'grants.extend',
  reverse: 'transactions.reverse',
  open: 'holds.open',
  capture: 'holds.capture',
  release: 'holds.release',
};

/** Makes the record of what an administrator does to an account; undefined for what the audit does not tell of. */
export function auditOf(
  name: AccountName,
  scope: string,
  action: Action,
  { actor, traceId, clientAddress }: Asked,
): Operation['audit'] {
  if (clientAddress === undefined || action.kind === 'claim') return undefined;
  if (!OF_ADMINISTRATORS.has(action.kind) && !actor.startsWith('admin:')) return undefined;
  const { owner: account, unit } = ownerAndUnit(name);
  const record = newRecord({
    actor,
    action: '',
    account,
    target: '',
    before: null,
    after: null,
    traceId,
    clientAddress,
  });
  return (carriedOut): AuditRecord => ({
    ...record,
    action: nameOf(scope, unit, action, carriedOut),
    target: targetOf(account, action, carriedOut),
    ...statesOf(name, action, carriedOut),
  });
}

function nameOf(scope: string, unit: Unit, action: Action, { before, after }: CarriedOut): string {
  if (action.kind !== 'mark') return NAMES[action.kind] ?? `${unit === 'USD' ? 'credits' : 'tokens'}.${scope}`;
  if (before.frozen === after.frozen) return 'accounts.note';
  return after.frozen === null ? 'accounts.unfreeze' : 'accounts.freeze';
}

/** The id of what an action makes or changes. */
function targetOf(account: string, action: Action, { outcome }: CarriedOut): string {
  if ('grant' in action) return String(action.grant);
  if ('entry' in action) return String(action.entry);
  if ('hold' in action) return holdId(action.hold.accountId, action.hold.number);
  if (outcome.status === 'held') return holdId(outcome.hold.accountId, outcome.hold.number);
  return outcome.status === 'posted' ? String(outcome.entry.sequence) : account;
}

/** What an action changed, as the record shows it before and after. */
function statesOf(
  name: AccountName,
  action: Action,
  { outcome, before, after }: CarriedOut,
): Pick<AuditRecord, 'before' | 'after'> {
  const { unit } = ownerAndUnit(name);
  if (action.kind === 'mark') {
    const marks = ({ frozen, note }: typeof before) => ({ frozen: frozen !== null, reason: frozen, note });
    return { before: marks(before), after: marks(after) };
  }
  const state = ({ balance, held }: typeof before) => ({
    unit,
    balance: fromStored(unit, balance),
    held: fromStored(unit, held),
  });
  const done =
    outcome.status === 'posted'
      ? {
          transaction: outcome.entry.sequence,
          amount: fromStored(unit, outcome.entry.amount),
          description: outcome.entry.description,
        }
      : {};
  return { before: state(before), after: { ...state(after), ...done } };
}
