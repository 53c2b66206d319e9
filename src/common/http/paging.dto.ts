import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';

/** A query carries text; only plain digits are a number, not `0x10`, `1e2` or nothing. */
export const toInteger = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' ? (/^\d{1,16}$/.test(value) ? Number(value) : NaN) : value;

/** As `toInteger`, with at most six decimals. */
export const toDecimal = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' ? (/^\d{1,16}(\.\d{1,6})?$/.test(value) ? Number(value) : NaN) : value;

/** Which part of a list to give. */
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
   * How many items to pass over.
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
