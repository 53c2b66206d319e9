import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import cors from '@fastify/cors';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyBaseLogger, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import helmet from 'helmet';
import type { Logger } from 'pino';
import type { Config } from '../config/index.js';
import { registerBodyParsers } from './body.js';
import { compress } from './compression.js';
import { Connections, refuseUnreadable, TIME_LIMITS } from './connections.js';
import { ErrorFilter, sendError } from './error.filter.js';
import { sendAnswered } from './envelope.js';
import { ApiError, invalidField, linkErrorsTo } from './errors.js';
import { validationPipe } from './validation.js';

/** Everything below this is the API; `/api/v1` is another name for it. */
export const API_PREFIX = 'api';

/** Pages for people, outside the API. */
const PAGES = ['checkout/*path', 'sandbox/*path'];

/** Version 00 ends after the flags; later versions may say more. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:(?<!^00.*)-.*)?$/;

/**
 * Nest's Fastify adapter with our trace ids, our logger and the alias of the base path.
 * @param trustProxy the proxies that are believed when they forward a client's address
 */
export function createAdapter(logger: Logger, trustProxy: readonly string[] = []): FastifyAdapter {
  return new FastifyAdapter({
    trustProxy: trustProxy.length > 0 && [...trustProxy],
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    // A child logger for each request costs more than the line that it would write; our lines name the trace id
    // themselves.
    childLoggerFactory: (parent: FastifyBaseLogger) => parent,
    genReqId: (request: IncomingMessage) =>
      TRACEPARENT.exec(String(request.headers['traceparent'] ?? ''))?.[1] ?? randomUUID().replaceAll('-', ''),
    rewriteUrl: (request: IncomingMessage) => (request.url ?? '/').replace(/^\/api\/v1(?=[/?]|$)/, '/api'),
    requestTimeout: TIME_LIMITS.requestTimeout,
    connectionTimeout: TIME_LIMITS.connectionTimeout,
    keepAliveTimeout: TIME_LIMITS.keepAliveTimeout,
    http: {
      headersTimeout: TIME_LIMITS.headersTimeout,
      connectionsCheckingInterval: TIME_LIMITS.connectionsCheckingInterval,
      // Node's own refusal has no body; a hook below refuses instead.
      requireHostHeader: false,
    },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 300 },
    clientErrorHandler: refuseUnreadable,
    // A URL that cannot be decoded has no route, so no hook sees it.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
      sendError(error, request, reply.header('X-Trace-Id', request.id)),
  });
}

/** The parties that a request's log line names: the account that it worked on, and its sender. */
type PartiesOf = (request: FastifyRequest, status: number) => { account?: string; actor?: string };

/** Filters, pipes, headers and hooks of every route. */
export async function configureHttp(
  app: NestFastifyApplication,
  config: Config,
  partiesOf: PartiesOf,
): Promise<Connections> {
  linkErrorsTo(config.publicUrl);
  app.setGlobalPrefix(API_PREFIX, { exclude: PAGES });
  app.useGlobalFilters(new ErrorFilter());
  app.useGlobalPipes(validationPipe());
  const server = app.getHttpAdapter().getInstance();

  const security = securityHeaders(config);
  const connections = new Connections(server.server);
  server.addHook('onRequest', (request, reply, done) => {
    connections.owes(reply.raw);
    void reply.headers(security).header('x-trace-id', request.id);
    if (connections.stopping) done(new ApiError('OVERLOADED', 'The server is stopping; send the request again.'));
    else if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
      done(invalidField('Host', 'is required'));
    else done();
  });
  server.addHook('preSerialization', sendAnswered);
  server.addHook('onSend', (_request, reply, _payload, done) => {
    // A client that keeps its connection alive would keep the server from closing.
    if (connections.stopping) void reply.header('Connection', 'close');
    done();
  });
  server.addHook('onSend', compress);
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
  await allowOrigins(app, config);
  return connections;
}

/** Lets browsers of the configured origins call with credentials. */
async function allowOrigins(app: NestFastifyApplication, { corsOrigins: origin }: Config): Promise<void> {
  if (origin.length === 0) return;
  await app.register(cors, { ...CORS, origin });
}

const EXPOSED_HEADERS = [
  'X-Trace-Id',
  'ETag',
  'Content-Disposition',
  'Idempotent-Replayed',
  'Retry-After',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
];

/** A browser may remember a preflight's answer for ten minutes. */
const CORS = {
  methods: ['GET', 'HEAD', 'POST', 'PATCH'],
  credentials: true,
  exposedHeaders: EXPOSED_HEADERS,
  maxAge: 600,
};

/**
 * Helmet's headers, and `no-store` for every answer that sets no other caching. They never change, so they are made
 * once; making them for each request cost more than its routing.
 */
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
