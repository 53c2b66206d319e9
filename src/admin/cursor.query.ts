import { OmitType } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { IsText, PagingQuery } from '../common/http/index.js';

/** The part of a list to return that goes on by cursor. */
export class CursorQuery extends OmitType(PagingQuery, ['offset']) {
  /** The `next_cursor` of the page before, with the same filter. */
  @IsOptional()
  @IsText(1, 300)
  cursor?: string;
}
