import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { accountFor, actorOn, Authenticated, CurrentPrincipal, type Principal } from '../../auth/index.js';
import { type Answered, CarriesSecret, Endpoint, type Idempotency, IdempotencyKey } from '../../common/http/index.js';
import { CheckoutDto, CreditPurchaseDto, TokenCheckoutDto } from './checkout.dto.js';
import { CheckoutService } from './checkout.service.js';

const DESCRIPTION =
  'Send the buyer to `checkout_url`. The account is credited when the provider reports a complete payment, not when the buyer returns to the success page.';
const ERRORS = ['FORBIDDEN', 'CONFLICT', 'PAYMENT_PROVIDER_ERROR', 'PAYMENTS_NOT_CONFIGURED'] as const;

function buyer(who: Principal, named: string | undefined) {
  const account = accountFor(who, named);
  return { account, actor: actorOn(who, account) };
}

@ApiTags('Credits')
@Controller('credits')
export class CreditCheckoutController {
  constructor(private readonly checkout: CheckoutService) {}

  @Post('purchase')
  @HttpCode(201)
  @CarriesSecret()
  @Authenticated()
  @Endpoint({
    summary: 'Purchase a package of credits',
    description: DESCRIPTION,
    status: 201,
    answers: CheckoutDto,
    errors: ERRORS,
    idempotent: true,
  })
  purchase(
    @CurrentPrincipal() who: Principal,
    @Body() { package_id, account, ...returns }: CreditPurchaseDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<CheckoutDto>> {
    return this.checkout.open('credits', buyer(who, account), { item: package_id, ...returns }, key);
  }
}

@ApiTags('Tokens')
@Controller('tokens')
export class TokenCheckoutController {
  constructor(private readonly checkout: CheckoutService) {}

  @Post('checkout')
  @HttpCode(201)
  @CarriesSecret()
  @Authenticated()
  @Endpoint({
    summary: 'Purchase a plan of tokens',
    description: DESCRIPTION,
    status: 201,
    answers: CheckoutDto,
    errors: ERRORS,
    idempotent: true,
  })
  purchase(
    @CurrentPrincipal() who: Principal,
    @Body() { plan_id, account, ...returns }: TokenCheckoutDto,
    @IdempotencyKey() key: Idempotency,
  ): Promise<Answered<CheckoutDto>> {
    return this.checkout.open('tokens', buyer(who, account), { item: plan_id, ...returns }, key);
  }
}
