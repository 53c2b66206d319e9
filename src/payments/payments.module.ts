import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Config } from '../common/config/index.js';
import { CreditsModule } from '../credits/index.js';
import { TokensModule } from '../tokens/index.js';
import { CreditCheckoutController, TokenCheckoutController } from './checkout.controller.js';
import { CheckoutService } from './checkout.service.js';
import { CustomersService } from './customers.service.js';
import { InboxService } from './inbox.service.js';
import { PagesController } from './pages.controller.js';
import { PAYMENTS_ENTITIES } from './payments.entities.js';
import { PaymentsMetrics } from './payments.metrics.js';
import { PAYMENT_PROVIDER, type PaymentProvider } from './provider.js';
import { PurchasesController } from './purchases.controller.js';
import { PurchasesService } from './purchases.service.js';
import { ReconciliationService } from './reconciliation.service.js';
import { RefundsService } from './refunds.service.js';
import { SandboxProvider } from './sandbox.provider.js';
import { SettlementService } from './settlement.service.js';
import { StripeProvider } from './stripe.provider.js';
import { WebhookController } from './webhook.controller.js';

/** Purchases of credits and tokens, from the checkout to the grant. */
@Module({
  imports: [TypeOrmModule.forFeature(PAYMENTS_ENTITIES), CreditsModule, TokensModule],
  controllers: [CreditCheckoutController, TokenCheckoutController, PurchasesController, WebhookController, PagesController],
  providers: [
    SandboxProvider,
    { provide: PAYMENT_PROVIDER, useFactory: chooseProvider, inject: [Config, SandboxProvider] },
    PaymentsMetrics,
    CustomersService,
    CheckoutService,
    SettlementService,
    InboxService,
    PurchasesService,
    RefundsService,
    ReconciliationService,
  ],
})
export class PaymentsModule {}

function chooseProvider({ payments }: Config, sandbox: SandboxProvider): PaymentProvider | null {
  if (payments.provider === 'sandbox') return sandbox;
  return payments.provider === 'stripe' && payments.stripeKey
    ? new StripeProvider(payments.stripeKey, payments.webhookSecrets, payments.stripeApiBase)
    : null;
}
