import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import cors from '@fastify/cors';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import helmet from 'helmet';
import type { Logger } from 'pino';
import type { Config } from '../config/index.js';
import { ErrorFilter, sendError } from './error.filter.js';
import { ApiError, invalidField } from './errors.js';
import { validationPipe } from './validation.js';

/** Everything below this is the API; `/api/v1` is another name for it. */
export const API_PREFIX = 'api';

/** Pages for people, which are no part of the API. */
const PAGES = ['checkout/*path', 'sandbox/*path'];

const BODY_LIMIT = 1024 * 1024;
/** Version 00 ends after the flags; later versions may say more. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:(?<!^00.*)-.*)?$/;

/** Nest's Fastify adapter with our trace ids, our logger and the alias of the base path. */
export function createAdapter(logger: Logger): FastifyAdapter {
  return new FastifyAdapter({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    // A child logger for each request costs more than the line that it would write; ours name the trace id themselves.
    childLoggerFactory: (parent: FastifyBaseLogger) => parent,
    genReqId: (request: IncomingMessage) =>
      TRACEPARENT.exec(String(request.headers['traceparent'] ?? ''))?.[1] ?? randomUUID().replaceAll('-', ''),
    rewriteUrl: (request: IncomingMessage) => (request.url ?? '/').replace(/^\/api\/v1(?=[/?]|$)/, '/api'),
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 300 },
    clientErrorHandler: refuseUnreadable,
    // A URL that can not be decoded has no route, so no hook sees it.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
      sendError(error, request, reply.header('X-Trace-Id', request.id)),
  });
}

/** What the parser of HTTP refuses never becomes a request; it is answered in the same envelope. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return;
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const message = 'The request is not readable as HTTP.';
  const trace = randomUUID().replaceAll('-', '');
  const body = JSON.stringify({ error: { code: 'VALIDATION_ERROR', message, details: [{ field: 'request', message }], trace_id: trace } });
  socket.end(
    `HTTP/1.1 ${status}\r\nX-Trace-Id: ${trace}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Whom a request's line names: the account that it worked on, and who sent it. */
type PartiesOf = (request: FastifyRequest, status: number) => { account?: string; actor?: string };

/** Filters, pipes, headers and hooks of every route. */
export async function configureHttp(app: NestFastifyApplication, config: Config, partiesOf: PartiesOf): Promise<void> {
  app.setGlobalPrefix(API_PREFIX, { exclude: PAGES });
  app.useGlobalFilters(new ErrorFilter());
  app.useGlobalPipes(validationPipe());
  const server = app.getHttpAdapter().getInstance();

  const security = securityHeaders(config);
  let stopping = false;
  server.addHook('preClose', (done) => {
    stopping = true;
    done();
  });
  server.addHook('onRequest', (request, reply, done) => {
    void reply.headers(security).header('x-trace-id', request.id);
    done(stopping ? new ApiError('OVERLOADED', 'The server is stopping; send the request again.') : undefined);
  });
  server.addHook('onSend', (_request, reply, _payload, done) => {
    // A client that keeps its connection would otherwise keep the server from closing.
    if (stopping) void reply.header('Connection', 'close');
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    const { account, actor } = partiesOf(request, reply.statusCode);
    request.log.info(
      {
        trace_id: request.id,
        method: request.method,
        route: request.routeOptions.url ?? null,
        status: reply.statusCode,
        account,
        actor,
        ms: Math.round(reply.elapsedTime * 100) / 100,
      },
      'request',
    );
    done();
  });

  registerBodyParsers(server);
  if (config.corsOrigins.length > 0)
    await app.register(cors, { origin: config.corsOrigins, credentials: true, exposedHeaders: EXPOSED_HEADERS });
}

const EXPOSED_HEADERS = [
  'X-Trace-Id',
  'Idempotent-Replayed',
  'Retry-After',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
];

/** What helmet sets, and that nothing is for caches but what says so itself. It never changes, so it is asked once and not with every request, where it cost more than the routing. */
function securityHeaders(config: Config): Record<string, string> {
  const headers: Record<string, string> = {};
  const response = {
    setHeader: (name: string, value: string) => void (headers[name.toLowerCase()] = value),
    removeHeader: () => undefined,
  };
  helmet({
    contentSecurityPolicy: {
      directives: {
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        styleSrc: ["'self'", "'unsafe-inline'"],
        upgradeInsecureRequests: null,
      },
    },
    strictTransportSecurity: config.production,
  })({} as IncomingMessage, response as never, () => undefined);
  return { ...headers, 'cache-control': 'no-store' };
}

/** A request whose route asked for the bytes as they came (`@RouteConfig({ rawBody: true })`). */
export interface RawBodyRequest extends FastifyRequest {
  rawBody?: Buffer;
}

/** JSON is the one content type; only a route that says so takes an HTML form or keeps the raw bytes, which it then parses itself after checking their signature. */
function registerBodyParsers(server: FastifyInstance): void {
  const routeConfig = (request: FastifyRequest) => request.routeOptions.config as { rawBody?: boolean; form?: boolean };
  const parseJson = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (routeConfig(request).rawBody) {
      (request as RawBodyRequest).rawBody = body;
      done(null);
    } else if (body.length === 0) {
      done(null);
    } else if (!isUtf8(body)) {
      done(new ApiError('VALIDATION_ERROR', 'The body is not UTF-8.', { details: [{ field: 'body', message: 'must be UTF-8' }] }));
    } else {
      void parseJson(request, body.toString('utf8'), (error: Error | null, parsed?: unknown) => {
        done(error ?? untenable(parsed) ?? null, parsed);
      });
    }
  });
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, body: string, done) => {
    if (routeConfig(request).form) done(null, Object.fromEntries(new URLSearchParams(body)));
    else done(new ApiError('UNSUPPORTED_MEDIA_TYPE'));
  });
}

const MAX_DEPTH = 6;
const MAX_ITEMS = 1_000;
const MAX_FIELDS = 100;

/**
 * What the validators would spend seconds on, or lose before they could refuse it (class-transformer drops names that every object has): found in
 * one cheap walk, and refused before them.
 */
function untenable(value: unknown, path = '', depth = 0): ApiError | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const refuse = (message: string) => invalidField(path || 'body', message);
  if (depth > MAX_DEPTH) return refuse('is nested too deeply');
  const entries = Object.entries(value);
  if (Array.isArray(value) && entries.length > MAX_ITEMS) return refuse(`must have at most ${MAX_ITEMS} items`);
  if (!Array.isArray(value) && entries.length > MAX_FIELDS) return refuse(`must have at most ${MAX_FIELDS} fields`);
  for (const [key, item] of entries) {
    if (key === 'prototype' || key in Object.prototype) return refuse(`must not have a field named ${key}`);
    const problem = untenable(item, path ? `${path}.${key}` : key, depth + 1);
    if (problem) return problem;
  }
  return undefined;
}
