import { type Html, html, inMoney, page, row, type Tone } from '../../html/index.js';
import { type SandboxReversal, type SandboxSession, takenOf } from './sandbox.entities.js';
import type { SandboxAction } from './sandbox.dto.js';

/** The sandbox's checkout, whose buttons play the buyer and the bank. */
export function sandboxPage(session: SandboxSession, reversals: readonly SandboxReversal[], declined: boolean): string {
  const remaining = session.price - takenOf(reversals);
  const disputed = reversals.some(({ status }) => status === 'needs_response');
  const { tone, note, next } = stateOf(session, remaining, disputed);
  const refused = declined && session.status === 'open';
  return page({
    title: `${session.name} · Sandbox checkout`,
    sandbox: true,
    content: html` <h1>${session.name}</h1>
      <p>${session.description}</p>
      <p class="price">${inMoney(session.price / 100, session.currency)}</p>
      ${
        refused
          ? html`<p class="note bad" role="alert">The card was declined. Nothing was charged; try again.</p>`
          : html`<p class="note ${tone}" role="status">${note}</p>`
      }
      ${reversals.length === 0 ? '' : html`<dl>${reversals.map((reversal) => row(...inWords(reversal, session.currency)))}</dl>`}
      ${form(session.id, buttonsOf(session, remaining, disputed))}
      ${next === undefined ? '' : html`<nav><a class="button main" href="${next}">Continue</a></nav>`}
      <small>Reference ${session.id}</small>`,
  });
}

function stateOf(
  { status, paymentStatus, paymentFailed, price, successUrl, cancelUrl }: SandboxSession,
  remaining: number,
  disputed: boolean,
): { tone: Tone; note: string; next?: string } {
  if (status === 'open') return { tone: 'pending', note: 'This is a test checkout. Choose how the payment ends.' };
  if (status === 'expired')
    return { tone: 'bad', note: 'This checkout is closed. Nothing was charged.', next: cancelUrl };
  const next = successUrl;
  if (paymentFailed === 1) return { tone: 'bad', note: 'The payment has failed. Nothing was charged.', next };
  if (paymentStatus !== 'paid')
    return {
      tone: 'pending',
      note: 'The payment is processing, as a bank transfer would be. Choose how it ends.',
      next,
    };
  if (disputed)
    return {
      tone: 'bad',
      note: 'The payment is disputed, and the bank has withdrawn the money. Choose how the dispute ends.',
      next,
    };
  if (remaining === 0) return { tone: 'back', note: 'The whole payment has gone back.', next };
  if (remaining < price)
    return { tone: 'back', note: 'This checkout has been paid. A part of the money has gone back.', next };
  return { tone: 'good', note: 'This checkout has been paid. You can continue, or try a refund or a dispute.', next };
}

type Button = readonly [action: SandboxAction, label: string];

/** The buttons for everything that can happen next. */
function buttonsOf(
  { status, paymentStatus, paymentFailed, price, currency }: SandboxSession,
  remaining: number,
  disputed: boolean,
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
  if (disputed)
    return [
      ['win', 'Win the dispute'],
      ['lose', 'Lose the dispute'],
    ];
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
    ${buttons.map(([action, label]) => html`<button class="${action === 'pay' ? 'main' : ''}" name="action" value="${action}">${label}</button>`)}
  </form>`;
}

function inWords({ kind, status, amount }: SandboxReversal, currency: string): [string, string] {
  const name = kind === 'refund' ? 'Refund' : status === 'needs_response' ? 'Dispute' : `Dispute ${status}`;
  return [name, inMoney(amount / 100, currency)];
}
