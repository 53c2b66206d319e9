import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiHeader, ApiTags } from '@nestjs/swagger';
import { Endpoint, Public, type RawBodyRequest } from '../../common/http/index.js';
import { InboxService } from './inbox.service.js';
import { WebhookReceiptDto } from './webhook.dto.js';

@ApiTags('Payments')
@Controller('webhooks')
export class WebhookController {
  constructor(private readonly inbox: InboxService) {}

  @Post('stripe')
  @HttpCode(200)
  @Public()
  @RouteConfig({ rawBody: true })
  @ApiHeader({
    name: 'Stripe-Signature',
    required: true,
    description: "Stripe's signature of the body and the time.",
    schema: {
      type: 'string',
      example: 't=1776249000,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd',
    },
  })
  @ApiBody({
    schema: {
      type: 'object',
      example: {
        id: 'evt_1',
        object: 'event',
        type: 'checkout.session.completed',
        data: { object: { id: 'cs_test_a1b2c3' } },
      },
    },
  })
  @Endpoint({
    summary: 'Events of the payment provider',
    description:
      'For Stripe alone. 200 means that the event is stored or irrelevant; any other status asks Stripe to send it again. Without a signing secret the route answers 404.',
    answers: WebhookReceiptDto,
    errors: ['WEBHOOK_SIGNATURE_INVALID', 'NOT_FOUND', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'],
  })
  async receive(@Req() request: RawBodyRequest): Promise<{ data: WebhookReceiptDto }> {
    const { 'stripe-signature': signature } = request.headers;
    await this.inbox.receive(request.rawBody, typeof signature === 'string' ? signature : undefined);
    return { data: { received: true } };
  }
}
