import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { AdminOnly, CurrentPrincipal, type Principal } from '../auth/index.js';
import { type Answered, type CursorPage, Endpoint, type Idempotency, IdempotencyKey } from '../common/http/index.js';
import { AdminPurchaseDto, ResolutionsService, ResolvePurchaseDto } from '../payments/index.js';
import { AdminPurchasesQuery } from './purchases.dto.js';
import { PurchasesReader } from './purchases.reader.js';

@ApiTags('Admin: purchases')
@Controller('admin/purchases')
export class AdminPurchasesController {
  constructor(
    private readonly purchases: PurchasesReader,
    private readonly resolutions: ResolutionsService,
  ) {}

  @Get()
  @AdminOnly()
  @Endpoint({
    summary: 'Purchases of all accounts, the newest first',
    description:
      'As last settled. `status=review` lists those that wait for a person, with `review_reason`. The list goes on by `cursor`.',
    answers: AdminPurchaseDto,
    as: 'cursor',
    example: { status: 'review', kind: 'credits' },
    errors: ['FORBIDDEN'],
  })
  list(@Query() query: AdminPurchasesQuery): Promise<CursorPage<AdminPurchaseDto>> {
    return this.purchases.list(query);
  }

  @Post(':id/resolve')
  @HttpCode(200)
  @AdminOnly()
  @ApiParam({
    name: 'id',
    description: 'The id of the purchase.',
    example: 'pur_7d2f4b5f1c9a4e0f8a6b3c2d1e0f9a8b',
  })
  @Endpoint({
    summary: 'End the review of a purchase',
    description:
      'Once: a purchase that is not in review is a 409. `grant` grants what was bought, by the settlement that every payment goes through; where what was paid is not the price it needs `paid`, the sum that you have seen. `refund` gives the rest of the payment back and grants nothing. `dismiss` does neither. When the payment provider refuses the refund, the purchase is in review again. When it can not be reached, the answer is a 502 and the refund is made as soon as it can.',
    answers: AdminPurchaseDto,
    example: { status: 'paid', kind: 'credits', resolution: 'grant' },
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PAYMENT_PROVIDER_ERROR', 'PAYMENTS_NOT_CONFIGURED'],
    idempotent: true,
  })
  resolve(
    @CurrentPrincipal() who: Principal,
    @Param('id') id: string,
    @Body() wanted: ResolvePurchaseDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<AdminPurchaseDto>> {
    return this.resolutions.resolve(who, id, wanted, key);
  }
}
