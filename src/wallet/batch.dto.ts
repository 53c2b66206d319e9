import { ApiProperty } from '@nestjs/swagger';
import { TransactionDto } from './transaction.dto.js';

/** Why an item of a batch was refused. */
export class BatchErrorDto {
  /** @example "INSUFFICIENT_CREDITS" */
  code: string;

  /** @example "The available credits are less than the amount." */
  message: string;

  /** What a client can act on, as in the error of a single request. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  details: unknown;

  /**
   * The page with its cause, its fix, and whether to retry.
   * @example "https://credits.example.com/api/docs/errors#INSUFFICIENT_CREDITS"
   */
  docs_url: string;
}

/** What became of one item of a batch. */
export class BatchResultDto {
  status: 'posted' | 'rejected' | 'parked';

  /** Names the usage in the list of what is parked, when it was. */
  id?: string;

  /** The transaction, when it was posted. */
  transaction?: TransactionDto;

  /** The error, when it was rejected. */
  error?: BatchErrorDto;
}

/** How many items of a batch were posted and rejected. */
export class BatchMetaDto {
  /** @example 99 */
  @ApiProperty({ type: 'integer' })
  posted: number;

  /** @example 1 */
  @ApiProperty({ type: 'integer' })
  rejected: number;

  /** How many were parked until something prices them; absent: none. */
  @ApiProperty({ type: 'integer', required: false })
  parked?: number;
}
