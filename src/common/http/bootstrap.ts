import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import cors from '@fastify/cors';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import helmet from 'helmet';
import type { Logger } from 'pino';
import type { Config } from '../config/index.js';
import { ErrorFilter, sendError } from './error.filter.js';
import { ApiError } from './errors.js';
import { validationPipe } from './validation.js';

/** Everything below this is the API; `/api/v1` is another name for it. */
export const API_PREFIX = 'api';

/** Pages for people, which are no part of the API. */
const PAGES = ['checkout/*path', 'sandbox/*path'];

const BODY_LIMIT = 1024 * 1024;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

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
    // A URL that can not be decoded has no route, so no hook sees it.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
      sendError(error, request, reply.header('X-Trace-Id', request.id)),
  });
}

/** Filters, pipes, headers and hooks of every route. */
export async function configureHttp(app: NestFastifyApplication, config: Config): Promise<void> {
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
    request.log.info(
      {
        trace_id: request.id,
        method: request.method,
        route: request.routeOptions.url ?? null,
        status: reply.statusCode,
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

/** What helmet sets. It never changes, so it is asked once and not with every request, where it cost more than the routing. */
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
  return headers;
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
    } else if (!isUtf8(body)) {
      done(new ApiError('VALIDATION_ERROR', 'The body is not UTF-8.', { details: [{ field: 'body', message: 'must be UTF-8' }] }));
    } else {
      void parseJson(request, body.toString('utf8'), done);
    }
  });
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, body: string, done) => {
    if (routeConfig(request).form) done(null, Object.fromEntries(new URLSearchParams(body)));
    else done(new ApiError('UNSUPPORTED_MEDIA_TYPE'));
  });
}
