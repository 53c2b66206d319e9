/** What the examples of the documents spend for. */
export const DIMENSIONS_EXAMPLE = { agent: 'researcher', run_id: 'run-4521', model: 'large-2026-10' };

/** A spending's dimensions, and the grants that paid for it. */
export const SPENDING_EXAMPLE = { ...DIMENSIONS_EXAMPLE, grants: [{ grant_id: 1, amount: 1.25 }], grants_count: 1 };

/** What a spending of credits shows besides when usage made its amount. */
export const USAGE_EXAMPLE = {
  amount: -0.00909,
  balance_after: 142.49091,
  model: 'anthropic/claude-sonnet-4-5',
  usage: { input: 1200, cache_read: 800, output: 350 },
  pricing: {
    rate_card: 1,
    model: 'anthropic/claude-sonnet-4-5',
    lines: [
      { pool: 'input', quantity: 1200, unit_price: '0.000003', amount: '0.0036' },
      { pool: 'cache_read', quantity: 800, unit_price: '0.0000003', amount: '0.00024' },
      { pool: 'output', quantity: 350, unit_price: '0.000015', amount: '0.00525' },
    ],
    exact: '0.00909',
  },
  grants: [{ grant_id: 1, amount: 0.00909 }],
};

/** What a spending of tokens shows besides when usage made its amount. */
export const COUNTED_EXAMPLE = {
  amount: -2350,
  balance_after: 47_650,
  model: 'anthropic/claude-sonnet-4-5',
  usage: { input: 1200, cache_read: 800, output: 350 },
  grants: [{ grant_id: 1, amount: 2350 }],
};

/** What an administrator sees of an entry of their own making on another account. */
export const ADMINISTRATOR_EXAMPLE = { actor: 'admin:root', trace_id: '4bf92f3577b34da6a3ce929d0e0e4736' };

/** The answer to a batch of which one item is posted and one rejected. */
export function batchExample(transaction: object, error: object): object {
  const posted = {
    id: 2,
    account: 'user:42',
    ...transaction,
    created_at: '2026-04-15T11:00:00.000Z',
    metadata: null,
    actor: 'user:42',
  };
  return {
    data: [
      { status: 'posted', transaction: posted },
      { status: 'rejected', error },
    ],
    meta: { posted: 1, rejected: 1 },
  };
}
