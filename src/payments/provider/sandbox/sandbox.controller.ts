import { Body, Controller, Get, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Config } from '../../../common/config/index.js';
import { Public } from '../../../common/http/index.js';
import { homeOf, send, sendMissing } from '../../html/index.js';
import { PAYMENT_PROVIDER, type PaymentProvider } from '../payment-provider.js';
import { type SandboxAction, SandboxActionDto } from './sandbox.dto.js';
import { sandboxPage } from './sandbox.page.js';
import { SandboxProvider } from './sandbox.provider.js';

/** The buttons after which the buyer leaves the checkout. */
const LEAVES: ReadonlySet<SandboxAction> = new Set<SandboxAction>(['pay', 'pay_later', 'cancel']);

/**
 * The sandbox's checkout, outside the API. The long random id in an address is the key to play its buyer and its bank.
 */
@ApiExcludeController()
@Public()
@Controller('sandbox/checkout')
export class SandboxController {
  private readonly home: URL;

  constructor(
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    config: Config,
  ) {
    this.home = homeOf(config);
  }

  @Get(':id')
  async sandbox(
    @Param('id') id: string,
    @Res() reply: FastifyReply,
    @Query('declined') declined?: unknown,
  ): Promise<void> {
    const sandbox = this.provider;
    const session = sandbox instanceof SandboxProvider ? await sandbox.find(id) : null;
    if (!(sandbox instanceof SandboxProvider) || !session) return sendMissing(reply, this.home);
    const reversals = session.paymentIntent === null ? [] : await sandbox.reversalsOf(session.paymentIntent);
    send(reply, sandboxPage(session, reversals, declined !== undefined), {
      leadsTo: [session.successUrl, session.cancelUrl],
    });
  }

  @Post(':id')
  @RouteConfig({ form: true })
  async act(@Param('id') id: string, @Body() { action }: SandboxActionDto, @Res() reply: FastifyReply): Promise<void> {
    const sandbox = this.provider;
    const session = sandbox instanceof SandboxProvider ? await sandbox.find(id) : null;
    if (!(sandbox instanceof SandboxProvider) || !session) return sendMissing(reply, this.home);
    await sandbox.act(session, action);
    const page = `/sandbox/checkout/${id}`;
    void reply.header('Cache-Control', 'no-store');
    if (!LEAVES.has(action)) return void reply.redirect(action === 'decline' ? `${page}?declined` : page, 303);
    // The session decides where the buyer goes, because another window may have changed it meanwhile.
    const status = (await sandbox.find(id))?.status;
    void reply.redirect(
      status === 'complete' ? session.successUrl : status === 'expired' ? session.cancelUrl : page,
      303,
    );
  }
}
