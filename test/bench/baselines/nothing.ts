import type { Account, Answer, Stored } from '../../../src/ledger/domain/index.js';
import type { Submission } from '../../../src/ledger/index.js';
import type { Writer } from './transaction-per-request.js';

type Domain = typeof import('../../../src/ledger/domain/index.js');

/** Decides and keeps nothing: what HTTP alone can carry. Lanes, database and durability are all left out. */
export class Nothing implements Writer {
  private readonly account: Account;

  constructor(private readonly domain: Domain) {
    this.account = {
      ...domain.emptyAccount(1, 1, 'USD user:nobody'),
      balance: Math.floor(domain.UNITS.USD.limit / 2) as Stored,
    };
  }

  async submit({ operations }: Submission): Promise<readonly Answer[]> {
    const now = Date.now();
    return operations.map((operation) => this.domain.apply({ account: this.account }, operation, now).answer);
  }
}
