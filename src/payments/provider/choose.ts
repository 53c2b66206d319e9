import type { FactoryProvider } from '@nestjs/common';
import { Config } from '../../common/config/index.js';
import { PAYMENT_PROVIDER, type PaymentProvider } from './payment-provider.js';
import { SandboxProvider } from './sandbox/index.js';
import { StripeProvider } from './stripe/index.js';

/** The payment provider of this process, chosen by the configuration. */
export const chosenProvider: FactoryProvider<PaymentProvider | null> = {
  provide: PAYMENT_PROVIDER,
  inject: [Config, SandboxProvider],
  useFactory: ({ payments }: Config, sandbox: SandboxProvider) => {
    if (payments.provider === 'sandbox') return sandbox;
    return payments.provider === 'stripe' && payments.stripeKey
      ? new StripeProvider(payments.stripeKey, payments.webhookSecrets, payments.stripeApiBase)
      : null;
  },
};
