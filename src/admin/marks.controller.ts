import { Body, Controller, Param, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AdminOnly, CurrentPrincipal, type Principal } from '../auth/index.js';
import { data, type Data, Endpoint, type Idempotency, IdempotencyKey, invalidField } from '../common/http/index.js';
import { CreditsService } from '../credits/index.js';
import type { Mark } from '../ledger/index.js';
import { markAccount, type Marks } from '../wallet/index.js';
import { AccountPath, MarkAccountDto, MarksDto } from './marks.dto.js';

@ApiTags('Admin: accounts')
@Controller('admin/accounts')
export class AdminMarksController {
  constructor(private readonly credits: CreditsService) {}

  @Patch(':account')
  @AdminOnly()
  @Endpoint({
    summary: 'Freeze an account, end its freeze, note something',
    description:
      'A frozen account debits nothing and opens no hold, in credits and in tokens, for administrators too: 403 `ACCOUNT_FROZEN`. Holds that were open before can be captured and released, and deposits, purchases, refunds and reversals pass. The freeze holds on every server from the moment of this answer. Sending the same again changes nothing.',
    answers: MarksDto,
    example: { reason: 'Chargebacks are being looked into.' },
    errors: ['FORBIDDEN', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'],
  })
  mark(
    @CurrentPrincipal() who: Principal,
    @Param() { account }: AccountPath,
    @Body() body: MarkAccountDto,
    @IdempotencyKey() { traceId, clientAddress }: Idempotency,
  ): Promise<Data<MarksDto>> {
    return data(this.change(who, account, body, { traceId, clientAddress }));
  }

  private async change(
    who: Principal,
    account: string,
    body: MarkAccountDto,
    asked: Omit<Idempotency, 'key'>,
  ): Promise<MarksDto> {
    return toMarks(await markAccount(this.credits.wallet, who, account, marksOf(body), asked));
  }
}

/** @throws ApiError VALIDATION_ERROR for a body that says nothing, or a reason without a freeze */
function marksOf({ frozen, reason, note }: MarkAccountDto): Pick<Mark, 'frozen' | 'note'> {
  if (frozen === undefined && note === undefined) throw invalidField('frozen', 'or note is required');
  if (frozen && reason === undefined) throw invalidField('reason', 'is required to freeze an account');
  if (!frozen && reason !== undefined) throw invalidField('reason', 'goes with frozen: true');
  return {
    ...(frozen !== undefined && { frozen: reason ?? null }),
    ...(note !== undefined && { note: note || null }),
  };
}

function toMarks({ account, frozen, note }: Marks): MarksDto {
  return {
    account,
    frozen: frozen !== null,
    ...(frozen !== null && { reason: frozen }),
    ...(note !== null && { note }),
  };
}
