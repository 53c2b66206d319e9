import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../auth/index.js';
import { cursorAt, type CursorPage, Endpoint, positionOf } from '../common/http/index.js';
import { EntriesReader, ownerAndUnit } from '../ledger/index.js';
import { checkPeriod, toTransaction } from '../wallet/index.js';
import { AdminTransactionDto, AdminTransactionsQuery } from './transactions.dto.js';

@ApiTags('Admin: transactions')
@Controller('admin/transactions')
export class AdminTransactionsController {
  constructor(private readonly entries: EntriesReader) {}

  @Get()
  @AdminOnly()
  @Endpoint({
    summary: 'Transactions across accounts, the newest first',
    description:
      'Who charged this, with which key. What other servers have written can be found a moment later. A page can be short and have another after it.',
    answers: AdminTransactionDto,
    example: { type: 'debit', amount: -1.25, balance_after: 141.25, description: 'Agent run #4521', metadata: null },
    as: 'cursor',
    errors: ['FORBIDDEN'],
  })
  async list(@Query() { limit, cursor, ...list }: AdminTransactionsQuery): Promise<CursorPage<AdminTransactionDto>> {
    checkPeriod(list.from, list.to);
    const [createdAt, accountId, sequence] = cursor === undefined ? [] : positionOf(list, cursor);
    const { rows, rest } = await this.entries.list({
      owner: list.account,
      actor: list.actor,
      type: list.type,
      traceId: list.trace_id,
      idempotencyKey: list.idempotency_key,
      from: list.from?.getTime(),
      to: list.to?.getTime(),
      limit,
      ...(createdAt !== undefined && { after: { createdAt, accountId: accountId!, sequence: sequence! } }),
    });
    return {
      data: rows.map(({ account, entry, reversed }) => ({
        unit: ownerAndUnit(account).unit,
        ...toTransaction(account, entry, { admin: true, inList: true, reversed }),
      })),
      meta: {
        limit,
        ...(rest && { next_cursor: cursorAt(list, [rest.createdAt, rest.accountId, rest.sequence]) }),
      },
    };
  }
}
