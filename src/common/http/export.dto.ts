import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';

/** How an export is written. */
export class FormatField {
  /** `csv` for a spreadsheet, `ndjson` for a program: one JSON object per line, as the list shows it. */
  @ApiPropertyOptional()
  @IsOptional()
  @IsIn(['csv', 'ndjson'])
  format: 'csv' | 'ndjson' = 'csv';
}
