import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { ApiError, envelope } from './errors.js';

/**
 * Time limits for clients, in milliseconds. A socket without traffic for `connectionTimeout` is closed, whichever side
 * is waiting.
 */
export const TIME_LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionTimeout: 120_000,
  /**
   * Between two requests. Load balancers close idle connections after 60 seconds; ours stay open longer, so that the
   * load balancer closes them first.
   */
  keepAliveTimeout: 72_000,
  connectionsCheckingInterval: 1_000,
} as const;

/** How long after a stop a request may still take to arrive. */
const ARRIVE_WITHIN_MS = 2_000;
/** How long after a stop an answer may still take. */
const ANSWER_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 250;

/** All connections, so that a stopping server waits only for the answers that it owes. */
export class Connections {
  /** Whether the server refuses new requests. */
  stopping = false;
  private readonly answers = new Map<Socket, ServerResponse | undefined>();

  constructor(private readonly server: Server) {
    server.on('connection', (socket: Socket) => {
      this.answers.set(socket, undefined);
      socket.once('close', () => this.answers.delete(socket));
    });
    server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
      const { status, headers, body } = refusal(new ApiError('EXPECTATION_FAILED'));
      response.writeHead(status, headers).end(body);
    });
  }

  /** Notes which answer a connection waits for. */
  owes(answer: ServerResponse): void {
    this.answers.set(answer.req.socket, answer);
  }

  /** Refuses new requests from now on, and closes connections that would keep the server from closing. */
  stop(): void {
    this.stopping = true;
    const begun = performance.now();
    setInterval(() => {
      const waited = performance.now() - begun;
      if (waited >= ANSWER_WITHIN_MS) this.server.closeAllConnections();
      else if (waited >= ARRIVE_WITHIN_MS) this.closeUnowed();
    }, LOOK_EVERY_MS).unref();
  }

  private closeUnowed(): void {
    for (const [socket, answer] of this.answers) if (!answer?.req.complete || answer.writableFinished) socket.destroy();
  }
}

const UNREADABLE: Partial<Record<string, ApiError>> = {
  HPE_HEADER_OVERFLOW: new ApiError('HEADERS_TOO_LARGE'),
  ERR_HTTP_REQUEST_TIMEOUT: new ApiError('REQUEST_TIMEOUT'),
};

/**
 * Answers a request that is not valid HTTP, or that did not arrive in time, in the usual envelope. Such a request never
 * reaches Fastify.
 */
export function refuseUnreadable({ code = '' }: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writable) {
    const message = 'The request is not valid HTTP.';
    const error =
      UNREADABLE[code] ?? new ApiError('VALIDATION_ERROR', message, { details: [{ field: 'request', message }] });
    const { status, headers, body } = refusal(error);
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`);
  }
  socket.destroySoon();
}

/** The last answer of a connection, outside of Fastify. */
function refusal(error: ApiError) {
  const trace = randomUUID().replaceAll('-', '');
  const body = JSON.stringify(envelope(error, trace));
  const headers = {
    'X-Trace-Id': trace,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  };
  return { status: error.status, headers, body };
}
