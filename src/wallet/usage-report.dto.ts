import { ApiProperty, ApiPropertyOptional, IntersectionType, OmitType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import { type ExactNumber, FormatField, toInteger } from '../common/http/index.js';
import { PeriodQuery } from './queries.dto.js';
import { PeriodDto } from './summary.dto.js';

const INTERVALS = ['hour', 'day', 'month', 'total'] as const;
const DIMENSIONS = ['model', 'agent', 'actor', 'run_id', 'type'] as const;

/** Which usage to show. */
export class UsageQuery extends PeriodQuery {
  /**
   * The length of the intervals in `series`, in UTC. `from` and `to` are widened to their edges; those of a `total`, to
   * whole hours. `hour`: at most 31 days.
   */
  @ApiPropertyOptional({ enum: INTERVALS })
  @IsOptional()
  @IsIn(INTERVALS)
  interval: (typeof INTERVALS)[number] = 'day';

  /** What the groups are. */
  @ApiPropertyOptional({ enum: DIMENSIONS })
  @IsOptional()
  @IsIn(DIMENSIONS)
  group_by: (typeof DIMENSIONS)[number] = 'type';

  /** The most groups; the largest of the whole period are shown. */
  @ApiPropertyOptional({ type: 'integer' })
  @IsOptional()
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(200)
  limit: number = 20;
}

/** Which usage to export: every group of every interval. */
export class UsageExportQuery extends IntersectionType(OmitType(UsageQuery, ['limit']), FormatField) {}

/** Spending. */
export class UsageSumDto {
  /**
   * What was spent, less what reversals and repricings gave back. Below zero when they gave back more.
   * @example 12.5
   */
  @ApiProperty({ type: Number })
  amount: ExactNumber;

  /**
   * How many transactions spent. Reversals and repricings are not counted.
   * @example 10
   */
  @ApiProperty({ type: 'integer' })
  count: number;
}

/** Spending of one group. */
export class UsageGroupDto extends UsageSumDto {
  /**
   * The model, agent, actor, run or type. Absent: spending without it.
   * @example "large-2026-10"
   */
  value?: string;

  /**
   * What was used, by pool (whole numbers) or `meter:<id>` (at most six decimals). What a reversal gave back was used
   * all the same. Absent: nothing was counted.
   * @example { "input": 1200, "output": 300 }
   */
  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'number' } })
  quantities?: Record<string, ExactNumber>;
}

/** Spending in one interval. */
export class UsageItemDto {
  /**
   * When the interval begins, in UTC; of a total, when the period begins.
   * @example "2026-04-15T00:00:00.000Z"
   */
  start: string;

  /** The groups of `totals`, in the same order; 0 where nothing was spent. */
  groups: UsageGroupDto[];

  /** The sum of all other values. */
  other: UsageSumDto;
}

/** Spending over a time, by the values of a dimension. */
export class UsageReportDto {
  /** The period as it was widened. */
  period: PeriodDto;

  /** The intervals in which something was spent, the oldest first. */
  series: UsageItemDto[];

  /**
   * The largest groups of the whole period, the largest first and equal ones by value. When there are more values than
   * `limit`, one more item follows: the sum of the rest, with `amount` and `count` alone.
   */
  totals: UsageGroupDto[];

  /** The sum of everything. */
  total: UsageSumDto;
}

/** One group in one interval, as a row of a file. Its quantities follow, each in a column of its own. */
export class UsageRowDto extends OmitType(UsageGroupDto, ['quantities']) {
  /**
   * When the interval begins, in UTC.
   * @example "2026-04-15T00:00:00.000Z"
   */
  start: string;
}
