import { randomBytes } from 'node:crypto';
import type { AddressInfo, Server } from 'node:net';
import { Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { InjectRepository } from '@nestjs/typeorm';
import { MoreThanOrEqual, type Repository } from 'typeorm';
import { Config } from '../../../common/config/index.js';
import { affectedRows, forUpdate, isDuplicate, Transactions } from '../../../common/database/index.js';
import { API_PREFIX, ApiError } from '../../../common/http/index.js';
import type {
  CheckoutOrder,
  CheckoutSession,
  PaymentProvider,
  ProviderEvent,
  Refund,
  RefundOrder,
  RefundStatus,
  Reversals,
} from '../payment-provider.js';
import { signEvent, verifiedEvent } from '../stripe/index.js';
import type { SandboxAction } from './sandbox.dto.js';
import { SandboxReversal, SandboxSession, takenOf } from './sandbox.entities.js';
import { toStripeReversal, toStripeSession } from './stripe-shapes.js';

const DELIVERY_TIMEOUT_MS = 5_000;

/** The states from which a button changes a session. */
const OPEN = "status = 'open' AND expires_at > ?";
const UNDER_WAY = "status = 'complete' AND payment_status = 'unpaid' AND payment_failed = 0";

/** The buttons that change a session: the event, the change, and the state from which it applies. */
const CHANGES: Partial<Record<SandboxAction, readonly [type: string, set: string, from: string]>> = {
  pay: ['checkout.session.completed', "status = 'complete', payment_status = 'paid', payment_intent = ?", OPEN],
  pay_later: ['checkout.session.completed', "status = 'complete', payment_intent = ?", OPEN],
  succeed: ['checkout.session.async_payment_succeeded', "payment_status = 'paid'", UNDER_WAY],
  fail: ['checkout.session.async_payment_failed', 'payment_failed = 1', UNDER_WAY],
  cancel: ['checkout.session.expired', "status = 'expired'", OPEN],
};

/**
 * Plays Stripe on this server's own pages. No money moves, yet its sessions are fetched, and its events signed, sent
 * and verified, like Stripe's.
 */
@Injectable()
export class SandboxProvider implements PaymentProvider {
  readonly name = 'sandbox';
  readonly livemode = false;
  readonly signsEvents = true;
  /**
   * Lives as long as the process. The process that makes an event also receives it, and settlement makes up for a lost
   * one.
   */
  private readonly webhookSecret = `whsec_sandbox_${randomBytes(24).toString('hex')}`;
  private readonly logger = new Logger(SandboxProvider.name);

  constructor(
    @InjectRepository(SandboxSession) private readonly sessions: Repository<SandboxSession>,
    @InjectRepository(SandboxReversal) private readonly reversals: Repository<SandboxReversal>,
    private readonly transactions: Transactions,
    private readonly adapter: HttpAdapterHost,
    private readonly config: Config,
  ) {}

  /** The sandbox keeps no customers. */
  async createCustomer(_account: string, idempotencyKey: string): Promise<string> {
    return `cus_sandbox_${idempotencyKey.split(':')[1]}`;
  }

  async createSession({
    customer: _,
    automaticTax: _tax,
    promotionCodes: _codes,
    ...order
  }: CheckoutOrder): Promise<CheckoutSession> {
    const session = {
      ...order,
      id: newId('cs'),
      status: 'open',
      paymentStatus: 'unpaid',
      paymentFailed: 0,
      createdAt: Date.now(),
    } as const;
    try {
      await this.transactions.run((tx) => tx.manager.insert(SandboxSession, session));
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    return this.toSession(await this.sessions.findOneByOrFail({ idempotencyKey: order.idempotencyKey }));
  }

  async fetchSession(id: string): Promise<CheckoutSession> {
    const session = await this.find(id);
    if (!session) throw new ApiError('PAYMENT_PROVIDER_ERROR');
    return this.toSession(session);
  }

  async findSessions(purchaseId: string): Promise<readonly CheckoutSession[]> {
    return (await this.sessions.findBy({ purchaseId })).map((session) => this.toSession(session));
  }

  async fetchReversals(paymentIntent: string): Promise<Reversals> {
    const all = await this.reversalsOf(paymentIntent);
    return {
      refunds: all
        .filter(({ kind }) => kind === 'refund')
        .map(({ id, amount, status, requestId }) => ({ id, amount, status: status as RefundStatus, requestId })),
      withdrawn: all.filter(({ kind, status }) => kind === 'dispute' && status !== 'won'),
    };
  }

  async purchaseOf(paymentIntent: string): Promise<string | null> {
    return (await this.sessions.findOneBy({ paymentIntent }))?.purchaseId ?? null;
  }

  async refund({ paymentIntent, amount, idempotencyKey, requestId }: RefundOrder): Promise<Refund> {
    const id = await this.takeBack(paymentIntent, {
      kind: 'refund',
      status: 'succeeded',
      amount,
      idempotencyKey,
      requestId,
    });
    if (id === null)
      throw new ApiError(
        'CONFLICT',
        'The payment provider refused the refund, because less than its amount remains of the payment.',
      );
    return { id, amount, status: 'succeeded', requestId };
  }

  readEvent(payload: Buffer | undefined, signature: string | undefined): ProviderEvent | undefined {
    return verifiedEvent(payload, signature, [this.webhookSecret]);
  }

  /** The sandbox sends each event once and keeps none; its sessions and reversals tell of lost ones. */
  async *listEvents(): AsyncIterable<ProviderEvent> {}

  async *listSessions(since: number): AsyncIterable<CheckoutSession> {
    for (const session of await this.sessions.findBy({ createdAt: MoreThanOrEqual(since) }))
      yield this.toSession(session);
  }

  async *listReversed(since: number): AsyncIterable<string> {
    for (const { paymentIntent } of await this.reversals.findBy({ createdAt: MoreThanOrEqual(since) }))
      yield paymentIntent;
  }

  /** The session of a page, with its expiry as of now; null when there is none. */
  async find(id: string): Promise<SandboxSession | null> {
    const session = SESSION_ID.test(id) ? await this.sessions.findOneBy({ id }) : null;
    if (session?.status === 'open' && session.expiresAt <= Date.now()) session.status = 'expired';
    return session;
  }

  /** The refunds and disputes of a payment, the oldest first. */
  reversalsOf(paymentIntent: string): Promise<SandboxReversal[]> {
    return this.reversals.find({ where: { paymentIntent }, order: { createdAt: 'ASC', id: 'ASC' } });
  }

  /** Carries out a button of the session's page. A button that no longer applies does nothing. */
  async act({ id, price, paymentIntent }: SandboxSession, action: SandboxAction): Promise<void> {
    const change = CHANGES[action];
    if (change) return this.change(id, ...change);
    if (paymentIntent === null) return;
    if (action === 'win' || action === 'lose')
      return this.closeDispute(paymentIntent, action === 'win' ? 'won' : 'lost');
    const remaining = price - takenOf(await this.reversalsOf(paymentIntent));
    const wanted: Partial<Record<SandboxAction, Wanted>> = {
      refund: { kind: 'refund', status: 'succeeded', amount: remaining },
      refund_half: { kind: 'refund', status: 'succeeded', amount: Math.ceil(remaining / 2) },
      dispute: { kind: 'dispute', status: 'needs_response', amount: price },
    };
    if (wanted[action]) await this.takeBack(paymentIntent, wanted[action]);
  }

  /** Changes a session from a state, and sends the event. Of several presses only one changes it. */
  private async change(id: string, type: string, set: string, from: string): Promise<void> {
    const values = [...(set.includes('?') ? [newId('pi')] : []), id, ...(from.includes('?') ? [Date.now()] : [])];
    const met = await this.transactions.run((tx) =>
      affectedRows(tx, `UPDATE sandbox_session SET ${set} WHERE id = ? AND ${from}`, values),
    );
    if (met === 1) await this.deliver(type, toStripeSession(await this.sessions.findOneByOrFail({ id })));
  }

  /**
   * Refunds or disputes a payment. A dispute takes at most the remaining money, a refund all of its amount or nothing.
   * Returns null when it takes nothing.
   */
  private async takeBack(paymentIntent: string, wanted: Wanted): Promise<string | null> {
    const { idempotencyKey = null, requestId = null } = wanted;
    const made = await this.transactions.run(async (tx) => {
      await tx.query(`SELECT id FROM sandbox_session WHERE payment_intent = ?${forUpdate(tx)}`, [paymentIntent]);
      const { price, paymentStatus } = await tx.manager.findOneByOrFail(SandboxSession, { paymentIntent });
      const before = await tx.manager.findBy(SandboxReversal, { paymentIntent });
      const same =
        idempotencyKey === null ? undefined : before.find((reversal) => reversal.idempotencyKey === idempotencyKey);
      if (same) return { reversal: same, isNew: false };
      const remaining = price - takenOf(before);
      const amount = wanted.kind === 'dispute' ? Math.min(remaining, wanted.amount) : wanted.amount;
      if (paymentStatus !== 'paid' || amount <= 0 || amount > remaining) return null;
      const id = newId(wanted.kind === 'refund' ? 're' : 'du');
      const reversal = { ...wanted, id, paymentIntent, amount, idempotencyKey, requestId, createdAt: Date.now() };
      await tx.manager.insert(SandboxReversal, reversal);
      return { reversal, isNew: true };
    });
    if (made?.isNew)
      await this.deliver(
        wanted.kind === 'refund' ? 'refund.created' : 'charge.dispute.created',
        toStripeReversal(made.reversal),
      );
    return made?.reversal.id ?? null;
  }

  private async closeDispute(paymentIntent: string, status: 'won' | 'lost'): Promise<void> {
    const open = await this.reversals.findOneBy({ paymentIntent, status: 'needs_response' });
    if (!open) return;
    const met = await this.transactions.run((tx) =>
      affectedRows(tx, "UPDATE sandbox_reversal SET status = ? WHERE id = ? AND status = 'needs_response'", [
        status,
        open.id,
      ]),
    );
    if (met === 1) await this.deliver('charge.dispute.closed', toStripeReversal({ ...open, status }));
  }

  /** Sends an event like Stripe. When it does not arrive, the buyer's return page settles the purchase. */
  private async deliver(type: string, object: object): Promise<void> {
    const event = {
      id: newId('evt'),
      object: 'event',
      type,
      created: Math.floor(Date.now() / 1000),
      livemode: false,
      data: { object },
    };
    const body = JSON.stringify(event);
    try {
      const answer = await fetch(`${this.ownAddress()}/${API_PREFIX}/webhooks/stripe`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Stripe-Signature': signEvent(body, this.webhookSecret) },
        body,
        signal: AbortSignal.timeout(DELIVERY_TIMEOUT_MS),
      });
      if (!answer.ok) this.logger.warn(`the webhook answered the sandbox's ${type} with ${answer.status}`);
    } catch (error) {
      this.logger.warn(`the sandbox's ${type} did not arrive: ${(error as Error).message}`);
    }
  }

  private ownAddress(): string {
    const { address, port, family } = (this.adapter.httpAdapter.getHttpServer() as Server).address() as AddressInfo;
    const host = address === '::' || address === '0.0.0.0' ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
    return `http://${host}:${port}`;
  }

  private toSession(session: SandboxSession): CheckoutSession {
    const { id, status, paymentStatus, paymentFailed, price, currency, purchaseId, paymentIntent } = session;
    const page = `${this.config.publicUrl}/sandbox/checkout/${id}`;
    return {
      id,
      url: status === 'open' ? page : null,
      mode: 'payment',
      status,
      paymentStatus,
      subtotal: price,
      total: price,
      currency,
      livemode: false,
      purchaseId,
      paymentIntent,
      paymentFailed: paymentFailed === 1,
      received: paymentStatus === 'paid' ? price : null,
      // Its own page shows what became of the payment.
      receiptUrl: paymentStatus === 'paid' ? page : null,
    };
  }
}

/** The refund or dispute to make. */
type Wanted = Pick<SandboxReversal, 'kind' | 'status' | 'amount'> &
  Partial<Pick<SandboxReversal, 'idempotencyKey' | 'requestId'>>;

const SESSION_ID = /^cs_sandbox_[0-9a-f]{32}$/;

/** Ids are unique across the sandbox, and say that they come from it. */
function newId(kind: string): string {
  return `${kind}_sandbox_${randomBytes(16).toString('hex')}`;
}
