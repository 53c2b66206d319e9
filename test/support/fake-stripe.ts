import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A checkout session as Stripe's API shows it, as far as we look. */
export interface FakeSession {
  id: string;
  object: 'checkout.session';
  mode: string;
  status: 'open' | 'complete' | 'expired';
  payment_status: 'paid' | 'unpaid';
  amount_total: number;
  currency: string;
  livemode: boolean;
  client_reference_id: string | null;
  metadata: Record<string, string>;
  payment_intent: string | null;
  url: string | null;
  expires_at: number;
  created: number;
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
 * What goes wrong with the next request: nothing happens and the connection is cut; it happens and then the connection is cut; the body ends in
 * its middle; an error that Stripe stores under the key; one that it doesn't; a page of some proxy.
 */
export type Fault = 'reset-before' | 'reset-after' | 'cut-body' | 'stored-500' | '429' | '409' | 'html-502';

type Answer = { status: number; body: unknown };
type Check = (value: string) => boolean;

const integer: Check = (value) => /^\d{1,12}$/.test(value);
const oneOf =
  (...allowed: string[]): Check =>
  (value) =>
    allowed.includes(value);
const text =
  (max: number): Check =>
  (value) =>
    value.length > 0 && value.length <= max;
const url: Check = (value) => URL.canParse(value) && /^https?:/.test(value);

/** Everything that a session may be created with here, by the shape of its name; what isn't named is refused, as Stripe does. */
const SESSION_PARAMETERS: [RegExp, Check][] = [
  [/^mode$/, oneOf('payment')],
  [/^ui_mode$/, oneOf('hosted_page')],
  [/^client_reference_id$/, text(200)],
  [/^allowed_payment_method_types\[\d+\]$/, oneOf('card', 'link')],
  [/^(payment_intent_data\[metadata\]|metadata)\[\w{1,40}\]$/, text(500)],
  [/^(success_url|cancel_url)$/, url],
  [/^expires_at$/, integer],
  [/^line_items\[\d+\]\[quantity\]$/, integer],
  [/^line_items\[\d+\]\[price_data\]\[currency\]$/, (value) => /^[a-z]{3}$/.test(value)],
  [/^line_items\[\d+\]\[price_data\]\[unit_amount\]$/, integer],
  [/^line_items\[\d+\]\[price_data\]\[product_data\]\[(name|description)\]$/, text(500)],
];
const REQUIRED = [
  'mode',
  'success_url',
  'line_items[0][quantity]',
  'line_items[0][price_data][unit_amount]',
  'line_items[0][price_data][currency]',
];

/** Stripe's API on a port of its own, with the state and the rules that a checkout meets. The real SDK talks to it. */
export class FakeStripe {
  readonly requests: RecordedRequest[] = [];
  readonly sessions = new Map<string, FakeSession>();
  /** Milliseconds before each answer. */
  latency = 0;
  private readonly faults: Fault[] = [];
  private readonly keys = new Map<string, { form: string; answer?: Answer }>();

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

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Each of the next requests meets one of these, in order. */
  failNext(...faults: Fault[]): void {
    this.faults.push(...faults);
  }

  /** The session of a purchase. */
  sessionOf(purchaseId: string): FakeSession {
    const session = [...this.sessions.values()].find(({ client_reference_id }) => client_reference_id === purchaseId);
    if (!session) throw new Error(`no session was made for ${purchaseId}`);
    return session;
  }

  /** The buyer pays. */
  pay(session: FakeSession): void {
    Object.assign(session, { status: 'complete', payment_status: 'paid', payment_intent: newId('pi'), url: null });
  }

  /** The session's time runs out, or somebody closes it. */
  expire(session: FakeSession): void {
    Object.assign(session, { status: 'expired', url: null });
  }

  /** The request that delivers an event about a session as it is now. Two of these are two events for one fact. */
  event(
    type: string,
    object: Partial<FakeSession>,
    secret: string,
    { id = newId('evt'), ageSeconds = 0 } = {},
  ): { body: string; headers: Record<string, string> } {
    const created = Math.floor(Date.now() / 1000) - ageSeconds;
    const body = JSON.stringify(
      { id, object: 'event', api_version: '2026-10-28.endive', created, livemode: object.livemode ?? false, type, data: { object } },
      null,
      2,
    );
    return { body, headers: { 'Content-Type': 'application/json; charset=utf-8', 'Stripe-Signature': sign(body, secret, created) } };
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks).toString('utf8');
    const { pathname: path } = new URL(request.url ?? '/', 'http://stripe');
    this.requests.push({
      method: request.method ?? '',
      path,
      headers: request.headers,
      form: Object.fromEntries(new URLSearchParams(raw)),
    });
    if (this.latency > 0) await new Promise((resolve) => setTimeout(resolve, this.latency));

