import { randomBytes } from 'node:crypto';
import type { AddressInfo, Server } from 'node:net';
import { Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Config } from '../common/config/index.js';
import { affectedRows, isDuplicate, Transactions } from '../common/database/index.js';
import { API_PREFIX, ApiError } from '../common/http/index.js';
import { SandboxSession } from './payments.entities.js';
import type { CheckoutOrder, CheckoutSession, PaymentProvider } from './provider.js';
import { signEvent } from './stripe.provider.js';

const DELIVERY_TIMEOUT_MS = 5_000;

/** Plays Stripe on this server's own pages. No money moves, yet its sessions are fetched and its events are signed, sent and checked as Stripe's are. */
@Injectable()
export class SandboxProvider implements PaymentProvider {
  readonly name = 'sandbox';
  readonly livemode = false;
  /** Lives as long as the process: its events go to the server that made them, and one that gets lost is made up for by looking at the session. */
  readonly webhookSecrets = [`whsec_sandbox_${randomBytes(24).toString('hex')}`] as const;
  private readonly logger = new Logger(SandboxProvider.name);

  constructor(
    @InjectRepository(SandboxSession) private readonly sessions: Repository<SandboxSession>,
    private readonly transactions: Transactions,
    private readonly adapter: HttpAdapterHost,
    private readonly config: Config,
  ) {}

  async createSession({ idempotencyKey, ...order }: CheckoutOrder): Promise<CheckoutSession> {
    const session = { ...order, id: newId('cs'), idempotencyKey, status: 'open', paymentStatus: 'unpaid', createdAt: Date.now() } as const;
    try {
      await this.transactions.run((tx) => tx.manager.insert(SandboxSession, session));
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    return this.toSession(await this.sessions.findOneByOrFail({ idempotencyKey }));
  }

  async fetchSession(id: string): Promise<CheckoutSession> {
    const session = await this.find(id);
    if (!session) throw new ApiError('PAYMENT_PROVIDER_ERROR');
    return this.toSession(session);
  }

  /** The session behind a page, with its expiry as of now; null when there is none. */
  async find(id: string): Promise<SandboxSession | null> {
    const session = await this.sessions.findOneBy({ id });
    if (session?.status === 'open' && session.expiresAt <= Date.now()) session.status = 'expired';
    return session;
  }

  /** The buyer pays. */
  pay(id: string): Promise<void> {
    return this.close(id, 'checkout.session.completed', "status = 'complete', payment_status = 'paid', payment_intent = ?", [newId('pi')]);
  }

  /** The buyer gives up, and the checkout closes before its time. */
  cancel(id: string): Promise<void> {
    return this.close(id, 'checkout.session.expired', "status = 'expired'", []);
  }

  /** Only an open session closes, once, and only then is there something to tell. */
  private async close(id: string, type: string, set: string, values: string[]): Promise<void> {
    const met = await this.transactions.run((tx) =>
      affectedRows(tx, `UPDATE sandbox_session SET ${set} WHERE id = ? AND status = 'open' AND expires_at > ?`, [
        ...values,
        id,
        Date.now(),
      ]),
    );
    if (met === 1) await this.deliver(type, await this.sessions.findOneByOrFail({ id }));
  }

  /** Sends an event the way Stripe would. When it does not arrive, the buyer's return page settles the purchase. */
  private async deliver(type: string, session: SandboxSession): Promise<void> {
    const event = {
      id: newId('evt'),
      object: 'event',
      type,
      created: Math.floor(Date.now() / 1000),
      livemode: false,
      data: { object: toStripeObject(session) },
    };
    const body = JSON.stringify(event);
    try {
      const answer = await fetch(`${this.ownAddress()}/${API_PREFIX}/webhooks/stripe`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Stripe-Signature': signEvent(body, this.webhookSecrets[0]) },
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

  private toSession({ id, status, paymentStatus, price, currency, purchaseId, paymentIntent }: SandboxSession): CheckoutSession {
    const url = `${this.config.publicUrl}/sandbox/checkout/${id}`;
    return {
      id,
      url: status === 'open' ? url : null,
      mode: 'payment',
      status,
      paymentStatus,
      amount: price,
      currency,
      livemode: false,
      purchaseId,
      paymentIntent,
    };
  }
}

/** No two things of the sandbox share an id, and every id says where it comes from. */
function newId(kind: string): string {
  return `${kind}_sandbox_${randomBytes(16).toString('hex')}`;
}

function toStripeObject({ id, status, paymentStatus, price, currency, purchaseId, paymentIntent }: SandboxSession): object {
  return {
    id,
    object: 'checkout.session',
    mode: 'payment',
    status,
    payment_status: paymentStatus,
    amount_total: price,
    currency: currency.toLowerCase(),
    livemode: false,
    client_reference_id: purchaseId,
    metadata: { purchase_id: purchaseId },
    payment_intent: paymentIntent,
  };
}
