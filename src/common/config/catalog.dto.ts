import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, Max, Min } from 'class-validator';

/** When what an item of the catalog brings expires. */
export class ExpiryTerms {
  /** Days of 24 hours from the settlement of a purchase until it expires, 1–3,650; absent: it never does. */
  @ApiPropertyOptional({ type: 'integer' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(3_650)
  expires_in_days?: number;
}

/** The terms of a bonus, without its amount. */
export class BonusTerms extends ExpiryTerms {
  /** 0–100, the lowest is spent first; 50 when absent. */
  @ApiPropertyOptional({ type: 'integer' })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(100)
  priority?: number;
}
