import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { And, type FindOperator, LessThan, MoreThanOrEqual, type Repository } from 'typeorm';
import { AuditRow, firstAuditId } from '../common/audit/index.js';
import { type CursorPage, positionOf } from '../common/http/index.js';
import type { AuditQuery, AuditRecordDto } from './audit.dto.js';
import { pageOf, toDigits, toNumbers } from './cursor.js';

/** Reads the audit. Every filter has an index that ends with the id, so a page costs the same however long it is. */
@Injectable()
export class AuditReader {
  constructor(@InjectRepository(AuditRow) private readonly records: Repository<AuditRow>) {}

  /** @throws ApiError VALIDATION_ERROR for a cursor of another filter */
  async list({ limit, cursor, from, to, ...filter }: AuditQuery): Promise<CursorPage<AuditRecordDto>> {
    const list = { name: 'audit', ...filter, from: from?.getTime(), to: to?.getTime() };
    const bounds: FindOperator<string>[] = [];
    if (from) bounds.push(MoreThanOrEqual(firstAuditId(from.getTime())));
    if (to) bounds.push(LessThan(firstAuditId(to.getTime())));
    if (cursor !== undefined) bounds.push(LessThan(withDashes(toDigits(positionOf(list, cursor)))));
    const rows = await this.records.find({
      where: { ...filter, ...(bounds.length > 0 && { id: And(...bounds) }) },
      order: { id: 'DESC' },
      take: limit + 1,
    });
    return pageOf(list, limit, rows, ({ id }) => toNumbers(id.replaceAll('-', '')), present);
  }
}

function withDashes(digits: string): string {
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function present({ id, at, actor, action, account, target, before, after, ...request }: AuditRow): AuditRecordDto {
  return {
    id,
    at: new Date(at).toISOString(),
    actor,
    action,
    ...(account !== null && { account }),
    target,
    ...(before !== null && { before }),
    ...(after !== null && { after }),
    trace_id: request.traceId,
    client_address: request.clientAddress,
  };
}
