/** The answer to a webhook: the event is stored, or of no interest. */
export class WebhookReceiptDto {
  /** @example true */
  received: boolean;
}
