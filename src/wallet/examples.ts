/** What the examples of the documents spend for. */
export const DIMENSIONS_EXAMPLE = { agent: 'researcher', run_id: 'run-4521', model: 'large-2026-10' };

/** A spending's dimensions, and the grants that paid for it. */
export const SPENDING_EXAMPLE = { ...DIMENSIONS_EXAMPLE, grants: [{ grant_id: 1, amount: 1.25 }], grants_count: 1 };

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
