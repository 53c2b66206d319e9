import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AdminOnly, Authenticated, CurrentPrincipal, type Principal } from '../../auth/index.js';
import {
  type Answered,
  data,
  type Data,
  Endpoint,
  ExportEndpoint,
  type Idempotency,
  IdempotencyKey,
  type Page,
  sendExport,
} from '../../common/http/index.js';
import { PurchaseDto, PurchasesExportQuery, PurchasesQuery } from '../checkout/index.js';
import { PurchasesService } from '../settlement/index.js';
import { RefundDto, RefundPurchaseDto } from './refunds.dto.js';
import { RefundsService } from './refunds.service.js';

const PurchaseId = () =>
  ApiParam({ name: 'id', description: 'The id of the purchase.', example: 'pur_7d2f4b5f1c9a4e0f8a6b3c2d1e0f9a8b' });

const PAID = { status: 'paid', kind: 'credits', paid_at: '2026-04-15T10:30:00.000Z' };

@ApiTags('Payments')
@Controller('payments/purchases')
export class PurchasesController {
  constructor(
    private readonly purchases: PurchasesService,
    private readonly refunds: RefundsService,
  ) {}

  @Get()
  @Authenticated()
  @Endpoint({
    summary: 'Purchases, the newest first',
    description: 'The purchases of one account, as last settled; `status` narrows the list.',
    answers: PurchaseDto,
    example: PAID,
    as: 'list',
    errors: ['FORBIDDEN'],
  })
  list(@CurrentPrincipal() who: Principal, @Query() query: PurchasesQuery): Promise<Page<PurchaseDto>> {
    return this.purchases.list(who, query);
  }

  @Get('export')
  @Authenticated()
  @ExportEndpoint({
    summary: 'Purchases as a file',
    description: 'The purchases of one account, the newest first; `status`, `from` and `to` narrow them.',
    answers: PurchaseDto,
  })
  async export(
    @CurrentPrincipal() who: Principal,
    @Query() query: PurchasesExportQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await sendExport(reply, query.format, this.purchases.export(who, query));
  }

  @Get(':id')
  @Authenticated()
  @PurchaseId()
  @Endpoint({
    summary: 'One purchase',
    description: 'An unfinished purchase is settled with the payment provider first, if the provider can be reached.',
    answers: PurchaseDto,
    example: PAID,
    errors: ['NOT_FOUND'],
  })
  get(@CurrentPrincipal() who: Principal, @Param('id') id: string): Promise<Data<PurchaseDto>> {
    return data(this.purchases.get(who, id));
  }

  @Post(':id/refund')
  @HttpCode(201)
  @AdminOnly()
  @PurchaseId()
  @Endpoint({
    summary: 'Refund a purchase',
    description:
      'Gives money back through the payment provider. The same share of the credits or tokens, and of the bonus, is taken back, even if they are already spent: the balance can fall below zero, and then nothing can be spent until it is covered.',
    status: 201,
    answers: RefundDto,
    example: { reason: 'requested_by_customer' },
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PAYMENT_PROVIDER_ERROR', 'PAYMENTS_NOT_CONFIGURED'],
    idempotent: true,
  })
  refund(
    @CurrentPrincipal() who: Principal,
    @Param('id') id: string,
    @Body() wanted: RefundPurchaseDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<RefundDto>> {
    return this.refunds.refund(who, id, wanted, key);
  }
}
