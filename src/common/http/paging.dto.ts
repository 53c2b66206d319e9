import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';

/** Reads a query's text as an integer. Only plain digits are a number, not `0x10`, `1e2` or an empty text. */
export const toInteger = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' ? (/^\d{1,16}$/.test(value) ? Number(value) : NaN) : value;

/** As `toInteger`, with at most six decimals. */
export const toDecimal = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' ? (/^\d{1,16}(\.\d{1,6})?$/.test(value) ? Number(value) : NaN) : value;

/** The part of a list to return. */
export class PagingQuery {
  /**
   * The most items in the answer.
   * @example 20
   */
  @ApiPropertyOptional({ type: 'integer' })
  @IsOptional()
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(200)
  limit: number = 50;

  /**
   * The number of items to skip.
   * @example 0
   */
  @ApiPropertyOptional({ type: 'integer' })
  @IsOptional()
  @Transform(toInteger)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  offset: number = 0;
}
