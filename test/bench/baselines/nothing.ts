import type { Account, Answer } from '../../../src/ledger/domain/index.js';
import type { Submission } from '../../../src/ledger/lanes.js';
import type { Writer } from './transaction-per-request.js';

type Domain = typeof import('../../../src/ledger/domain/index.js');

/** Decides and keeps nothing: what HTTP alone can carry. Lanes, database and durability are all left out. */
export class Nothing implements Writer {
  private readonly account: Account;

  constructor(private readonly domain: Domain) {
    this.account = { ...domain.emptyAccount(1, 'USD'), balance: domain.UNITS.USD.limit / 2 };
  }

  async submit({ steps }: Submission): Promise<readonly Answer[]> {
    const now = Date.now();
    return steps.map(({ operation }) => this.domain.apply({ account: this.account }, operation, now).answer);
  }
}
