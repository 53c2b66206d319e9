/** What the document says of the routes of grants, for credits and tokens alike. */
export const GRANT_ENDPOINTS = {
  list: {
    summary: 'Grants of an account',
    description:
      'A balance is made of grants: amounts that came in together, each with its own terms. Spending burns them by `priority`, then by expiry, then promotional before paid, then by age. The oldest first, or the newest with `order=desc`.',
    errors: ['FORBIDDEN'],
  },
  find: {
    summary: 'One grant',
    description: 'What came in, and what has become of it: `amount` is always the sum of the other six amounts.',
    errors: ['FORBIDDEN', 'NOT_FOUND'],
  },
  void: {
    summary: 'Void a grant (administrators)',
    description:
      'Forfeits what remains of the grant, by a transaction of type `void`. What open holds keep of it is forfeited when it comes back. 409 when nothing remains.',
    status: 201,
    example: {
      type: 'void',
      amount: -37.5,
      balance_after: 0,
      description: 'Promotion was granted twice',
      metadata: null,
    },
    idempotent: true,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
  },
  extend: {
    summary: 'Extend a grant (administrators)',
    description:
      'Moves what remains of the grant into a new one with the same terms that expires later: a `void` and a deposit in one transaction. 409 when nothing remains, it never expires, or the time is not later.',
    status: 201,
    example: { id: 3, source: 'extension', extends: 1, expires_at: '2030-01-01T00:00:00.000Z' },
    idempotent: true,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
  },
  reverse: {
    summary: 'Reverse a transaction (administrators)',
    description:
      'Of spending: gives back to the grants that paid. Of a deposit or token grant: takes back what remains of its grant. Without `amount`, all that is left; more than that is a 409 with `details.remaining`. Purchases are refunded, not reversed.',
    status: 201,
    example: {
      type: 'reversal',
      amount: 1.25,
      description: 'Charged twice for run #4521',
      metadata: null,
      reverses: 2,
    },
    idempotent: true,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
  },
} as const;
