import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Config } from '../../common/config/index.js';
import { Public } from '../../common/http/index.js';
import type { Purchase } from '../checkout/index.js';
import { homeOf, send, sendMissing } from '../html/index.js';
import { PurchasesService } from '../settlement/index.js';
import { purchasePage } from './purchase.page.js';

/** Pages for buyers, outside the API. The long random id in an address is the key to its one purchase. */
@ApiExcludeController()
@Public()
@Controller()
export class PagesController {
  constructor(
    private readonly purchases: PurchasesService,
    private readonly config: Config,
  ) {}

  @Get('checkout/return/:id')
  async returned(@Param('id') id: string, @Res() reply: FastifyReply, @Query('token') token?: unknown): Promise<void> {
    const purchase = await this.purchases.find(id);
    if (!purchase) return sendMissing(reply, homeOf(this.config));
    const shown = { left: false, home: homeOf(this.config, purchase), controls: controlsOf(purchase) };
    const own = this.purchases.isBuyer(purchase, token)
      ? { balance: await this.purchases.balanceOf(purchase), receipt: shown.controls ? null : purchase.receiptUrl }
      : {};
    send(reply, purchasePage(purchase, { ...shown, ...own }));
  }

  @Get('checkout/cancel/:id')
  async left(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const purchase = await this.purchases.find(id);
    if (!purchase) return sendMissing(reply, homeOf(this.config));
    send(reply, purchasePage(purchase, { left: true, home: homeOf(this.config, purchase) }));
  }
}

/** The sandbox's page, for as long as the bank can still act on the payment. */
function controlsOf({ provider, status, sessionId, paid, refunded }: Purchase): string | undefined {
  const goesOn = status === 'processing' || (status === 'paid' && refunded < (paid ?? 0));
  return provider === 'sandbox' && goesOn ? `/sandbox/checkout/${sessionId}` : undefined;
}
