import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../auth/index.js';
import { type CursorPage, Endpoint } from '../common/http/index.js';
import { AuditQuery, AuditRecordDto } from './audit.dto.js';
import { AuditReader } from './audit.reader.js';

@ApiTags('Admin: audit')
@Controller('admin/audit')
export class AdminAuditController {
  constructor(private readonly audit: AuditReader) {}

  @Get()
  @AdminOnly()
  @Endpoint({
    summary: 'Who did what, the newest first',
    description:
      'A record of everything that an administrator wrote, made in the same transaction: what was refused has none, and what was asked for again under its key has one. Records are never changed. The list goes on by `cursor`.',
    answers: AuditRecordDto,
    as: 'cursor',
    errors: ['FORBIDDEN'],
  })
  list(@Query() query: AuditQuery): Promise<CursorPage<AuditRecordDto>> {
    return this.audit.list(query);
  }
}
