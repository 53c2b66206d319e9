import type { FastifyReply } from 'fastify';
import type { Config } from '../../common/config/index.js';
import { type Html, html, page } from './html.js';

/**
 * Where a buyer goes next: the application that began the purchase or the operator's where one is known, else this
 * server's own address.
 */
export function homeOf(
  { checkoutSuccessUrl, checkoutCancelUrl, publicUrl }: Config,
  given?: { readonly successUrl: string | null; readonly cancelUrl: string | null },
): URL {
  const application = given?.successUrl ?? given?.cancelUrl ?? checkoutSuccessUrl ?? checkoutCancelUrl;
  return application ? new URL('/', application) : new URL(`${publicUrl}/`);
}

/** A sum of money for a buyer to read. A credit can be as small as a micro-dollar. */
export function inMoney(value: number, currency: string): string {
  return value.toLocaleString('en-US', { style: 'currency', currency, maximumFractionDigits: 6 });
}

/** The value of a part that is left out when there is no value. */
type Shown = string | false | null | undefined;

/** A line of a list of facts. */
export function row(name: string, value: Shown): Html | '' {
  return value
    ? html`<dt>${name}</dt>
        <dd>${value}</dd>`
    : '';
}

/** A button that leads to an address. */
export function button(label: string, address: Shown, style = 'button'): Html | '' {
  return address ? html`<a class="${style}" href="${address}">${label}</a>` : '';
}

/** The button that leads a buyer on. */
export function wayHome(home: URL): Html | '' {
  return button(`Back to ${home.host}`, home.href);
}

/** The page for an address that does not exist. */
function missingPage(home: URL): string {
  return page({
    title: 'Not found · Assimetria Credits',
    sandbox: false,
    tone: 'bad',
    content: html`<h1>There is no such checkout</h1>
      <p>The address may be incomplete. Open it again from where you began the purchase.</p>
      <nav>${wayHome(home)}</nav>`,
  });
}

/**
 * Sends a page. Browsers apply `form-action` to the redirect after a form as well, so it names the addresses where a
 * checkout may end.
 * @param options.leadsTo the addresses to which a form on the page may lead
 */
export function send(
  reply: FastifyReply,
  page: string,
  { status = 200, leadsTo = [] as readonly string[] } = {},
): void {
  const targets = ["'self'", ...new Set(leadsTo.map((url) => new URL(url).origin))].join(' ');
  void reply
    .status(status)
    .header('Content-Type', 'text/html; charset=utf-8')
    .header('Cache-Control', 'no-store')
    .header(
      'Content-Security-Policy',
      `default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action ${targets}; base-uri 'none'; frame-ancestors 'none'`,
    )
    .send(page);
}

/** Answers a request for a page that does not exist. */
export function sendMissing(reply: FastifyReply, home: URL): void {
  send(reply, missingPage(home), { status: 404 });
}
