import { accountFor, type Principal } from '../auth/index.js';
import type { Idempotency } from '../common/http/index.js';
import { type AccountName, type Mark, type Unit, UNITS } from '../ledger/index.js';
import { askedBy, operation } from './operations.js';
import { accepted } from './refusal.js';
import type { Wallet } from './wallet.js';

/** What administrators have said of an account. */
export interface Marks {
  readonly account: string;
  /** Why it is frozen; null: it is not. */
  readonly frozen: string | null;
  readonly note: string | null;
}

/**
 * Freezes an account or ends its freeze, and notes something, for all units in one transaction. Once it is answered, no
 * server debits the account any more. What is so already changes nothing.
 * @param wallet any unit's
 * @throws ApiError VALIDATION_ERROR for a name that is no account, OVERLOADED
 */
export async function markAccount(
  wallet: Wallet,
  who: Principal,
  named: string,
  marks: Omit<Mark, 'kind'>,
  asked: Omit<Idempotency, 'key'>,
): Promise<Marks> {
  const account = accountFor(who, named);
  const action: Mark = { kind: 'mark', ...marks };
  const names = (Object.keys(UNITS) as Unit[]).map((unit): AccountName => `${unit} ${account}`);
  const [first] = names as [AccountName, ...AccountName[]];
  const by = askedBy(who, first, asked);
  const claim = operation(first, 'mark', { kind: 'claim' }, by, () => action);
  // One record tells of all units.
  const operations = names.map((name, i) =>
    operation(name, 'mark', action, i === 0 ? by : { ...by, clientAddress: undefined }, () => action),
  );
  const answers = await wallet.submit({ operations: [claim, ...operations] });
  const outcome = accepted(wallet.words.unit, answers[1]!);
  if (outcome.status !== 'marked') throw new Error(`a mark came to "${outcome.status}"`);
  const { frozen, note } = outcome.account;
  return { account, frozen, note };
}
