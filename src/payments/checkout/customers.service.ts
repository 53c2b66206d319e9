import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { affectedRows, execute, insertRows, Transactions } from '../../common/database/index.js';
import { AttemptSpent, PAYMENT_PROVIDER, type PaymentProvider } from '../provider/index.js';
import { PaymentCustomer } from './purchase.entity.js';

/** Gives each account one customer at the provider. */
@Injectable()
export class CustomersService {
  constructor(
    @InjectRepository(PaymentCustomer) private readonly customers: Repository<PaymentCustomer>,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly transactions: Transactions,
  ) {}

  /**
   * The provider's id of an account's customer, created at the first purchase. The row with its key is written before
   * the provider is called, so concurrent calls, and retries after a crash, use the same key.
   * @throws ApiError PAYMENT_PROVIDER_ERROR
   */
  async idOf(account: string): Promise<string> {
    const provider = this.provider!;
    const identity = { account, provider: provider.name, livemode: provider.livemode ? 1 : 0 };
    const known = await this.customers.findOneBy(identity);
    if (known?.customerId) return known.customerId;
    if (!known) {
      const row = { ...identity, creation_key: `customer:${randomBytes(16).toString('hex')}` };
      const unlessKnown = { key: Object.keys(identity), how: 'keep' } as const;
      await this.transactions.run((tx) =>
        execute(tx, insertRows(tx, 'payment_customer', Object.keys(row), [Object.values(row)], unlessKnown)),
      );
    }
    const { creationKey } = await this.customers.findOneByOrFail(identity);
    try {
      const id = await provider.createCustomer(account, creationKey);
      await this.transactions.run((tx) =>
        affectedRows(tx, 'UPDATE payment_customer SET customer_id = ? WHERE creation_key = ? AND customer_id IS NULL', [
          id,
          creationKey,
        ]),
      );
      return id;
    } catch (error) {
      // At worst the provider keeps a customer that nothing refers to.
      if (error instanceof AttemptSpent) await this.forget('creation_key', creationKey);
      throw error;
    }
  }

  /** Forgets a customer that the provider no longer knows, so that the account gets a new one. */
  forget(column: 'creation_key' | 'customer_id', value: string): Promise<number> {
    return this.transactions.run((tx) => affectedRows(tx, `DELETE FROM payment_customer WHERE ${column} = ?`, [value]));
  }
}
