import { Body, Controller, Post } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { signToken } from '../auth/index.js';
import { Config } from '../common/config/index.js';
import { data, type Data, Public } from '../common/http/index.js';
import { SandboxTokenDto } from './tokens.dto.js';

/**
 * Whether visitors may make tokens: never in production, only where no real money moves, and only on a server that
 * others can't mistake for theirs, because it stands at an address of this machine or has made its secret itself.
 */
export function makesTokens({ production, payments, jwt: { key }, publicUrl }: Config): boolean {
  if (production || payments.provider !== 'sandbox' || key.kind !== 'secret') return false;
  return key.from !== 'JWT_SECRET' || LOCAL.has(new URL(publicUrl).hostname);
}

const LOCAL = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Makes tokens for trying out the API, outside of it. Only a server that `makesTokens` has this route. */
@ApiExcludeController()
@Public()
@Controller('sandbox/token')
export class SandboxTokenController {
  constructor(private readonly config: Config) {}

  @Post()
  async make(
    @Body() { user, admin = false }: SandboxTokenDto,
  ): Promise<Data<{ token: string; account: string; admin: boolean }>> {
    const claims = { sub: user, ...(admin ? { role: 'admin' } : {}) };
    return data({ token: await signToken(this.config, claims, '1h'), account: `user:${user}`, admin });
  }
}
