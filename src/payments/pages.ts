import { type Html, html, page } from './html.js';
import type { Purchase, PurchaseStatus, SandboxReversal, SandboxSession } from './payments.entities.js';
import { inMoney, inWords } from './present.js';
import type { SandboxAction } from './sandbox.provider.js';

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

/** What the return page may show besides the purchase. */
interface Extras {
  /** Whether the buyer left the checkout. */
  readonly left: boolean;
  /** The account's new balance in words, for those who may see it. */
  readonly balance?: string;
  /** The sandbox's page, whose buttons play the bank. */
  readonly controls?: string;
}

/** Where the buyer comes back to: what was bought, how far it is, and the new balance. */
export function purchasePage(purchase: Purchase, { left, balance, controls }: Extras): string {
  const { title, tone, text } = STATES[purchase.status];
  const { paid, refunded, disputed, reversed, kind, currency } = purchase;
  const pending = !left && (purchase.status === 'open' || purchase.status === 'processing');
  const back = (cents: number) => inMoney(cents / 100, currency);
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
        <dd>${back(purchase.price)}</dd>
        ${paid !== null && paid !== purchase.price ? row('Paid', back(paid)) : ''}
        <dt>State</dt>
        <dd>${purchase.status}</dd>
        ${refunded > 0 ? row('Refunded', back(refunded)) : ''} ${disputed > 0 ? row('Disputed', back(disputed)) : ''}
        ${reversed > 0 ? row('Taken back', inWords({ kind, amount: reversed as Purchase["amount"] })) : ''}
        ${balance === undefined ? '' : row('New balance', balance)}
      </dl>
      ${purchase.status === 'open' && purchase.checkoutUrl ? html`<a class="button main" href="${purchase.checkoutUrl}">Go to the checkout</a>` : ''}
      ${purchase.receiptUrl ? html`<a class="button" href="${purchase.receiptUrl}">Receipt</a>` : ''}
      ${controls ? html`<a class="button" href="${controls}">${purchase.status === 'paid' ? 'Refund or dispute it in the sandbox' : 'Say in the sandbox how it ends'}</a>` : ''}
      <small>${purchase.id}</small>`,
  });
}

function row(name: string, value: string): Html {
  return html`<dt>${name}</dt>
    <dd>${value}</dd>`;
}

/** The sandbox's checkout. */
export function sandboxPage(session: SandboxSession, reversals: readonly SandboxReversal[], declined: boolean): string {
  const state = stateOf(session);
  return page({
    title: `${session.name} · Sandbox checkout`,
    sandbox: true,
    content: html` <h1>${session.name}</h1>
      <p>${session.description}</p>
      <p class="price">${inMoney(session.price / 100, session.currency)}</p>
      ${declined ? html`<p class="note bad" role="alert">The card was declined. Nothing was charged; try again.</p>` : ''}
      ${state.note === '' ? '' : html`<p class="note ${state.tone}" role="status">${state.note}</p>`}
      ${reversals.length === 0 ? '' : html`<dl>${reversals.map((reversal) => row(...reversalInWords(reversal, session.currency)))}</dl>`}
      ${form(session.id, buttonsOf(session, reversals))}
      ${state.next === undefined ? '' : html`<a class="button main" href="${state.next}">Continue</a>`}
      <small>${session.id}</small>`,
  });
}

function stateOf(session: SandboxSession): { tone: '' | 'good' | 'bad'; note: string; next?: string } {
  const { status, paymentStatus, paymentFailed, successUrl, cancelUrl } = session;
  if (status === 'open') return { tone: '', note: 'This checkout belongs to the sandbox: choose how the payment ends.' };
  if (status === 'expired') return { tone: '', note: 'This checkout is closed. Nothing was charged.', next: cancelUrl };
  if (paymentStatus === 'paid')
    return { tone: 'good', note: 'This checkout has been paid. What happens to the payment after that?', next: successUrl };
  if (paymentFailed === 1) return { tone: 'bad', note: 'The payment has failed. Nothing was charged.', next: successUrl };
  return { tone: '', note: 'The payment is under way, as a bank transfer would be. How does it end?', next: successUrl };
}

type Button = readonly [action: SandboxAction, label: string];

/** What can happen next. */
function buttonsOf(
  { status, paymentStatus, paymentFailed, price, currency }: SandboxSession,
  reversals: readonly SandboxReversal[],
): Button[] {
  const money = (cents: number) => inMoney(cents / 100, currency);
  if (status === 'open')
    return [
      ['pay', `Pay ${money(price)}`],
      ['pay_later', 'Pay later, as by bank transfer'],
      ['decline', 'Decline the card'],
      ['cancel', 'Cancel'],
    ];
  if (status === 'expired' || paymentFailed === 1) return [];
  if (paymentStatus !== 'paid')
    return [
      ['succeed', 'The money arrives'],
      ['fail', 'The payment fails'],
    ];
  if (reversals.some((reversal) => reversal.status === 'needs_response'))
    return [
      ['win', 'Win the dispute'],
      ['lose', 'Lose the dispute'],
    ];
  const remaining = price - reversals.reduce((sum, reversal) => sum + (reversal.status === 'won' ? 0 : reversal.amount), 0);
  if (remaining === 0) return [];
  return [
    ['refund', `Refund ${money(remaining)}`],
    ...(remaining > 1 ? [['refund_half', `Refund ${money(Math.ceil(remaining / 2))}`] as const] : []),
    ['dispute', `Dispute ${money(remaining)}`],
  ];
}

function form(id: string, buttons: readonly Button[]): Html | string {
  if (buttons.length === 0) return '';
  return html`<form method="post" action="/sandbox/checkout/${id}">
    ${buttons.map(([action, label]) => html`<button class="${action === 'pay' || action === 'succeed' ? 'main' : ''}" name="action" value="${action}">${label}</button>`)}
  </form>`;
}

function reversalInWords({ kind, status, amount }: SandboxReversal, currency: string): [string, string] {
  const what = kind === 'refund' ? 'Refund' : status === 'needs_response' ? 'Dispute' : `Dispute ${status}`;
  return [what, inMoney(amount / 100, currency)];
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
