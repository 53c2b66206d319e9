import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AdminOnly, CurrentPrincipal, type Principal } from '../auth/index.js';
import { type CursorPage, data, type Data, Endpoint, ExactNumbers } from '../common/http/index.js';
import { AccountsQuery, AdminAccountDto, AdminAccountWholeDto } from './accounts.dto.js';
import { AdminAccountsService } from './accounts.service.js';
import { AccountPath } from './marks.dto.js';

@ApiTags('Admin: accounts')
@Controller('admin/accounts')
export class AdminAccountsController {
  constructor(private readonly accounts: AdminAccountsService) {}

  @Get()
  @AdminOnly()
  @ExactNumbers()
  @Endpoint({
    summary: 'Accounts, the largest or newest first',
    description:
      'The accounts that have moved, in one unit. Filters and order know what happened on other servers a moment later; the amounts are as of now. A page can be short and have another after it.',
    answers: AdminAccountDto,
    as: 'cursor',
    errors: ['FORBIDDEN'],
  })
  list(@Query() query: AccountsQuery): Promise<CursorPage<AdminAccountDto>> {
    return this.accounts.list(query);
  }

  @Get(':account')
  @AdminOnly()
  @ExactNumbers()
  @Endpoint({
    summary: 'One account whole',
    description:
      'What support looks at first: both units, open holds, active grants, purchases, the last transactions.',
    answers: AdminAccountWholeDto,
    errors: ['FORBIDDEN', 'NOT_FOUND'],
  })
  find(@CurrentPrincipal() who: Principal, @Param() { account }: AccountPath): Promise<Data<AdminAccountWholeDto>> {
    return data(this.accounts.find(who, account));
  }
}
