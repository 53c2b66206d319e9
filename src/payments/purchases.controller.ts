import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { Authenticated, CurrentPrincipal, type Principal } from '../auth/index.js';
import { data, type Data, Endpoint, type Page } from '../common/http/index.js';
import { PurchaseDto, PurchasesQuery } from './payments.dto.js';
import { PurchasesService } from './purchases.service.js';

@ApiTags('Payments')
@Controller('payments/purchases')
export class PurchasesController {
  constructor(private readonly purchases: PurchasesService) {}

  @Get()
  @Authenticated()
  @Endpoint({ summary: 'Purchases, the newest first', answers: PurchaseDto, as: 'list', errors: ['FORBIDDEN'] })
  list(@CurrentPrincipal() who: Principal, @Query() query: PurchasesQuery): Promise<Page<PurchaseDto>> {
    return this.purchases.list(who, query);
  }

  @Get(':id')
  @Authenticated()
  @ApiParam({ name: 'id', example: 'pur_7d2f4b5f1c9a4e0f8a6b3c2d1e0f9a8b' })
  @Endpoint({
    summary: 'One purchase',
    description: 'An open purchase is first brought up to date with the payment provider, as far as that can be reached.',
    answers: PurchaseDto,
    errors: ['NOT_FOUND'],
  })
  get(@CurrentPrincipal() who: Principal, @Param('id') id: string): Promise<Data<PurchaseDto>> {
    return data(this.purchases.get(who, id));
  }
}
