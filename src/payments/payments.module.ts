import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CreditsModule } from '../credits/index.js';
import { TokensModule } from '../tokens/index.js';
import {
  CheckoutService,
  CreditCheckoutController,
  CustomersService,
  Goods,
  PurchaseWriter,
  SessionsService,
  TokenCheckoutController,
} from './checkout/index.js';
import { PagesController } from './pages/index.js';
import { PAYMENTS_ENTITIES } from './payments.entities.js';
import { chosenProvider, SandboxController, SandboxProvider } from './provider/index.js';
import { Audit, PurchasesReconciler, ReconciliationSchedule, ReconciliationService } from './reconciliation/index.js';
import { PurchasesController, RefundsService, ResolutionsService, ResolutionStore } from './refunds/index.js';
import {
  InboxService,
  PaymentsMetrics,
  PurchasesService,
  SettlementService,
  WebhookController,
  WebhookEvents,
} from './settlement/index.js';

/** Purchases of credits and tokens, from the checkout to the grant and back. */
@Module({
  imports: [TypeOrmModule.forFeature(PAYMENTS_ENTITIES), CreditsModule, TokensModule],
  controllers: [
    CreditCheckoutController,
    TokenCheckoutController,
    PurchasesController,
    WebhookController,
    PagesController,
    SandboxController,
  ],
  providers: [
    SandboxProvider,
    chosenProvider,
    Goods,
    PurchaseWriter,
    CustomersService,
    SessionsService,
    CheckoutService,
    PaymentsMetrics,
    SettlementService,
    PurchasesService,
    WebhookEvents,
    InboxService,
    RefundsService,
    ResolutionStore,
    ResolutionsService,
    PurchasesReconciler,
    Audit,
    ReconciliationService,
    ReconciliationSchedule,
  ],
  exports: [TypeOrmModule, PurchasesService, ResolutionsService],
})
export class PaymentsModule {}
