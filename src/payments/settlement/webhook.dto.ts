/** The answer to a webhook: the event is stored or irrelevant. */
export class WebhookReceiptDto {
  /** @example true */
  received: boolean;
}
