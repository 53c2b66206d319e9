import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/index.js';
import type { Idempotency, Page } from '../../common/http/index.js';
import { type ParkedUsageRow, ParkedUsageStore, RateCards, type Refused } from '../../pricing/index.js';
import { postParked } from '../../wallet/index.js';
import { CreditsService } from '../credits.service.js';
import type { ParkedQuery, ParkedUsageDto, PostedParkedDto } from './parked.dto.js';

/** How many one request tries to post. */
const A_REQUEST = 1_000;
const AT_ONCE = 20;
/** A longer `raw` is not listed: a page of them would have megabytes. */
const LONGEST_RAW = 4_096;

/** Lists and posts usage that waits for a price. */
@Injectable()
export class ParkedService {
  constructor(
    private readonly store: ParkedUsageStore,
    private readonly credits: CreditsService,
    private readonly cards: RateCards,
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
    const ids = await this.store.longestUntried(A_REQUEST, account);
    const done = { posted: 0, parked: 0 };
    for (let i = 0; i < ids.length; i += AT_ONCE) {
      const rows = await this.store.stillParked(ids.slice(i, i + AT_ONCE));
      const refused = (await Promise.all(rows.map((row) => this.postOne(who, row, asked)))).flat();
      if (refused.length > 0) await this.store.refuse(refused, now);
      done.parked += refused.length;
      done.posted += rows.length - refused.length;
    }
    // Where nothing was posted, only a card that the rest was not tried by gives hope. So whoever repeats this ends.
    const since = done.posted > 0 ? now : this.cards.inForce().effectiveFrom;
    return { ...done, more: ids.length === A_REQUEST && (await this.store.isUntriedSince(since, account)) };
  }

  /** The refusal; none when it is posted, by this request or by another at the same time. */
  private async postOne(who: Principal, row: ParkedUsageRow, asked: Idempotency): Promise<Refused[]> {
    const { traceId, clientAddress } = asked;
    const { subject } = who;
    const reason = await postParked(this.store, this.credits.wallet, row, { subject, traceId, clientAddress });
    return reason ? [{ id: row.id, reason }] : [];
  }
}

function present(row: ParkedUsageRow): ParkedUsageDto {
  const { id, account, status, request, actor, reason } = row;
  return {
    ...listed(request as Pick<ParkedUsageDto, 'usage'>),
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

function listed({ usage, ...request }: Pick<ParkedUsageDto, 'usage'>): Pick<ParkedUsageDto, 'usage'> {
  const { raw, ...rest } = usage as { raw?: object };
  const isLong = raw !== undefined && JSON.stringify(raw).length > LONGEST_RAW;
  return { ...request, usage: isLong ? rest : usage };
}
