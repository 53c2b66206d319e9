import type { Principal } from '../auth/index.js';
import { newRecord } from '../common/audit/index.js';
import { type Answered, ApiError, type Idempotency } from '../common/http/index.js';
import { type Answer, fromStored, isParked, type Operation, ownerAndUnit, type Spend } from '../ledger/index.js';
import { NotParked, type ParkedReason, type ParkedUsageRow, type ParkedUsageStore } from '../pricing/index.js';
import { spending } from './operations.js';
import { parked, type Parked, parkedId, type UnpricedSpending } from './parked.js';
import { accepted } from './refusal.js';
import type { MovementBody } from './requests.js';
import type { TransactionDto } from './transaction.dto.js';
import { isReplay, type Wallet } from './wallet.js';

/** The usage object of no provider comes near it. */
const LONGEST_REQUEST = 65_536;

/**
 * Keeps a spending that nothing prices. Its key is remembered in the same transaction, so the same request gets the
 * same answer, and is never charged beside it.
 * @throws ApiError UNPRICED when nothing is available, the request is too long or the account has no room for it,
 *   IDEMPOTENCY_KEY_REUSED, OVERLOADED
 */
export async function park(
  store: ParkedUsageStore,
  wallet: Wallet,
  who: Principal,
  { asked, body, refusal }: UnpricedSpending,
): Promise<Answered<TransactionDto | Parked>> {
  const id = parkedId(asked);
  const row = rowOf(id, asked, body, refusal);
  const fits = JSON.stringify(row.request).length <= LONGEST_REQUEST;
  const [answer] = await wallet.submit({
    operations: [{ ...asked, action: { ...asked.action, parks: fits } }],
    attach: async (tx, decided) => {
      if (!isParked(decided) || isReplay(decided)) return;
      if (!(await store.add(tx, row))) throw refusal;
    },
  });
  return isParked(answer!) ? parked(id, isReplay(answer!)) : wallet.posted(who, asked, answer!, { refusal });
}

/** An administrator who posts parked usage. */
type By = Pick<Principal, 'subject'> & Omit<Idempotency, 'key'>;

/**
 * Posts parked usage as a debit by the card in force, with the mark that it is posted in the same transaction.
 * @returns why it is still parked; undefined when it is not, now or for longer
 * @throws ApiError OVERLOADED
 */
export async function postParked(
  store: ParkedUsageStore,
  wallet: Wallet,
  row: ParkedUsageRow,
  by: By,
): Promise<ParkedReason | undefined> {
  const { account: owner, request: body, actor, idempotencyKey, traceId } = row;
  const account = `${wallet.words.unit} ${owner}` as const;
  try {
    const { refusal, ...charged } = await wallet.charges.of(body, owner);
    if (refusal) throw refusal;
    const asked = { key: undefined, clientKey: idempotencyKey ?? undefined, traceId, actor };
    const operation = spending(account, wallet.words, asked, body, charged);
    const [answer] = await wallet.submit({
      operations: [{ ...operation, audit: auditOf(row, by) }],
      attach: (tx, posted) => store.post(tx, row, entryOf(posted).sequence),
    });
    accepted(wallet.words.unit, answer!);
    return undefined;
  } catch (error) {
    if (error instanceof NotParked) return undefined;
    if (!(error instanceof ApiError) || error.status >= 500) throw error;
    return reasonOf(error);
  }
}

function auditOf({ id, account }: ParkedUsageRow, { subject, traceId, clientAddress }: By): Operation['audit'] {
  const record = newRecord({
    actor: `admin:${subject}`,
    action: 'pricing.post_parked',
    account,
    target: id,
    before: { status: 'parked' },
    after: null,
    traceId,
    clientAddress,
  });
  return ({ outcome }) => {
    const { sequence, amount } = entryOf({ outcome, replayed: false });
    return { ...record, after: { status: 'posted', transaction: sequence, amount: fromStored('USD', amount) } };
  };
}

function entryOf({ outcome }: Answer) {
  if (outcome === 'key-reused' || outcome.status !== 'posted') throw new Error('parked usage came to no entry');
  return outcome.entry;
}

function rowOf(id: string, asked: Operation<Spend>, body: MovementBody, why: ApiError): ParkedUsageRow {
  const { description, metadata, agent, run_id, model, usage } = body;
  return {
    id,
    account: ownerAndUnit(asked.account).owner,
    status: 'parked',
    request: { usage, description, metadata, agent, run_id, model },
    actor: asked.actor,
    idempotencyKey: asked.clientKey ?? null,
    traceId: asked.traceId,
    reason: reasonOf(why),
    transactionId: null,
    createdAt: Date.now(),
    triedAt: 0,
  };
}

function reasonOf({ code, message, options: { details } }: ApiError): ParkedReason {
  return { code, message, details: (details as object | undefined) ?? null };
}
