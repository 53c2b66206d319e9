import type { Config } from '../../common/config/index.js';
import { invalidField } from '../../common/http/index.js';
import type { Purchase } from './purchase.entity.js';

/** Characters of an address as it is passed on: what is encoded can be several times as long. */
const LONGEST_URL = 2_000;

/** Where a request sends its buyer; null where it does not say. */
export type Returns = Pick<Purchase, 'successUrl' | 'cancelUrl'>;

/** The addresses of a body. */
interface Asked {
  readonly success_url?: string;
  readonly cancel_url?: string;
}

/**
 * Where a request sends its buyer, as the addresses were parsed.
 * @throws ApiError VALIDATION_ERROR for an address that is none, or of an origin that the operator has not allowed
 */
export function returnsOf({ success_url, cancel_url }: Asked, config: Config): Returns {
  return {
    successUrl: success_url === undefined ? null : parse('success_url', success_url, config),
    cancelUrl: cancel_url === undefined ? null : parse('cancel_url', cancel_url, config),
  };
}

function parse(field: string, text: string, { production, publicUrl, checkoutReturnOrigins }: Config): string {
  // A parser takes a backslash for a slash and drops control characters, so that an address could be another one to a
  // browser.
  if (/[\\\x00-\x20\x7f]/.test(text)) throw invalidField(field, 'must have no space, backslash or control character');
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw invalidField(field, 'must be an absolute http(s) address');
  const url = new URL(text);
  if (url.href.length > LONGEST_URL) throw invalidField(field, `must have at most ${LONGEST_URL} characters, encoded`);
  if (url.username || url.password) throw invalidField(field, 'must have no user name or password');
  if (production && url.protocol !== 'https:') throw invalidField(field, 'must begin with https://');
  if (![new URL(publicUrl).origin, ...checkoutReturnOrigins].includes(url.origin))
    throw invalidField(field, 'must be of an origin in CHECKOUT_RETURN_ORIGINS; ask the operator of this server');
  return url.href;
}
