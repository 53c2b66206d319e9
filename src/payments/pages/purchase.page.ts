import { inWords, type Purchase, type PurchaseStatus, reversedInWords } from '../checkout/index.js';
import { button, html, inMoney, page, row, type Tone, wayHome } from '../html/index.js';

/** A young purchase changes soon. A bank transfer takes days, and its page may stay open as long. */
const REFRESH_SECONDS = 3;
const PATIENT_REFRESH_SECONDS = 60;
const YOUNG_MS = 10 * 60_000;

/** The parts of the page besides the purchase. */
interface Extras {
  /** Whether the buyer left the checkout. */
  readonly left: boolean;
  /** Where the buyer goes next. */
  readonly home: URL;
  /** The account's balance in words, for the buyer alone. */
  readonly balance?: string;
  /** The provider's receipt, for the buyer alone. */
  readonly receipt?: string | null;
  /** The sandbox's page, whose buttons play the bank. */
  readonly controls?: string;
}

/** A purchase's state in a buyer's words. */
interface State {
  readonly title: string;
  readonly tone: Tone;
  readonly text: string;
}

/** The page that a buyer returns to: the purchase, its state, and the account's balance. */
export function purchasePage(purchase: Purchase, { left, home, balance, receipt, controls }: Extras): string {
  const { title, tone, text } = stateOf(purchase, left);
  const { status, paid, price, refunded, disputed, reversed, currency, checkoutUrl } = purchase;
  const money = (cents: number) => inMoney(cents / 100, currency);
  return page({
    title: `${title} · Assimetria Credits`,
    sandbox: purchase.provider === 'sandbox',
    refreshSeconds: left ? undefined : refreshSecondsOf(purchase),
    tone,
    content: html` <h1>${title}</h1>
      <p role="status">${text}</p>
      <dl>
        ${row('Purchase', purchase.name)} ${row('Contains', inWords(purchase))} ${row('Price', money(price))}
        ${row('Paid', paid !== null && paid !== price && money(paid))}
        ${row('Refunded', refunded > 0 && money(refunded))} ${row('Disputed', disputed > 0 && money(disputed))}
        ${row('Taken back', reversed > 0 && reversedInWords(purchase))} ${row('Account balance', balance)}
      </dl>
      <nav>
        ${button(left ? 'Try again' : 'Return to the checkout', status === 'open' && checkoutUrl, 'button main')}
        ${button('Open the sandbox checkout', controls)} ${button('View the receipt', receipt)} ${wayHome(home)}
      </nav>
      <small>Reference ${purchase.id}</small>`,
  });
}

function refreshSecondsOf({ status, createdAt }: Purchase): number | undefined {
  if (status !== 'open' && status !== 'processing') return undefined;
  return Date.now() - createdAt < YOUNG_MS ? REFRESH_SECONDS : PATIENT_REFRESH_SECONDS;
}

function stateOf(purchase: Purchase, left: boolean): State {
  if (purchase.status === 'paid' && purchase.refunded + purchase.disputed > 0) return reversalOf(purchase);
  if ((purchase.status === 'review' || purchase.status === 'canceled') && purchase.paid) {
    if (purchase.refunded + purchase.disputed >= purchase.paid) return RETURNED;
    if (purchase.status === 'canceled') return purchase.resolution === 'refund' ? RETURNING : CLOSED;
  }
  if (purchase.status === 'open' && left) return leftOpen(purchase);
  return STATES[purchase.status](inWords(purchase));
}

const RETURNED: State = {
  title: 'Payment returned',
  tone: 'back',
  text: 'Your payment was not accepted and has been returned. Nothing was credited.',
};

const RETURNING: State = {
  title: 'Payment being returned',
  tone: 'back',
  text: 'Your payment was not accepted and is being returned to you. Nothing was credited. You do not have to do anything.',
};

const CLOSED: State = {
  title: 'Purchase closed',
  tone: 'back',
  text: 'Your payment was received, but nothing was credited and the seller has closed this purchase. Please ask the seller about your payment before you pay again.',
};

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

/** The state of a payment that was refunded or disputed. */
function reversalOf(purchase: Purchase): State {
  const { refunded, disputed, currency, refunds } = purchase;
  const underWay = refunds?.some(({ status }) => status === 'pending' || status === 'requires_action') ?? false;
  const given = underWay ? 'is on its way back to you' : 'has been refunded';
  const paid = purchase.paid ?? purchase.price;
  const money = (cents: number) => inMoney(cents / 100, currency);
  const gone = `${reversedInWords(purchase)} have been taken back.`;
  if (disputed > 0)
    return {
      title: 'Payment disputed',
      tone: 'bad',
      text: `${refunded > 0 ? `${money(refunded)} of your payment ${given}. ` : ''}Because of a dispute, the bank has withdrawn ${money(disputed)} of your payment, and ${gone} If the dispute ends in the seller's favor, they will be added again.`,
    };
  return refunded < paid
    ? {
        title: 'Payment partly refunded',
        tone: 'back',
        text: `${money(refunded)} of your payment ${given}, and ${gone}`,
      }
    : {
        title: 'Payment refunded',
        tone: 'back',
        text: `Your whole payment of ${money(paid)} ${given}, and ${gone}`,
      };
}
