import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parameterProblem, readParameters, type RequestName } from './stripe-parameters.js';

/** A checkout session as Stripe's API shows it, as far as we look. */
export interface FakeSession {
  id: string;
  object: 'checkout.session';
  mode: string;
  status: 'open' | 'complete' | 'expired';
  payment_status: 'paid' | 'unpaid' | 'no_payment_required';
  amount_subtotal: number;
  amount_total: number;
  currency: string;
  customer: string | null;
  livemode: boolean;
  client_reference_id: string | null;
  metadata: Record<string, string>;
  payment_intent: string | null;
  url: string | null;
  expires_at: number;
  created: number;
}

/** A payment and its one charge. */
interface FakePayment {
  id: string;
  object: 'payment_intent';
  status: 'processing' | 'succeeded' | 'requires_payment_method';
  amount: number;
  amount_received: number;
  currency: string;
  metadata: Record<string, string>;
  latest_charge: string;
  created: number;
}

export interface FakeRefund {
  id: string;
  object: 'refund';
  amount: number;
  status: 'pending' | 'succeeded' | 'failed' | 'canceled';
  payment_intent: string;
  metadata: Record<string, string>;
  created: number;
}

export interface FakeDispute {
  id: string;
  object: 'dispute';
  amount: number;
  status: 'warning_needs_response' | 'warning_closed' | 'needs_response' | 'under_review' | 'won' | 'lost';
  payment_intent: string;
  metadata: Record<string, string>;
  created: number;
}

/** An event as Stripe makes it: a snapshot of what it is about. */
export interface FakeEvent {
  readonly id: string;
  readonly object: 'event';
  readonly api_version: string;
  readonly created: number;
  readonly livemode: boolean;
  readonly type: string;
  readonly data: { readonly object: object };
}

/** A request as it came over the wire. */
export interface RecordedRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  /** The form's fields under the names that were sent, such as `line_items[0][quantity]`. */
  form: Record<string, string>;
}

/**
 * What goes wrong with a request: nothing happens and the connection is cut; it happens and then the connection is cut;
 * the body ends in its middle; an error that Stripe stores under the key, with nothing or the whole thing done; one
 * that it doesn't store; a page of some proxy.
 */
export type Fault =
  'reset-before' | 'reset-after' | 'cut-body' | 'stored-500' | 'stored-500-after' | '429' | '409' | 'html-502';

type Answer = { status: number; body: unknown };
type Kept = { readonly form: string; readonly at: number; answer?: Answer };
type Stored = { readonly id: string; readonly created: number };

const PARAMETERS = readParameters();
const API_VERSION = '2026-10-28.endive';
const KEYS_HOLD_SECONDS = 24 * 3600;

/** Stripe's API on a port of its own, with the state and the rules that a checkout meets. The real SDK talks to it. */
export class FakeStripe {
  readonly requests: RecordedRequest[] = [];
  readonly customers = new Map<string, Stored & { metadata: Record<string, string> }>();
  readonly sessions = new Map<string, FakeSession>();
  readonly payments = new Map<string, FakePayment>();
  readonly refunds = new Map<string, FakeRefund>();
  readonly disputes = new Map<string, FakeDispute>();
  /** What it has made of events and would list, in order. */
  readonly events = new Map<string, FakeEvent>();
  /** Milliseconds before each answer. */
  latency = 0;
  /** Milliseconds that its clock is ahead of ours. */
  ahead = 0;
  /** Makes no events, as Stripe does not for everything. */
  silent = false;
  private readonly faults: { on: string; fault: Fault }[] = [];
  private readonly holds: { on: string; what: 'request' | 'answer'; arrived: () => void; released: Promise<void> }[] =
    [];
  private readonly keys = new Map<string, Kept>();

  private constructor(
    private readonly server: Server,
    private readonly secretKey: string,
  ) {}

