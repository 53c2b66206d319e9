import { PaymentCustomer, Purchase } from './checkout/index.js';
import { SandboxReversal, SandboxSession } from './provider/index.js';
import { Reconciliation } from './reconciliation/index.js';
import { PurchaseRefundRequest, PurchaseResolution } from './refunds/index.js';
import { WebhookEvent } from './settlement/index.js';

/** The entities of payments. */
export const PAYMENTS_ENTITIES = [
  Purchase,
  WebhookEvent,
  PurchaseRefundRequest,
  PurchaseResolution,
  PaymentCustomer,
  Reconciliation,
  SandboxSession,
  SandboxReversal,
];
