import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { COMPRESSED_FROM_BYTES, type Encoding, encodingFor, varyByEncoding } from './compression.js';

const FRESH_FOR_SECONDS = 60;
/** The best quality would take seconds for the scripts of the references. */
const BROTLI_QUALITY = 6;

/** An answer that never changes while the process runs. It is made and compressed at the first request. */
export class FixedAnswer {
  private made?: Promise<{ tag: string; bodies: Record<Encoding, Buffer> }>;

  /** @param make returns the text */
  constructor(
    private readonly contentType: string,
    private readonly make: () => string,
  ) {}

  /** Sends the text in the encoding that the client prefers, or 304 when the client has it already. */
  async send(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { tag, bodies } = await (this.made ??= this.prepare());
    const isSmall = bodies.identity.length < COMPRESSED_FROM_BYTES;
    const encoding = isSmall ? 'identity' : encodingFor(request);
    // The tag is strong, so each encoding has one of its own.
    const etag = encoding === 'identity' ? `"${tag}"` : `"${tag}-${encoding}"`;
    void reply.header('ETag', etag).header('Cache-Control', `public, max-age=${FRESH_FOR_SECONDS}`);
    varyByEncoding(reply);
    if (holds(request.headers['if-none-match'], tag)) return void reply.status(304).send();
    if (encoding !== 'identity') void reply.header('Content-Encoding', encoding);
    void reply.type(this.contentType).send(bodies[encoding]);
  }

  private async prepare() {
    const identity = Buffer.from(this.make());
    const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
    const [br, gz] = await Promise.all([promisify(brotliCompress)(identity, { params }), promisify(gzip)(identity)]);
    return {
      tag: createHash('sha256').update(identity).digest('hex'),
      bodies: { identity, br, gzip: gz },
    };
  }
}

/** Sends an answer that a client may keep, but asks about each time: 304 as long as it is the same. */
export function sendTagged(request: FastifyRequest, reply: FastifyReply, body: object): void {
  const text = JSON.stringify(body);
  const tag = createHash('sha256').update(text).digest('hex');
  // A weak tag names the content in every encoding.
  void reply.header('ETag', `W/"${tag}"`).header('Cache-Control', 'public, no-cache');
  if (holds(request.headers['if-none-match'], tag)) void reply.status(304).send();
  else void reply.type('application/json; charset=utf-8').send(text);
}

/** Whether `If-None-Match` names the content, in whatever encoding. */
function holds(header: string | undefined, tag: string): boolean {
  const named = (text: string) => /^(?:W\/)?"(.*?)(?:-(?:br|gzip))?"$/.exec(text)?.[1];
  return header !== undefined && header.split(',').some((each) => each.trim() === '*' || named(each.trim()) === tag);
}
