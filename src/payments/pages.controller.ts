import { Body, Controller, Get, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Config } from '../common/config/index.js';
import { Public } from '../common/http/index.js';
import { missingPage, purchasePage } from './pages.js';
import { SandboxActionDto } from './payments.dto.js';
import type { Purchase } from './payments.entities.js';
import { PAYMENT_PROVIDER, type PaymentProvider } from './provider.js';
import { PurchasesService } from './purchases.service.js';
import { sandboxPage } from './sandbox.page.js';
import { type SandboxAction, SandboxProvider } from './sandbox.provider.js';

/** The buttons after which the buyer leaves the checkout. */
const LEAVES: ReadonlySet<SandboxAction> = new Set<SandboxAction>(['pay', 'pay_later', 'cancel']);

/** Pages for buyers, outside of the API. Whoever knows the long random id in the address may see the one checkout behind it. */
@ApiExcludeController()
@Public()
@Controller()
export class PagesController {
  /** Where a buyer goes on: the operator's application, where one is known, else whatever this server's own address shows. */
  private readonly home: URL;

  constructor(
    private readonly purchases: PurchasesService,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    { checkoutSuccessUrl, checkoutCancelUrl, publicUrl }: Config,
  ) {
    const application = checkoutSuccessUrl ?? checkoutCancelUrl;
    this.home = application ? new URL('/', application) : new URL(`${publicUrl}/`);
  }

  @Get('checkout/return/:id')
  async returned(@Param('id') id: string, @Res() reply: FastifyReply, @Query('token') token?: unknown): Promise<void> {
    const purchase = await this.purchases.find(id);
    if (!purchase) return this.missing(reply);
    const shown = { left: false, home: this.home, controls: controlsOf(purchase) };
    const own = this.purchases.isBuyer(purchase, token)
      ? { balance: await this.purchases.balanceOf(purchase), receipt: purchase.receiptUrl }
      : {};
    send(reply, purchasePage(purchase, { ...shown, ...own }));
  }

  @Get('checkout/cancel/:id')
  async left(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const purchase = await this.purchases.find(id);
    if (!purchase) return this.missing(reply);
    send(reply, purchasePage(purchase, { left: true, home: this.home }));
  }

  @Get('sandbox/checkout/:id')
  async sandbox(@Param('id') id: string, @Res() reply: FastifyReply, @Query('declined') declined?: unknown): Promise<void> {
    const sandbox = this.provider;
    const session = sandbox instanceof SandboxProvider ? await sandbox.find(id) : null;
    if (!(sandbox instanceof SandboxProvider) || !session) return this.missing(reply);
    const reversals = session.paymentIntent === null ? [] : await sandbox.reversalsOf(session.paymentIntent);
    send(reply, sandboxPage(session, reversals, declined !== undefined), { leadsTo: [session.successUrl, session.cancelUrl] });
  }

  @Post('sandbox/checkout/:id')
  @RouteConfig({ form: true })
  async act(@Param('id') id: string, @Body() { action }: SandboxActionDto, @Res() reply: FastifyReply): Promise<void> {
    const sandbox = this.provider;
    const session = sandbox instanceof SandboxProvider ? await sandbox.find(id) : null;
    if (!(sandbox instanceof SandboxProvider) || !session) return this.missing(reply);
    await sandbox.act(session, action);
    const page = `/sandbox/checkout/${id}`;
    void reply.header('Cache-Control', 'no-store');
    if (!LEAVES.has(action)) return void reply.redirect(action === 'decline' ? `${page}?declined` : page, 303);
    // Whatever another window did meanwhile, the buyer is sent where the session now says.
    const status = (await sandbox.find(id))?.status;
    void reply.redirect(status === 'complete' ? session.successUrl : status === 'expired' ? session.cancelUrl : page, 303);
  }

  private missing(reply: FastifyReply): void {
    send(reply, missingPage(this.home), { status: 404 });
  }
}

/** While something can still happen to a payment of the sandbox, its purchase leads back to the page that plays the bank. */
function controlsOf({ provider, status, sessionId, paid, refunded }: Purchase): string | undefined {
  const goesOn = status === 'processing' || (status === 'paid' && refunded < (paid ?? 0));
  return provider === 'sandbox' && goesOn ? `/sandbox/checkout/${sessionId}` : undefined;
}

/**
 * Browsers apply `form-action` to the redirect after a form as well, so it names the places where a checkout may end.
 * @param options.leadsTo addresses that a form on the page may lead to
 */
function send(reply: FastifyReply, page: string, { status = 200, leadsTo = [] as readonly string[] } = {}): void {
  const targets = ["'self'", ...new Set(leadsTo.map((url) => new URL(url).origin))].join(' ');
  void reply
    .status(status)
    .header('Content-Type', 'text/html; charset=utf-8')
    .header('Cache-Control', 'no-store')
    .header(
      'Content-Security-Policy',
      `default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action ${targets}; base-uri 'none'; frame-ancestors 'none'`,
    )
    .send(page);
}
