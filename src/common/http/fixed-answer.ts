import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { negotiate } from '@fastify/accept-negotiator';
import type { FastifyReply, FastifyRequest } from 'fastify';

const FRESH_FOR_SECONDS = 60;
/** The best quality would take seconds for the scripts of the references. */
const BROTLI_QUALITY = 6;

type Encoding = 'br' | 'gzip' | 'identity';
/** The encodings of an answer, the smallest first. */
const ENCODINGS: Encoding[] = ['br', 'gzip', 'identity'];

/** An answer that never changes while the process runs. It is made and compressed at the first request. */
export class FixedAnswer {
  private made?: Promise<{ etag: string; bodies: Record<Encoding, Buffer> }>;

  /** @param make returns the text */
  constructor(
    private readonly contentType: string,
    private readonly make: () => string,
  ) {}

  /** Sends the text in the encoding that the client prefers, or 304 when the client has it already. */
  async send(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { etag, bodies } = await (this.made ??= this.prepare());
    void reply
      .header('ETag', etag)
      .header('Cache-Control', `public, max-age=${FRESH_FOR_SECONDS}`)
      .header('Vary', [reply.getHeader('Vary'), 'Accept-Encoding'].flat().filter(Boolean).join(', '));
    if (holds(request.headers['if-none-match'], etag)) return void reply.status(304).send();
    const encoding = negotiate(request.headers['accept-encoding'] ?? '', ENCODINGS) ?? 'identity';
    if (encoding !== 'identity') void reply.header('Content-Encoding', encoding);
    void reply.type(this.contentType).send(bodies[encoding]);
  }

  private async prepare() {
    const identity = Buffer.from(this.make());
    const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
    const [br, gz] = await Promise.all([promisify(brotliCompress)(identity, { params }), promisify(gzip)(identity)]);
    // The tag is weak, because all encodings share it.
    return {
      etag: `W/"${createHash('sha256').update(identity).digest('base64url')}"`,
      bodies: { identity, br, gzip: gz },
    };
  }
}

/** Whether `If-None-Match` names the tag. */
function holds(header: string | undefined, etag: string): boolean {
  return (
    header !== undefined &&
    header.split(',').some((tag) => tag.trim() === '*' || `W/${tag.trim().replace(/^W\//, '')}` === etag)
  );
}
