import { inWords, type Purchase, type PurchaseStatus, reversedInWords } from '../checkout/index.js';
import { html, inMoney, page, row, type Tone, wayHome } from '../html/index.js';

/** A young purchase changes soon; a bank transfer takes days, and its page may be open for as long. */
const REFRESH_SECONDS = 3;
const PATIENT_REFRESH_SECONDS = 60;
const YOUNG_MS = 10 * 60_000;

/** What the return page may show besides the purchase. */
interface Extras {
  /** Whether the buyer left the checkout. */
  readonly left: boolean;
  /** Where the buyer goes on. */
  readonly home: URL;
  /** The account's balance in words, for those who may see it. */
  readonly balance?: string;
  /** The provider's receipt, for those who may see it. */
  readonly receipt?: string | null;
  /** The sandbox's page, whose buttons play the bank. */
  readonly controls?: string;
}

/** What a state means to a buyer. */
interface State {
  readonly title: string;
  readonly tone: Tone;
  readonly text: string;
}

/** Where the buyer comes back to: what was bought, how far it is, and the account's balance. */
export function purchasePage(purchase: Purchase, { left, home, balance, receipt, controls }: Extras): string {
  const { title, tone, text } = stateOf(purchase, left);
  const { status, paid, price, refunded, disputed, reversed, currency, checkoutUrl } = purchase;
  const money = (cents: number) => inMoney(cents / 100, currency);
  const pending = !left && (status === 'open' || status === 'processing');
  return page({
    title: `${title} · Assimetria Credits`,
    sandbox: purchase.provider === 'sandbox',
    refreshSeconds: pending
      ? Date.now() - purchase.createdAt < YOUNG_MS
        ? REFRESH_SECONDS
        : PATIENT_REFRESH_SECONDS
      : undefined,
    tone,
    content: html` <h1>${title}</h1>
      <p role="status">${text}</p>
      <dl>
        ${row('Purchase', purchase.name)} ${row('Contains', inWords(purchase))} ${row('Price', money(price))}
        ${paid !== null && paid !== price ? row('Paid', money(paid)) : ''}
        ${refunded > 0 ? row('Refunded', money(refunded)) : ''} ${disputed > 0 ? row('Disputed', money(disputed)) : ''}
        ${reversed > 0 ? row('Taken back', reversedInWords(purchase)) : ''}
        ${balance === undefined ? '' : row('Account balance', balance)}
      </dl>
      <nav>
        ${status === 'open' && checkoutUrl ? html`<a class="button main" href="${checkoutUrl}">${left ? 'Try again' : 'Return to the checkout'}</a>` : ''}
        ${controls ? html`<a class="button" href="${controls}">Open the sandbox checkout</a>` : ''}
        ${receipt ? html`<a class="button" href="${receipt}">View the receipt</a>` : ''} ${wayHome(home)}
      </nav>
      <small>Reference ${purchase.id}</small>`,
  });
}

function stateOf(purchase: Purchase, left: boolean): State {
  if (purchase.status === 'paid' && purchase.refunded + purchase.disputed > 0) return reversalOf(purchase);
  if (purchase.status === 'review' && purchase.paid && purchase.refunded + purchase.disputed >= purchase.paid)
    return {
      title: 'Payment returned',
      tone: 'back',
      text: 'Your payment was not accepted and has been returned. Nothing was credited.',
    };
  if (purchase.status === 'open' && left) return leftOpen(purchase);
  return STATES[purchase.status](inWords(purchase));
}

const STATES: Record<PurchaseStatus, (bought: string) => State> = {
  open: () => ({
    title: 'Waiting for your payment',
    tone: 'pending',
    text: 'No payment has been confirmed yet. If you have just paid, this page will show it in a moment.',
  }),
  processing: (bought) => ({
    title: 'Payment processing',
    tone: 'pending',
    text: `Your payment has been started and is not confirmed yet. As soon as it is, ${bought} will be added to your account. With some payment methods that takes a few days; you can close this page.`,
  }),
  paid: (bought) => ({
    title: 'Thank you',
    tone: 'good',
    text: `Your payment is complete. ${bought} have been added to your account.`,
  }),
  expired: () => ({
    title: 'Checkout expired',
    tone: 'bad',
    text: 'The time to pay has run out. Nothing was charged. If you still want to buy, start a new purchase.',
  }),
  canceled: () => ({
    title: 'Purchase canceled',
    tone: 'back',
    text: 'Nothing was charged. If you still want to buy, start a new purchase.',
  }),
  failed: () => ({
    title: 'Payment failed',
    tone: 'bad',
    text: 'Your payment did not go through. Nothing was credited. To try again, start a new purchase, perhaps with another payment method.',
  }),
  review: () => ({
    title: 'Payment under review',
    tone: 'pending',
    text: 'Your payment needs a closer look, so nothing has been credited yet. You do not have to do anything.',
  }),
};

function leftOpen({ expiresAt }: Purchase): State {
  const until = new Date(expiresAt).toLocaleString('en-US', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });
  return {
    title: 'Payment not completed',
    tone: 'back',
    text: `You left the checkout before paying. Nothing was charged. You can try again until ${until} UTC.`,
  };
}

/** What has become of a payment that was refunded or disputed. */
function reversalOf(purchase: Purchase): State {
  const { refunded, disputed, currency } = purchase;
  const paid = purchase.paid ?? purchase.price;
  const money = (cents: number) => inMoney(cents / 100, currency);
  const gone = `${reversedInWords(purchase)} have been taken back.`;
  if (disputed > 0)
    return {
      title: 'Payment disputed',
      tone: 'bad',
      text: `${refunded > 0 ? `${money(refunded)} of your payment has been refunded. ` : ''}Because of a dispute, the bank has withdrawn ${money(disputed)} of your payment, and ${gone} If the dispute ends in the seller's favor, they will be added again.`,
    };
  return refunded < paid
    ? {
        title: 'Payment partly refunded',
        tone: 'back',
        text: `${money(refunded)} of your payment has been refunded, and ${gone}`,
      }
    : {
        title: 'Payment refunded',
        tone: 'back',
        text: `Your whole payment of ${money(paid)} has been refunded, and ${gone}`,
      };
}
