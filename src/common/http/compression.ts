import { type Readable, pipeline } from 'node:stream';
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib';
import { negotiate } from '@fastify/accept-negotiator';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';

export type Encoding = 'br' | 'gzip' | 'identity';
/** The encodings of an answer, the smallest first. */
const ENCODINGS: Encoding[] = ['br', 'gzip', 'identity'];
/** A smaller answer fits a packet as it is. */
export const COMPRESSED_FROM_BYTES = 1024;
const COMPRESSIBLE = /^(text\/|image\/svg|application\/(json|javascript|x-ndjson))/;
/** The usual quality for what is compressed once; the default takes fifty times as long. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/**
 * A route whose answer carries a secret. It is never compressed, because the length would tell of the secret where a
 * stranger can choose a part of the answer.
 */
export const CarriesSecret = () => RouteConfig({ secret: true });

/** The encoding that the client prefers. */
export function encodingFor(request: FastifyRequest): Encoding {
  const accepted = request.headers['accept-encoding'];
  return accepted === undefined ? 'identity' : (negotiate<Encoding>(accepted, ENCODINGS) ?? 'identity');
}

/** Adds the header by which the answer was chosen, beside those that stand there. */
export function varyByEncoding(reply: FastifyReply): void {
  void reply.header('Vary', [reply.getHeader('Vary'), 'Accept-Encoding'].flat().filter(Boolean).join(', '));
}

/**
 * Compresses answers over a kilobyte, and streams, for clients that ask for it. A hook of our own, because the plugin
 * would also decompress requests, and knows no secrets. A small answer costs a look at its length.
 */
export function compress(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  done: (error: Error | null, payload?: unknown) => void,
): void {
  const whole = typeof payload === 'string' || Buffer.isBuffer(payload);
  if (whole ? payload.length < COMPRESSED_FROM_BYTES : !isStream(payload)) return done(null, payload);
  const encoding = mayCompress(request, reply) ? encodingFor(request) : 'identity';
  if (encoding === 'identity') return done(null, payload);
  const compressed = () => {
    void reply.header('Content-Encoding', encoding).removeHeader('Content-Length');
    varyByEncoding(reply);
  };
  if (!whole) {
    const compressor = encoding === 'br' ? createBrotliCompress(BROTLI) : createGzip();
    // After an error the client must not take a part for the whole.
    pipeline(payload as Readable, compressor, (error) => error && reply.raw.destroy());
    compressed();
    return done(null, compressor);
  }
  const finish = (error: Error | null, bytes: Buffer) => {
    if (!error) compressed();
    done(null, error ? payload : bytes);
  };
  if (encoding === 'br') brotliCompress(payload, BROTLI, finish);
  else gzip(payload, finish);
}

function isStream(payload: unknown): payload is Readable {
  return typeof (payload as Readable | null)?.pipe === 'function';
}

function mayCompress({ method, routeOptions }: FastifyRequest, reply: FastifyReply): boolean {
  return (
    method !== 'HEAD' &&
    reply.statusCode !== 206 &&
    !reply.hasHeader('Content-Encoding') &&
    !(routeOptions.config as { secret?: boolean }).secret &&
    COMPRESSIBLE.test(String(reply.getHeader('Content-Type')))
  );
}
