import { type Html, html, page } from './html.js';
import type { Purchase, PurchaseStatus, SandboxSession } from './payments.entities.js';
import { inMoney, inWords } from './present.js';

/** What each state means to a buyer. */
const STATES: Record<PurchaseStatus, { title: string; tone: '' | 'good' | 'bad'; text: string }> = {
  open: { title: 'Waiting for the payment', tone: '', text: 'The payment is not complete yet. Nothing has been charged so far.' },
  processing: {
    title: 'Payment under way',
    tone: '',
    text: 'The payment has been started and is not confirmed yet. The account is credited as soon as it is.',
  },
  paid: { title: 'Thank you', tone: 'good', text: 'The payment is complete and the account has been credited.' },
  expired: { title: 'Checkout expired', tone: 'bad', text: 'The time for the payment ran out. Nothing was charged.' },
  canceled: { title: 'Purchase canceled', tone: '', text: 'The purchase was canceled. Nothing was charged.' },
  failed: { title: 'Payment failed', tone: 'bad', text: 'The payment did not go through. Nothing was credited.' },
  review: {
    title: 'Under review',
    tone: 'bad',
    text: 'The payment needs a closer look before the account is credited. You do not have to do anything.',
  },
};

const REFRESH_SECONDS = 3;

/** Where the buyer comes back to: what was bought, and how far it is. */
export function purchasePage(purchase: Purchase, left: boolean): string {
  const { title, tone, text } = STATES[purchase.status];
  const pending = !left && (purchase.status === 'open' || purchase.status === 'processing');
  return page({
    title: `${title} · Assimetria Credits`,
    sandbox: purchase.provider === 'sandbox',
    refreshSeconds: pending ? REFRESH_SECONDS : undefined,
    content: html` <h1>${title}</h1>
      <p class="note ${tone}" role="status">${text}</p>
      <dl>
        <dt>Purchase</dt>
        <dd>${purchase.name}</dd>
        <dt>Brings</dt>
        <dd>${inWords(purchase)}</dd>
        <dt>Price</dt>
        <dd>${inMoney(purchase.price / 100, purchase.currency)}</dd>
        <dt>State</dt>
        <dd>${purchase.status}</dd>
      </dl>
      ${purchase.status === 'open' && purchase.checkoutUrl ? html`<a class="button main" href="${purchase.checkoutUrl}">Go to the checkout</a>` : ''}
      <small>${purchase.id}</small>`,
  });
}

/** The sandbox's checkout. */
export function sandboxPage(session: SandboxSession, declined: boolean): string {
  return page({
    title: `${session.name} · Sandbox checkout`,
    sandbox: true,
    content: html` <h1>${session.name}</h1>
      <p>${session.description}</p>
      <p class="price">${inMoney(session.price / 100, session.currency)}</p>
      ${declined ? html`<p class="note bad" role="alert">The card was declined. Nothing was charged; try again.</p>` : ''}
      ${session.status === 'open' ? actions(session) : ended(session)}
      <small>${session.id}</small>`,
  });
}

function actions({ id, price, currency }: SandboxSession): Html {
  return html` <p>This checkout belongs to the sandbox: choose how the payment ends.</p>
    <form method="post" action="/sandbox/checkout/${id}">
      <button class="main" name="action" value="pay">Pay ${inMoney(price / 100, currency)}</button>
      <button name="action" value="decline">Decline the card</button>
      <button name="action" value="cancel">Cancel</button>
    </form>`;
}

function ended({ status, successUrl, cancelUrl }: SandboxSession): Html {
  return status === 'complete'
    ? html`<p class="note good" role="status">This checkout has been paid.</p>
        <a class="button main" href="${successUrl}">Continue</a>`
    : html`<p class="note" role="status">This checkout is closed. Nothing was charged.</p>
        <a class="button" href="${cancelUrl}">Go back</a>`;
}

/** Shown for an address that leads nowhere. */
export function missingPage(): string {
  return page({
    title: 'Not found',
    sandbox: false,
    content: html`<h1>There is no such checkout</h1>
      <p>The address may be incomplete. Go back to where you began the purchase.</p>`,
  });
}
