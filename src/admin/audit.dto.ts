import { ApiPropertyOptional, IntersectionType, PickType } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { IsText } from '../common/http/index.js';
import { SummaryQuery } from '../wallet/index.js';
import { CursorQuery } from './cursor.dto.js';

/** Which records to list, the newest first. */
export class AuditQuery extends IntersectionType(CursorQuery, PickType(SummaryQuery, ['from', 'to'])) {
  /** Only what this actor did: `admin:<sub>` or `user:<sub>`. */
  @IsOptional()
  @IsText(1, 210)
  actor?: string;

  /** Only this action, such as `credits.deposit`. */
  @IsOptional()
  @IsText(1, 40)
  action?: string;

  /** Only what concerns this account. */
  @IsOptional()
  @IsText(1, 205)
  account?: string;

  /** Only what concerns this id: of a transaction, grant, hold or purchase, or the name of an account. */
  @IsOptional()
  @IsText(1, 255)
  target?: string;
}

/** What an administrator or manager did. */
export class AuditRecordDto {
  /** @example "019a5c2e-7c5a-7000-9f3b-5d2a4c6e8f01" */
  id: string;

  /** @example "2026-04-15T11:00:00.000Z" */
  at: string;

  /**
   * `admin:<sub>` for an administrator on another account than their own, else `user:<sub>`.
   * @example "admin:root"
   */
  actor: string;

  /**
   * Such as `credits.deposit`, `grants.void`, `accounts.freeze` or `purchases.resolve`.
   * @example "credits.deposit"
   */
  action: string;

  /**
   * The account that it concerns; absent: none.
   * @example "user:42"
   */
  account?: string;

  /**
   * The id of what was made or changed: of a transaction, grant, hold or purchase, or the name of an account. The first
   * two count within the account and the unit.
   * @example "1"
   */
  target: string;

  /** What it was like before; absent: it was not there. */
  @ApiPropertyOptional({ type: 'object', additionalProperties: true })
  before?: object;

  /** What it was like after; absent: it is gone. */
  @ApiPropertyOptional({ type: 'object', additionalProperties: true })
  after?: object;

  /**
   * The trace id of the request.
   * @example "4bf92f3577b34da6a3ce929d0e0e4736"
   */
  trace_id: string;

  /**
   * Where the request came from: the socket's address, or the one that a proxy of `TRUST_PROXY` forwarded.
   * @example "203.0.113.7"
   */
  client_address: string;
}