  static async start(secretKey = 'sk_test_fake'): Promise<FakeStripe> {
    const server = createServer((request, response) => void fake.handle(request, response));
    const fake = new FakeStripe(server, secretKey);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  /** For `STRIPE_API_BASE`. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Seconds since 1970 by its clock. */
  now(): number {
    return Math.floor((Date.now() + this.ahead) / 1000);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Each of the next requests meets one of these, in order. */
  failNext(...faults: Fault[]): void {
    this.failOn('', ...faults);
  }

  /** Each of the next requests that begin so, such as `POST /v1/refunds`, meets one of these, in order. */
  failOn(on: string, ...faults: Fault[]): void {
    this.faults.push(...faults.map((fault) => ({ on, fault })));
  }

  /** Forgets the faults that nothing has met. */
  heal(): void {
    this.faults.length = 0;
  }

  /**
   * Keeps the next request that begins so waiting, or its answer: `arrived` says that it is there, and `release` lets
   * it go on.
   */
  holdOn(on: string, what: 'request' | 'answer' = 'request'): { arrived: Promise<void>; release: () => void } {
    let release!: () => void;
    let arrive!: () => void;
    const released = new Promise<void>((done) => (release = done));
    const arrived = new Promise<void>((done) => (arrive = done));
    this.holds.push({ on, what, arrived: arrive, released });
    return { arrived, release };
  }

  /** The session of a purchase, the newest of several. */
  sessionOf(purchaseId: string): FakeSession {
    const session = [...this.sessions.values()].findLast(
      ({ client_reference_id }) => client_reference_id === purchaseId,
    );
    if (!session) throw new Error(`no session was made for ${purchaseId}`);
    return session;
  }

  /** The buyer pays; tax comes on top, and a promotion code takes away. */
  pay(session: FakeSession, { tax = 0, discount = 0 } = {}): FakeEvent[] {
    session.amount_total = session.amount_subtotal - discount + tax;
    if (session.amount_total === 0) {
      Object.assign(session, { status: 'complete', payment_status: 'no_payment_required', url: null });
      return [this.emit('checkout.session.completed', session)];
    }
    const payment = this.makePayment(session, 'succeeded');
    Object.assign(session, { status: 'complete', payment_status: 'paid', payment_intent: payment.id, url: null });
    return [this.emit('checkout.session.completed', session), this.emit('payment_intent.succeeded', payment)];
  }

  /** The buyer has done their part, and the money comes later or not at all. */
  payLater(session: FakeSession): FakeEvent[] {
    const { id } = this.makePayment(session, 'processing');
    Object.assign(session, { status: 'complete', payment_intent: id, url: null });
    return [this.emit('checkout.session.completed', session)];
  }

  /** The money of a payment that was under way has come, or won't. */
  conclude(session: FakeSession, succeeded: boolean): FakeEvent[] {
    const payment = this.payments.get(session.payment_intent!)!;
    if (!succeeded) {
      payment.status = 'requires_payment_method';
      return [this.emit('checkout.session.async_payment_failed', session)];
    }
    Object.assign(payment, { status: 'succeeded', amount_received: payment.amount });
    session.payment_status = 'paid';
    return [
      this.emit('checkout.session.async_payment_succeeded', session),
      this.emit('payment_intent.succeeded', payment),
    ];
  }

  /** The session's time runs out, or somebody closes it. */
  expire(session: FakeSession): FakeEvent[] {
    Object.assign(session, { status: 'expired', url: null });
    return [this.emit('checkout.session.expired', session)];
  }

  /** Somebody refunds in Stripe's dashboard. */
  refund(
    session: FakeSession,
    amount: number,
    status: FakeRefund['status'] = 'succeeded',
  ): { refund: FakeRefund; events: FakeEvent[] } {
    const refund = this.makeRefund(session.payment_intent!, amount, {}, status);
    return { refund, events: this.tellRefund(refund) };
  }

  /** A refund goes on to another state. */
  changeRefund(refund: FakeRefund, status: FakeRefund['status']): FakeEvent[] {
    refund.status = status;
    return [this.emit('refund.updated', refund), ...(status === 'failed' ? [this.emit('refund.failed', refund)] : [])];
  }

  /** The buyer's bank disputes the payment. */
  dispute(
    session: FakeSession,
    amount = session.amount_total,
    status: FakeDispute['status'] = 'needs_response',
  ): { dispute: FakeDispute; events: FakeEvent[] } {
    const dispute: FakeDispute = {
      id: newId('du'),
      object: 'dispute',
      amount,
      status,
      payment_intent: session.payment_intent!,
      metadata: {},
      created: this.now(),
    };
    this.disputes.set(dispute.id, dispute);
    const events = [this.emit('charge.dispute.created', dispute)];
    if (!status.startsWith('warning')) events.push(this.emit('charge.dispute.funds_withdrawn', dispute));
    return { dispute, events };
  }

  /** A dispute goes on to another state. */
  changeDispute(dispute: FakeDispute, status: FakeDispute['status']): FakeEvent[] {
    const had = !dispute.status.startsWith('warning') && dispute.status !== 'won';
    dispute.status = status;
    const has = !status.startsWith('warning') && status !== 'won';
    return [
      this.emit(/won|lost|closed/.test(status) ? 'charge.dispute.closed' : 'charge.dispute.updated', dispute),
      ...(had && !has ? [this.emit('charge.dispute.funds_reinstated', dispute)] : []),
      ...(has && !had ? [this.emit('charge.dispute.funds_withdrawn', dispute)] : []),
    ];
  }

  /** What has gone back of a session's payment, in cents, as it is now. */
  reversedOf({ payment_intent, amount_total }: FakeSession): number {
    const of = <T extends { payment_intent: string }>(all: Map<string, T>) =>
      [...all.values()].filter((one) => one.payment_intent === payment_intent);
    const refunded = of(this.refunds).filter(({ status }) => status === 'pending' || status === 'succeeded');
    const disputed = of(this.disputes).filter(({ status }) => !status.startsWith('warning') && status !== 'won');
    return Math.min(
      amount_total,
      [...refunded, ...disputed].reduce((sum, { amount }) => sum + amount, 0),
    );
  }

  /** The request that delivers an event: signed with each of the secrets, at a time that may lie back. */
  delivery(
    event: FakeEvent,
    secret: string | readonly string[],
    ageSeconds = 0,
  ): { raw: string; headers: Record<string, string> } {
    const raw = JSON.stringify(event, null, 2);
    const [first, ...others] = [secret].flat();
    const at = this.now() - ageSeconds;
    const signature = [
      sign(raw, first!, at),
      ...others.map((other) => sign(raw, other, at).replace(/^t=\d+,/, '')),
    ].join(',');
    return { raw, headers: { 'Content-Type': 'application/json; charset=utf-8', 'Stripe-Signature': signature } };
  }

  /** Another event for the same fact. */
  twin(event: FakeEvent): FakeEvent {
    return { ...event, id: newId('evt') };
  }

  /** The request that delivers an event about an object as it is now. Two of these are two events for one fact. */
  event(
    type: string,
    object: Partial<FakeSession>,
    secret: string,
    { id = newId('evt'), ageSeconds = 0 } = {},
  ): { raw: string; headers: Record<string, string> } {
    return this.delivery({ ...this.newEvent(type, object), id }, secret, ageSeconds);
  }

  private emit(type: string, object: object): FakeEvent {
    const event = this.newEvent(type, object);
    if (!this.silent) this.events.set(event.id, event);
    return event;
  }

  private newEvent(type: string, object: object): FakeEvent {
    const { livemode = false } = object as { livemode?: boolean };
    return {
      id: newId('evt'),
      object: 'event',
      api_version: API_VERSION,
      created: this.now(),
      livemode,
      type,
      data: { object: structuredClone(object) },
    };
  }

  private tellRefund(refund: FakeRefund): FakeEvent[] {
    const charge = {
      id: `ch_of_${refund.payment_intent}`,
      object: 'charge',
      payment_intent: refund.payment_intent,
      metadata: {},
    };
    return [this.emit('refund.created', refund), this.emit('charge.refunded', charge)];
  }

  private makePayment({ amount_total, currency, metadata }: FakeSession, status: FakePayment['status']): FakePayment {
    const id = newId('pi');
    const payment: FakePayment = {
      id,
      object: 'payment_intent',
      status,
      amount: amount_total,
      amount_received: status === 'succeeded' ? amount_total : 0,
      currency,
      metadata: { ...metadata },
      latest_charge: `ch_of_${id}`,
      created: this.now(),
    };
    this.payments.set(id, payment);
    return payment;
  }

  private makeRefund(
    paymentIntent: string,
    amount: number,
    metadata: Record<string, string>,
    status: FakeRefund['status'],
  ): FakeRefund {
    const refund: FakeRefund = {
      id: newId('re'),
      object: 'refund',
      amount,
      status,
      payment_intent: paymentIntent,
      metadata,
      created: this.now(),
    };
    this.refunds.set(refund.id, refund);
    return refund;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks).toString('utf8');
    const { pathname: path, search } = new URL(request.url ?? '/', 'http://stripe');
    const form = new URLSearchParams(request.method === 'GET' ? search : raw);
    this.requests.push({
      method: request.method ?? '',
      path,
      headers: request.headers,
      form: Object.fromEntries(form),
    });
    const name = `${request.method} ${path}`;
    await this.hold(name, 'request');
    if (this.latency > 0) await new Promise((resolve) => setTimeout(resolve, this.latency));

    const met = this.faults.findIndex(({ on }) => name.startsWith(on));
    const fault = met < 0 ? undefined : this.faults.splice(met, 1)[0]!.fault;
    if (fault === 'reset-before') return void request.socket.destroy();
    if (fault === '429') return send(response, failure(429, 'rate_limit_error', 'Too many requests'));
    if (fault === '409')
      return send(response, failure(409, 'idempotency_error', 'Another request with this key is under way'));
    if (fault === 'html-502')
      return void response.writeHead(502, { 'Content-Type': 'text/html' }).end('<h1>Bad gateway</h1>');
    const answer = this.answer(request, name, form, fault);
    await this.hold(name, 'answer');
    if (fault === 'reset-after') return void request.socket.destroy();
    if (fault === 'cut-body') {
      const body = JSON.stringify(answer.body);
      response.writeHead(answer.status, { 'Content-Type': 'application/json', 'Content-Length': body.length });
      return void response.write(body.slice(0, body.length / 2), () => request.socket.destroy());
    }
    send(response, answer);
  }

  private async hold(name: string, what: 'request' | 'answer'): Promise<void> {
    const held = this.holds.findIndex((hold) => hold.what === what && name.startsWith(hold.on));
    if (held < 0) return;
    const [{ arrived, released }] = this.holds.splice(held, 1) as [(typeof this.holds)[number]];
    arrived();
    await released;
  }

  /**
   * Stripe keeps the first answer under a key for a day, a 500 included, and refuses the key with another request; what
   * it found malformed it doesn't keep.
   */
  private answer(request: IncomingMessage, name: string, form: URLSearchParams, fault: Fault | undefined): Answer {
    if (request.headers.authorization !== `Bearer ${this.secretKey}`)
      return failure(401, 'invalid_request_error', 'Invalid API Key provided');
    const key = request.headers['idempotency-key'];
    const failed = failure(500, 'api_error', 'An unknown error occurred');
    const broken = fault === 'stored-500' || fault === 'stored-500-after';
    if (request.method !== 'POST' || typeof key !== 'string') return broken ? failed : this.route(name, form);
    const sent = `${name}?${form.toString()}`;
    const kept = this.keys.get(key);
    const known = kept && kept.at > this.now() - KEYS_HOLD_SECONDS ? kept : undefined;
    if (known && known.form !== sent)
      return failure(
        400,
        'idempotency_error',
        'Keys for idempotent requests can only be used with the same parameters',
      );
    if (known?.answer) return known.answer;
    const done = fault === 'stored-500' ? failed : this.route(name, form);
    const answer = broken ? failed : done;
    if (answer.status !== 400) this.keys.set(key, { form: sent, at: this.now(), answer: structuredClone(answer) });
    return answer;
  }

  private route(name: string, form: URLSearchParams): Answer {
    const [, resource = '', id] = /^\w+ \/v1\/(checkout\/sessions|\w+)(?:\/(\w+))?$/.exec(name) ?? [];
    const request = (id ? name.replace(id, ':id') : name) as RequestName;
    const rule = PARAMETERS[request];
    if (!rule) return failure(404, 'invalid_request_error', `Unrecognized request URL (${name})`);
    const problem = parameterProblem(rule, form);
    if (problem) return failure(400, 'invalid_request_error', problem);
    switch (request) {
      case 'POST /v1/customers':
        return this.createCustomer(form);
      case 'POST /v1/checkout/sessions':
        return this.createSession(form);
      case 'POST /v1/refunds':
        return this.createRefund(form);
      case 'GET /v1/checkout/sessions/:id':
        return found(this.sessions.get(id!), name, (session) => this.expanded(session, form));
      case 'GET /v1/payment_intents/:id':
        return found(this.payments.get(id!), name, (payment) => payment);
      case 'GET /v1/checkout/sessions':
      case 'GET /v1/refunds':
      case 'GET /v1/disputes':
      case 'GET /v1/events':
        return this.list(resource, form);
    }
  }

  private createCustomer(form: URLSearchParams): Answer {
    const customer = { id: newId('cus'), object: 'customer', created: this.now(), metadata: metadataIn(form) };
    this.customers.set(customer.id, customer);
    return { status: 200, body: customer };
  }

  private createSession(form: URLSearchParams): Answer {
    const created = this.now();
    const expiresAt = Number(form.get('expires_at') ?? created + 86_400);
    if (expiresAt < created + 1_800 || expiresAt > created + 86_400)
      return failure(400, 'invalid_request_error', 'expires_at must be between 30 minutes and 24 hours away');
    const customer = form.get('customer');
    if (customer !== null && !this.customers.has(customer))
      return failure(400, 'invalid_request_error', `No such customer: '${customer}'`, {
        code: 'resource_missing',
        param: 'customer',
      });
    const price =
      Number(form.get('line_items[0][quantity]')) * Number(form.get('line_items[0][price_data][unit_amount]'));
    if (!(price > 0)) return failure(400, 'invalid_request_error', 'Missing required param: line_items');
    const id = newId('cs_test');
    const session: FakeSession = {
      id,
      object: 'checkout.session',
      mode: String(form.get('mode')),
      status: 'open',
      payment_status: 'unpaid',
      amount_subtotal: price,
      amount_total: price,
      currency: String(form.get('line_items[0][price_data][currency]')),
      customer,
      livemode: this.secretKey.includes('_live_'),
      client_reference_id: form.get('client_reference_id'),
      metadata: metadataIn(form),
      payment_intent: null,
      url: `https://checkout.stripe.com/c/pay/${id}`,
      expires_at: expiresAt,
      created,
    };
    this.sessions.set(id, session);
    return { status: 200, body: { ...session } };
  }

  private createRefund(form: URLSearchParams): Answer {
    const payment = this.payments.get(form.get('payment_intent') ?? '');
    if (payment?.status !== 'succeeded')
      return failure(400, 'invalid_request_error', 'This PaymentIntent has no successful charge to refund.');
    const before = [...this.refunds.values()].filter(
      ({ payment_intent, status }) => payment_intent === payment.id && status !== 'failed',
    );
    const remaining = payment.amount_received - before.reduce((sum, { amount }) => sum + amount, 0);
    const amount = Number(form.get('amount') ?? remaining);
    if (amount <= 0 || amount > remaining)
      return failure(
        400,
        'invalid_request_error',
        `Refund amount (${amount}) is greater than unrefunded amount on charge (${remaining})`,
      );
    const refund = this.makeRefund(payment.id, amount, metadataIn(form), 'succeeded');
    this.tellRefund(refund);
    return { status: 200, body: { ...refund } };
  }

  private expanded(session: FakeSession, form: URLSearchParams): object {
    const payment = session.payment_intent === null ? undefined : this.payments.get(session.payment_intent);
    if (!payment || !form.has('expand[0]')) return session;
    const latest_charge = {
      id: payment.latest_charge,
      object: 'charge',
      receipt_url: `https://pay.stripe.com/receipts/${payment.id}`,
    };
    return { ...session, payment_intent: { ...payment, latest_charge } };
  }

  /** The newest first, in pages. */
  private list(resource: string, form: URLSearchParams): Answer {
    const all: Record<string, Iterable<Stored>> = {
      'checkout/sessions': this.sessions.values(),
      refunds: this.refunds.values(),
      disputes: this.disputes.values(),
      events: this.events.values(),
    };
    const types = [...form].flatMap(([name, value]) => (name.startsWith('types[') ? [value] : []));
    const wanted = (item: Stored) =>
      ['customer', 'payment_intent'].every(
        (name) => !form.has(name) || form.get(name) === (item as unknown as Record<string, unknown>)[name],
      ) &&
      item.created >= Number(form.get('created[gte]') ?? 0) &&
      (types.length === 0 || types.includes((item as unknown as FakeEvent).type));
    const items = [...all[resource]!].filter(wanted).reverse();
    const from = form.has('starting_after') ? items.findIndex(({ id }) => id === form.get('starting_after')) + 1 : 0;
    const limit = Number(form.get('limit') ?? 10);
    const page = items.slice(from, from + limit);
    return {
      status: 200,
      body: { object: 'list', url: `/v1/${resource}`, data: page, has_more: items.length > from + limit },
    };
  }
}

/** Stripe's scheme: HMAC-SHA256 over the time, a dot and the bytes of the body. */
export function sign(body: string | Buffer, secret: string, timestamp = Math.floor(Date.now() / 1000)): string {
  return `t=${timestamp},v1=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`;
}

function metadataIn(form: URLSearchParams): Record<string, string> {
  return Object.fromEntries(
    [...form].flatMap(([name, value]) => (name.startsWith('metadata[') ? [[name.slice(9, -1), value]] : [])),
  );
}

function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

function found<T>(item: T | undefined, name: string, body: (item: T) => unknown): Answer {
  return item
    ? { status: 200, body: body(item) }
    : failure(404, 'invalid_request_error', `No such resource: ${name}`, { code: 'resource_missing' });
}

function failure(status: number, type: string, message: string, more: { code?: string; param?: string } = {}): Answer {
  return { status, body: { error: { type, message, ...more } } };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response
    .writeHead(status, { 'Content-Type': 'application/json', 'Request-Id': newId('req') })
    .end(JSON.stringify(body));
}
