import type { Repository } from 'typeorm';
import { accountFor, type Principal } from '../../auth/index.js';
import { type Export, fileName } from '../../common/http/index.js';
import { Purchase, type PurchaseDto, type PurchasesExportQuery, toPurchase } from '../checkout/index.js';
import { checkPeriod } from '../../wallet/index.js';

const PAGE = 500;

/** Every field of a purchase, in the order of the columns. */
const COLUMNS: Record<keyof PurchaseDto, true> = {
  purchase_id: true,
  account: true,
  kind: true,
  item: true,
  name: true,
  status: true,
  amount: true,
  expires_in_days: true,
  bonus: true,
  price: true,
  currency: true,
  paid: true,
  refund_status: true,
  refunded_amount: true,
  disputed: true,
  reversed: true,
  provider: true,
  livemode: true,
  created_at: true,
  expires_at: true,
  paid_at: true,
  checkout_url: true,
  receipt_url: true,
  refunds: true,
};

/**
 * The purchases of an account that have begun by now, the newest first as in their list, each as last settled.
 * @throws ApiError FORBIDDEN, VALIDATION_ERROR
 */
export function exportPurchases(purchases: Repository<Purchase>, who: Principal, query: PurchasesExportQuery): Export {
  checkPeriod(query.from, query.to);
  const account = accountFor(who, query.account);
  return {
    name: fileName(['purchases', account], query),
    columns: Object.keys(COLUMNS),
    pages: pagesOf(purchases, { ...query, account }),
  };
}

async function* pagesOf(
  purchases: Repository<Purchase>,
  { account, status, from, to }: PurchasesExportQuery & { readonly account: string },
): AsyncGenerator<PurchaseDto[]> {
  let last = { at: Math.min(to ? to.getTime() - 1 : Infinity, Date.now()), id: '~' };
  for (;;) {
    const page = purchases
      .createQueryBuilder('p')
      .where('p.account = :account AND p.createdAt >= :from AND p.createdAt <= :at', {
        account,
        from: from?.getTime() ?? 0,
        at: last.at,
      })
      .andWhere('(p.createdAt < :at OR p.id < :id)', last)
      .orderBy('p.createdAt', 'DESC')
      .addOrderBy('p.id', 'DESC')
      .limit(PAGE);
    if (status !== undefined) page.andWhere('p.status = :status', { status });
    const rows = await page.getMany();
    if (rows.length === 0) return;
    yield rows.map(toPurchase);
    const { createdAt, id } = rows.at(-1)!;
    last = { at: createdAt, id };
  }
}
