import type { IncomingMessage } from 'node:http';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiError } from './errors.js';
import { LARGE, parseJson, refuseUntenable } from './json.js';

const BODY_LIMIT = 1024 * 1024;
const LARGE_BODY_LIMIT = 4 * BODY_LIMIT;
/** Forms come from our own pages, with a button's name in them. */
const FORM_LIMIT = 1024;

/** A request whose route keeps the body's raw bytes (`@RouteConfig({ rawBody: true })`). */
export interface RawBodyRequest extends FastifyRequest {
  rawBody?: Buffer;
}

/** Stands in for a request's body until `BodyGuard` reads it. */
class Unread {
  constructor(
    readonly limit: number,
    readonly parse: (bytes: Buffer, request: FastifyRequest) => unknown,
  ) {}
}

const JSON_BODY = new Unread(BODY_LIMIT, (bytes) => (bytes.length === 0 ? undefined : parseJson(bytes)));
const LARGE_JSON_BODY = new Unread(LARGE_BODY_LIMIT, (bytes) =>
  bytes.length === 0 ? undefined : parseJson(bytes, LARGE),
);
const RAW_BODY = new Unread(BODY_LIMIT, (bytes, request) => void ((request as RawBodyRequest).rawBody = bytes));
const FORM_BODY = new Unread(FORM_LIMIT, (bytes) =>
  refuseUntenable(Object.fromEntries(new URLSearchParams(bytes.toString('utf8')))),
);

/** What a route says of its body. */
interface RouteBody {
  readonly rawBody?: boolean;
  readonly form?: boolean;
  readonly largeBody?: boolean;
}

/** A route whose body may have 4 MiB, with longer lists. */
export const LargeBody = () => RouteConfig({ largeBody: true });

/**
 * Accepts JSON alone. A route can ask for an HTML form, or for the raw bytes, which it parses itself after checking
 * their signature.
 */
export function registerBodyParsers(server: FastifyInstance): void {
  const routeConfig = (request: FastifyRequest) => request.routeOptions.config as RouteBody;
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', (request, _payload, done) => {
    const { rawBody, largeBody } = routeConfig(request);
    done(null, rawBody ? RAW_BODY : largeBody ? LARGE_JSON_BODY : JSON_BODY);
  });
  server.addContentTypeParser('application/x-www-form-urlencoded', (request, _payload, done) => {
    if (routeConfig(request).form) done(null, FORM_BODY);
    else done(new ApiError('UNSUPPORTED_MEDIA_TYPE'));
  });
}

/** The last guard of every route. It reads and parses the body once all other guards have let the request in. */
@Injectable()
export class BodyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { body } = request;
    if (!(body instanceof Unread)) return true;
    return bytesOf(request.raw, body.limit).then((bytes) => {
      request.body = body.parse(bytes, request);
      return true;
    });
  }
}

/**
 * @throws ApiError PAYLOAD_TOO_LARGE as soon as the size is known, VALIDATION_ERROR when the connection ends before the
 *   body
 */
function bytesOf(message: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((done, failed) => {
    const chunks: Buffer[] = [];
    let left = limit;
    const take = (chunk: Buffer) => {
      left -= chunk.length;
      if (left >= 0) return void chunks.push(chunk);
      message.off('data', take).resume();
      failed(new ApiError('PAYLOAD_TOO_LARGE'));
    };
    if (Number(message.headers['content-length']) > limit) return failed(new ApiError('PAYLOAD_TOO_LARGE'));
    message.on('data', take);
    message.on('end', () => done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    message.on('close', () => {
      // 'close' also follows 'end', and creating an error costs more than the rest of this.
      if (!message.readableEnded)
        failed(new ApiError('VALIDATION_ERROR', 'The connection ended before the whole body had arrived.'));
    });
  });
}
