import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { actorOn, Authenticated, CurrentPrincipal, type Principal, scopesOf } from '../auth/index.js';
import { Config } from '../common/config/index.js';
import { data, type Data, Endpoint } from '../common/http/index.js';
import { accountName, LedgerReader } from '../ledger/index.js';
import { MeDto } from './me.dto.js';

/** Who asks, for a client that has nothing but a token. */
@ApiTags('Caller')
@Controller('me')
export class MeController {
  constructor(
    private readonly config: Config,
    private readonly ledger: LedgerReader,
  ) {}

  @Get()
  @Authenticated()
  @Endpoint({
    summary: 'The caller of this request',
    description: 'Who the token names, on which account it works, what it may do, and what this server offers.',
    answers: MeDto,
  })
  me(@CurrentPrincipal() who: Principal): Promise<Data<MeDto>> {
    return data(this.describe(who));
  }

  private async describe(who: Principal): Promise<MeDto> {
    const { account, admin, orgRole } = who;
    const { provider } = this.config.payments;
    // A freeze holds for the accounts of both units.
    const { frozen } = await this.ledger.balance(accountName({ owner: account, unit: 'USD' }));
    return {
      actor: actorOn(who, account),
      account,
      role: admin ? 'admin' : 'user',
      ...(orgRole && { org_role: orgRole }),
      scopes: scopesOf(who),
      frozen,
      rate_limit: { per_minute: admin ? 0 : this.config.rateLimitPerMinute },
      features: { payments: provider !== 'off', sandbox: provider === 'sandbox' },
    };
  }
}
