import type { Answer, State, Stored } from '../../../src/ledger/domain/index.js';
import type { Submission } from '../../../src/ledger/index.js';
import type { Writer } from './transaction-per-request.js';

type Domain = typeof import('../../../src/ledger/domain/index.js');

/** Decides and keeps nothing: what HTTP alone can carry. Lanes, database and durability are all left out. */
export class Nothing implements Writer {
  private readonly state: State;

  constructor(private readonly domain: Domain) {
    const balance = Math.floor(domain.UNITS.USD.limit / 2) as Stored;
    const terms = { source: 'deposit', category: 'paid', priority: 50, expiresAt: null, price: 0 } as const;
    const grant = domain.newGrant(1, 1, balance, { ...terms, purchaseId: null, extends: null }, 0);
    this.state = {
      account: { ...domain.emptyAccount(1, 1, 'USD user:nobody'), balance },
      grants: { open: [grant], find: () => grant },
    };
  }

  async submit({ operations }: Submission): Promise<readonly Answer[]> {
    const now = Date.now();
    return operations.map((operation) => this.domain.apply(this.state, operation, now).answer);
  }
}
