import { actorOn, type Principal } from '../auth/index.js';
import { type Idempotency, invalidField, requestHash } from '../common/http/index.js';
import {
  type AccountName,
  type Action,
  type Capture,
  DAY_MS,
  DEFAULT_PRIORITY,
  type Dimensions,
  type EntryType,
  type Fund,
  type Open,
  type Operation,
  ownerAndUnit,
  type Spend,
} from '../ledger/index.js';
import { storedAmount } from './amount.rule.js';
import { type Asked, auditOf } from './audited.js';
import type { Charged, Reserved } from './charge.js';
import { toTime } from './time.rule.js';
import type { CaptureBody, DepositBody, FoundHold, MovementBody, OpenHoldBody, PurchaseGrant } from './requests.js';
import type { Words } from './words.js';

const HOLD_SECONDS = 3_600;

/** What a request on an account says of itself. */
export function askedBy(who: Principal, account: AccountName, { key, traceId, clientAddress }: Idempotency): Asked {
  const actor = actorOn(who, ownerAndUnit(account).owner);
  return { key, clientKey: key, traceId, actor, clientAddress: who.admin ? clientAddress : undefined };
}

/**
 * The operation that a request asks for.
 * @param request the parts of the request that make it the same one again; asked for only under a key
 */
export function operation<A extends Action>(
  account: AccountName,
  scope: string,
  action: A,
  asked: Asked,
  request: () => object,
): Operation<A> {
  const { key, clientKey, traceId, actor } = asked;
  const hash = key === undefined ? '' : requestHash(request());
  const audit = auditOf(account, scope, action, asked);
  return { account, scope, key, clientKey, hash, traceId, actor, action, audit };
}

/** The operation that spends what a request charges. */
export function spending(
  account: AccountName,
  { spend: type }: Pick<Words, 'spend'>,
  asked: Asked,
  body: MovementBody,
  { amount, usage, pricing, model }: Charged,
): Operation<Spend> {
  const { description = null, metadata } = body;
  const action: Spend = {
    kind: 'spend',
    ...{ type, amount, usage, pricing, description },
    metadata: textOf(metadata),
    ...dimensionsOf(body, model),
  };
  return operation(account, type, action, asked, () => requestOf(action, body));
}

/** The operation that opens a hold. */
export function opening(
  account: AccountName,
  asked: Asked,
  body: OpenHoldBody,
  { model, refusal: _, ...reserved }: Reserved,
): Operation<Open> {
  const action: Open = {
    kind: 'open',
    ...reserved,
    description: body.description ?? null,
    metadata: textOf(body.metadata),
    ...dimensionsOf(body, model),
    expiresIn: (body.expires_in ?? HOLD_SECONDS) * 1000,
  };
  return operation(account, 'hold', action, asked, () => requestOf(action, body));
}

/** The operation that spends from a hold. */
export function capturing(
  account: AccountName,
  { spend: type }: Pick<Words, 'spend'>,
  asked: Asked,
  { name: hold, id, ...body }: FoundHold & CaptureBody,
  { amount, usage, pricing, model }: Charged,
): Operation<Capture> {
  const { final = true, description = null } = body;
  const action: Capture = { kind: 'capture', hold, type, amount, usage, pricing, model, final, description };
  return operation(account, 'capture', action, asked, () => ({ ...requestOf(action, body), hold: id }));
}

/** The parts of a request that make it the same one again: usage as it was sent, never the amount that it came to. */
export function requestOf(action: Spend | Open | Capture, body: Omit<MovementBody, 'account'>): object {
  const { usage, quote_id, model = null, metadata = null } = body;
  if (usage === undefined && quote_id === undefined) return { ...action, metadata };
  const priced = { amount: undefined, pricing: undefined, priced: undefined, rateCard: undefined };
  return { ...action, ...priced, usage, quote_id, model, metadata };
}

/**
 * The operation that adds an amount, with the terms of its grant.
 * @throws ApiError VALIDATION_ERROR for two expiries, or an amount that the ledger does not hold exactly
 */
export function funding(
  account: AccountName,
  { unit, deposit: type, category: usual }: Words,
  asked: Asked,
  { amount, description, metadata, category = usual, priority, expires_at, expires_in_days, existing }: DepositBody,
): Operation<Fund> {
  if (expires_at !== undefined && expires_in_days !== undefined)
    throw invalidField('expires_in_days', 'can not stand beside expires_at');
  const stored = storedAmount(unit, amount);
  const action: Fund = {
    kind: 'fund',
    type,
    amount: stored,
    description: description ?? null,
    metadata: textOf(metadata),
    terms: {
      source: type === 'grant' ? 'grant' : 'deposit',
      category,
      priority: priority ?? DEFAULT_PRIORITY,
      expiresAt: expires_at === undefined ? null : toTime(expires_at).getTime(),
      expiresIn: inMilliseconds(expires_in_days),
      price: category === 'paid' && unit === 'USD' ? stored : 0,
      purchaseId: null,
    },
    existing: existing ?? false,
  };
  return operation(account, type, action, asked, () => ({ ...action, metadata: metadata ?? null }));
}

/** The action that adds what a purchase brought, and its bonus. */
export function purchased(type: EntryType, purchase: PurchaseGrant): Fund {
  const { amount, purchaseId, description, price, expiresInDays, bonus } = purchase;
  const terms = { priority: DEFAULT_PRIORITY, expiresAt: null, purchaseId };
  return {
    kind: 'fund',
    type,
    amount,
    description,
    metadata: null,
    terms: { ...terms, source: 'purchase', category: 'paid', price, expiresIn: inMilliseconds(expiresInDays) },
    bonus: bonus && {
      amount: bonus.amount,
      description: `Bonus: ${description}`,
      terms: {
        ...terms,
        source: 'bonus',
        category: 'promotional',
        price: 0,
        priority: bonus.priority ?? DEFAULT_PRIORITY,
        expiresIn: inMilliseconds(bonus.expiresInDays),
      },
    },
    existing: false,
  };
}

function inMilliseconds(days: number | undefined): number | undefined {
  return days === undefined ? undefined : days * DAY_MS;
}

/** What an amount is spent for. */
function dimensionsOf(body: Pick<MovementBody, 'agent' | 'run_id'>, model: string | null): Dimensions {
  return { agent: body.agent ?? null, runId: body.run_id ?? null, model };
}

/** Metadata as an entry or hold keeps it. */
function textOf(metadata: object | undefined): string | null {
  return metadata ? JSON.stringify(metadata) : null;
}
