import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/index.js';
import type { Idempotency, Page } from '../../common/http/index.js';
import { type ParkedUsageRow, ParkedUsageStore } from '../../pricing/index.js';
import { postParked } from '../../wallet/index.js';
import { CreditsService } from '../credits.service.js';
import type { ParkedQuery, ParkedUsageDto, PostedParkedDto } from './parked.dto.js';

/** How many one request tries to post. */
const A_REQUEST = 1_000;
const AT_ONCE = 50;

/** Lists and posts usage that waits for a price. */
@Injectable()
export class ParkedService {
  constructor(
    private readonly store: ParkedUsageStore,
    private readonly credits: CreditsService,
  ) {}

  async list({ status, account, limit, offset }: ParkedQuery): Promise<Page<ParkedUsageDto>> {
    const { rows, total } = await this.store.list({ status, account, limit, offset });
    return { data: rows.map(present), meta: { total, limit, offset } };
  }

  /**
   * Posts what is parked, each once. What was tried stands last in the next request's turn.
   * @throws ApiError OVERLOADED; what was posted by then stays posted
   */
  async post(who: Principal, account: string | undefined, asked: Idempotency): Promise<PostedParkedDto> {
    const now = Date.now();
    const done: PostedParkedDto = { posted: 0, parked: 0, more: true };
    while (done.more && done.posted + done.parked < A_REQUEST) {
      // What was tried since has another state or time.
      const rows = await this.store.untriedSince(now, AT_ONCE, account);
      for (const posted of await Promise.all(rows.map((row) => this.postOne(who, row, asked, now))))
        done[posted ? 'posted' : 'parked'] += 1;
      done.more = rows.length === AT_ONCE;
    }
    return done;
  }

  /** Whether it is posted, by this request or by another at the same time. */
  private async postOne(who: Principal, row: ParkedUsageRow, asked: Idempotency, now: number): Promise<boolean> {
    const { traceId, clientAddress } = asked;
    const { subject } = who;
    const reason = await postParked(this.store, this.credits.wallet, row, { subject, traceId, clientAddress });
    if (reason) await this.store.refuse(row.id, reason, now);
    return !reason;
  }
}

function present(row: ParkedUsageRow): ParkedUsageDto {
  const { id, account, status, request, actor, reason } = row;
  return {
    ...(request as Pick<ParkedUsageDto, 'usage'>),
    id,
    account,
    status,
    actor,
    ...(row.idempotencyKey !== null && { idempotency_key: row.idempotencyKey }),
    trace_id: row.traceId,
    reason,
    ...(row.transactionId !== null && { transaction_id: row.transactionId }),
    created_at: new Date(row.createdAt).toISOString(),
    ...(row.triedAt > 0 && { tried_at: new Date(row.triedAt).toISOString() }),
  };
}