    const fault = this.faults.shift();
    if (fault === 'reset-before') return void request.socket.destroy();
    if (fault === '429') return send(response, failure(429, 'rate_limit_error', 'Too many requests'));
    if (fault === '409') return send(response, failure(409, 'idempotency_error', 'Another request with this key is under way'));
    if (fault === 'html-502') return void response.writeHead(502, { 'Content-Type': 'text/html' }).end('<h1>Bad gateway</h1>');
    const answer = this.answer(request, path, raw, fault === 'stored-500');
    if (fault === 'reset-after') return void request.socket.destroy();
    if (fault === 'cut-body') {
      const body = JSON.stringify(answer.body);
      response.writeHead(answer.status, { 'Content-Type': 'application/json', 'Content-Length': body.length });
      return void response.write(body.slice(0, body.length / 2), () => request.socket.destroy());
    }
    send(response, answer);
  }

  /** Stripe keeps the first answer under a key, a 500 included, and refuses the key with other parameters; what it found malformed it doesn't keep. */
  private answer(request: IncomingMessage, path: string, raw: string, broken: boolean): Answer {
    if (request.headers.authorization !== `Bearer ${this.secretKey}`)
      return failure(401, 'invalid_request_error', 'Invalid API Key provided');
    const key = request.headers['idempotency-key'];
    const failed = failure(500, 'api_error', 'An unknown error occurred');
    if (request.method !== 'POST' || typeof key !== 'string') return broken ? failed : this.route(request.method, path, raw);
    const known = this.keys.get(key);
    if (known && known.form !== raw)
      return failure(400, 'idempotency_error', 'Keys for idempotent requests can only be used with the same parameters');
    if (known?.answer) return known.answer;
    const answer = broken ? failed : this.route(request.method, path, raw);
    if (answer.status !== 400) this.keys.set(key, { form: raw, answer });
    return answer;
  }

  private route(method: string | undefined, path: string, raw: string): Answer {
    if (method === 'POST' && path === '/v1/checkout/sessions') return this.createSession(new URLSearchParams(raw));
    const [, id] = /^\/v1\/checkout\/sessions\/(\w+)$/.exec(path) ?? [];
    const session = id && this.sessions.get(id);
    return session && method === 'GET'
      ? { status: 200, body: session }
      : failure(404, 'invalid_request_error', `No such resource: ${path}`);
  }

  private createSession(form: URLSearchParams): Answer {
    for (const [name, value] of form) {
      const rule = SESSION_PARAMETERS.find(([pattern]) => pattern.test(name));
      if (!rule) return failure(400, 'invalid_request_error', `Received unknown parameter: ${name}`);
      if (!rule[1](value)) return failure(400, 'invalid_request_error', `Invalid ${name}: ${value}`);
    }
    const missing = REQUIRED.find((name) => !form.has(name));
    if (missing) return failure(400, 'invalid_request_error', `Missing required param: ${missing}`);
    const created = Math.floor(Date.now() / 1000);
    const expiresAt = Number(form.get('expires_at') ?? created + 86_400);
    if (expiresAt < created + 1_800 || expiresAt > created + 86_400)
      return failure(400, 'invalid_request_error', 'expires_at must be between 30 minutes and 24 hours away');
    const id = newId('cs_test');
    const session: FakeSession = {
      id,
      object: 'checkout.session',
      mode: String(form.get('mode')),
      status: 'open',
      payment_status: 'unpaid',
      amount_total: Number(form.get('line_items[0][quantity]')) * Number(form.get('line_items[0][price_data][unit_amount]')),
      currency: String(form.get('line_items[0][price_data][currency]')),
      livemode: this.secretKey.includes('_live_'),
      client_reference_id: form.get('client_reference_id'),
      metadata: Object.fromEntries(
        [...form].flatMap(([name, value]) => (name.startsWith('metadata[') ? [[name.slice(9, -1), value]] : [])),
      ),
      payment_intent: null,
      url: `https://checkout.stripe.com/c/pay/${id}`,
      expires_at: expiresAt,
      created,
    };
    this.sessions.set(id, session);
    return { status: 200, body: { ...session } };
  }
}

/** Stripe's scheme: HMAC-SHA256 over the time, a dot and the bytes of the body. */
export function sign(body: string | Buffer, secret: string, timestamp = Math.floor(Date.now() / 1000)): string {
  return `t=${timestamp},v1=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`;
}

function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

function failure(status: number, type: string, message: string): Answer {
  return { status, body: { error: { type, message } } };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Request-Id': newId('req') }).end(JSON.stringify(body));
}
