import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { type CursorPage, positionOf } from '../common/http/index.js';
import { type AdminPurchaseDto, Purchase, toAdminPurchase } from '../payments/index.js';
import { pageOf, toDigits, toNumbers } from './cursor.js';
import type { AdminPurchasesQuery } from './purchases.dto.js';

const PREFIX = 'pur_';

/** Reads purchases across accounts. Each filter has an index in the order of the list. */
@Injectable()
export class PurchasesReader {
  constructor(@InjectRepository(Purchase) private readonly purchases: Repository<Purchase>) {}

  /** @throws ApiError VALIDATION_ERROR for a cursor of another filter */
  async list({ limit, cursor, ...filter }: AdminPurchasesQuery): Promise<CursorPage<AdminPurchaseDto>> {
    const { status, account, provider_reference: reference } = filter;
    const list = { name: 'purchases', ...filter };
    const query = this.purchases
      .createQueryBuilder('p')
      .where({ ...(status && { status }), ...(account !== undefined && { account }) })
      .orderBy('p.createdAt', 'DESC')
      .addOrderBy('p.id', 'DESC')
      .take(limit + 1);
    if (reference !== undefined)
      // Two point reads: with an OR the optimizer may walk through the list instead.
      query.andWhere(
        'p.id IN (SELECT s.id FROM purchase s WHERE s.session_id = :reference UNION SELECT i.id FROM purchase i WHERE i.payment_intent = :reference)',
        { reference },
      );
    if (cursor !== undefined) {
      const [at, ...id] = positionOf(list, cursor);
      query.andWhere('(p.createdAt < :at OR (p.createdAt = :at AND p.id < :id))', {
        at,
        id: `${PREFIX}${toDigits(id)}`,
      });
    }
    const rows = await query.getMany();
    const position = ({ id, createdAt }: Purchase) => [createdAt, ...toNumbers(id.slice(PREFIX.length))];
    return pageOf(list, limit, rows, position, toAdminPurchase);
  }
}
