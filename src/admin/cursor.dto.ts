import { OmitType } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { IsText, PagingQuery } from '../common/http/index.js';

/** Where a list that goes on by cursor begins, and how many items its page has. */
export class CursorQuery extends OmitType(PagingQuery, ['offset']) {
  /** The `next_cursor` of the page before, with the same filter and order. */
  @IsOptional()
  @IsText(1, 300)
  cursor?: string;
}
