import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Counter, Gauge } from 'prom-client';
import { IsNull, type Repository } from 'typeorm';
import { Metrics } from '../../common/metrics/index.js';
import { Purchase, PURCHASE_STATUSES } from '../checkout/index.js';
import { type EventOutcome, WebhookEvent } from './webhook-event.entity.js';

/**
 * The metrics of payments. The states of purchases and the inbox come from the database, so every process shows the
 * same.
 */
@Injectable()
export class PaymentsMetrics {
  private readonly outcomes?: Counter<'outcome'>;
  private readonly found?: Counter<'kind'>;

  constructor(
    { enabled, registry }: Metrics,
    @InjectRepository(Purchase) purchases: Repository<Purchase>,
    @InjectRepository(WebhookEvent) events: Repository<WebhookEvent>,
  ) {
    if (!enabled) return;
    const registers = [registry];
    this.outcomes = new Counter({
      name: 'payments_events_total',
      help: 'Events that this process has finished: settled, ignored, unmatched, failed; put-off counts each failed attempt.',
      labelNames: ['outcome'],
      registers,
    });
    this.found = new Counter({
      name: 'payments_reconciliation_total',
      help: 'Changes made and problems found by scheduled reconciliation in this process.',
      labelNames: ['kind'],
      registers,
    });
    new Gauge({
      name: 'payments_purchases',
      help: 'Purchases by state.',
      labelNames: ['status'],
      registers,
      async collect() {
        const sql = 'SELECT status, COUNT(*) AS count FROM purchase GROUP BY status';
        const rows = await purchases.query<{ status: string; count: string | number }[]>(sql);
        const counts = new Map(rows.map(({ status, count }) => [status, Number(count)]));
        for (const status of PURCHASE_STATUSES) this.set({ status }, counts.get(status) ?? 0);
      },
    });
    new Gauge({
      name: 'payments_events_unprocessed',
      help: 'Events in the inbox that are not finished.',
      registers,
      async collect() {
        this.set(await events.countBy({ processedAt: IsNull() }));
      },
    });
    new Gauge({
      name: 'payments_oldest_unprocessed_event_seconds',
      help: 'The age of the oldest unfinished event; 0 when there is none.',
      registers,
      async collect() {
        const oldest = await events.minimum('receivedAt', { processedAt: IsNull() });
        this.set(oldest === null ? 0 : (Date.now() - Number(oldest)) / 1000);
      },
    });
  }

  workedOff(outcome: EventOutcome | 'put-off'): void {
    this.outcomes?.inc({ outcome });
  }

  reconciled(changes: number, problems: number): void {
    this.found?.inc({ kind: 'change' }, changes);
    this.found?.inc({ kind: 'problem' }, problems);
  }
}
