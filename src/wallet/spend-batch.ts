import { accountFor, type Principal } from '../auth/index.js';
import { Answered, ApiError, docsUrl, type Idempotency, requestHash } from '../common/http/index.js';
import type { Operation, Spend } from '../ledger/index.js';
import type { Charged } from './charge.js';
import { askedBy, operation, requestOf, spending } from './operations.js';
import type { Parked } from './parked.js';
import { isUnpriced } from './refusal.js';
import type { SpendBatchBody } from './requests.js';
import { isReplay, type Wallet } from './wallet.js';
import type { BatchMetaDto, BatchResultDto } from './batch.dto.js';
import type { TransactionDto } from './transaction.dto.js';

/** A result for each item, and how many were posted and rejected. */
export type BatchAnswered = Answered<BatchResultDto[], BatchMetaDto>;

/**
 * Spends for many events, each with its own outcome or all of them together. Under the batch's key the answer can be
 * asked for again, and the items that a crash left undone are done then.
 * @throws ApiError FORBIDDEN when another account is named by anyone but an administrator, IDEMPOTENCY_KEY_REUSED,
 *   OVERLOADED
 */
export async function spendBatch(
  wallet: Wallet,
  who: Principal,
  body: SpendBatchBody,
  asked: Idempotency,
): Promise<BatchAnswered> {
  const account = accountFor(who, body.account);
  const atomic = body.mode === 'atomic';
  // Named by the batch's account and key, for another account's batch may have the same key and an item for the same
  // customer. A space can't stand in a client's key, so the place in a batch never meets a key that somebody chose.
  const batch = asked.key === undefined ? undefined : ` ${requestHash({ account, key: asked.key })}`;
  const charges = await Promise.all(
    body.items.map(async (item, i) => wallet.charges.of(item, accountFor(who, item.account ?? account), `items.${i}.`)),
  );
  const operations = body.items.map(({ account: other, idempotency_key: own, ...item }, i) => {
    const name = wallet.nameFor(who, other ?? account);
    const asking = askedBy(who, name, { ...asked, key: own ?? asked.key });
    return spending(name, wallet.words, { ...asking, key: own ?? (batch && `${batch} ${i}`) }, item, charges[i]!);
  });
  const request = () => ({ items: operations.map((each, i) => itemAsked(each, body.items[i]!)), atomic });
  const name = wallet.nameFor(who, account);
  const scope = `${wallet.words.spend}_batch`;
  const claim = operation(name, scope, { kind: 'claim' }, askedBy(who, name, asked), request);
  await refuseInvalid(wallet, claim, operations, charges);
  // Without a key there is nothing to claim.
  const claimed =
    atomic || batch !== undefined ? await wallet.submit({ operations: [claim, ...(atomic ? operations : [])] }) : [];
  if (claimed[0]?.outcome === 'key-reused') throw new ApiError('IDEMPOTENCY_KEY_REUSED');
  const decided = claimed.slice(1);
  for (const [i, answer] of decided.entries()) if (isUnpriced(answer)) throw ofItem(i, charges[i]!.refusal!);
  const results = atomic
    ? await Promise.all(
        decided.map((answer, i) => resultOf(() => wallet.spent(who, operations[i]!, answer, charges[i]!))),
      )
    : await Promise.all(
        operations.map((each, i) => resultOf(() => wallet.spendOne(who, each, body.items[i]!, charges[i]!))),
      );
  const replayed = claimed[0] !== undefined && isReplay(claimed[0]);
  return new Answered(results, replayed, countsOf(results));
}

function countsOf(results: readonly BatchResultDto[]): BatchMetaDto {
  const count = (which: BatchResultDto['status']) => results.filter(({ status }) => status === which).length;
  const parked = count('parked');
  return { posted: count('posted'), rejected: count('rejected'), ...(parked > 0 && { parked }) };
}

/**
 * Refuses the whole for an item that the prices in force make invalid, unless the ledger knows the batch by its key:
 * then it was valid by the prices of that time. A group that is refused like this leaves nothing behind.
 * @throws ApiError VALIDATION_ERROR, IDEMPOTENCY_KEY_REUSED
 */
async function refuseInvalid(
  wallet: Wallet,
  claim: Operation,
  operations: readonly Operation[],
  charges: readonly Charged[],
): Promise<void> {
  const invalid = charges.findIndex(({ refusal }) => refusal?.code === 'VALIDATION_ERROR');
  if (invalid === -1) return;
  const [known] = claim.key === undefined ? [] : await wallet.submit({ operations: [claim, operations[invalid]!] });
  if (known?.outcome === 'key-reused') throw new ApiError('IDEMPOTENCY_KEY_REUSED');
  if (!known || !isReplay(known)) throw charges[invalid]!.refusal!;
}

/** The parts of an item that make it the same one again. */
function itemAsked({ account, action }: Operation<Spend>, item: SpendBatchBody['items'][number]): object {
  return { ...requestOf(action, item), account, key: item.idempotency_key ?? null };
}

/** The refusal of a whole for one of its items. */
function ofItem(item: number, { code, message, options }: ApiError): ApiError {
  return new ApiError(code, message, { ...options, details: { ...(options.details as object), item } });
}

async function resultOf(
  spent: () => Answered<TransactionDto | Parked> | Promise<Answered<TransactionDto | Parked>>,
): Promise<BatchResultDto> {
  try {
    const { data } = await spent();
    return 'status' in data ? data : { status: 'posted', transaction: data };
  } catch (error) {
    return rejected(error);
  }
}

function rejected(error: unknown): BatchResultDto {
  if (!(error instanceof ApiError)) throw error;
  const { code, message, options } = error;
  return { status: 'rejected', error: { code, message, details: options.details ?? null, docs_url: docsUrl(code) } };
}
