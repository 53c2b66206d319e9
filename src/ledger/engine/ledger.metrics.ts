import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram } from 'prom-client';
import { Metrics } from '../../common/metrics/index.js';
import type { Answer } from '../domain/index.js';
import type { Answers, Submission } from './submission.js';

/** Metrics of the ledger. It is told of whole batches, so that a busy one costs little more than a quiet one. */
@Injectable()
export class LedgerMetrics {
  private readonly operations?: Counter<'operation' | 'result'>;
  private readonly batchSize?: Histogram;
  private readonly commitTime?: Histogram;
  private readonly failures?: Counter;

  constructor(private readonly metrics: Metrics) {
    if (!metrics.enabled) return;
    const registers = [metrics.registry];
    this.operations = new Counter({
      name: 'ledger_operations_total',
      help: 'Operations by what they came to: posted, held, claimed, refused, replayed, key-reused.',
      labelNames: ['operation', 'result'],
      registers,
    });
    this.batchSize = new Histogram({
      name: 'ledger_batch_operations',
      help: 'Operations in one transaction.',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
      registers,
    });
    this.commitTime = new Histogram({
      name: 'ledger_commit_seconds',
      help: 'From the beginning of a batch to its commit.',
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
      registers,
    });
    this.failures = new Counter({
      name: 'ledger_batch_failures_total',
      help: 'Batches that could not be committed.',
      registers,
    });
  }

  /** Shows how many operations wait, asked for when somebody looks. */
  watchQueue(length: () => number): void {
    if (!this.metrics.enabled) return;
    new Gauge({
      name: 'ledger_queue_operations',
      help: 'Operations that wait for their lane.',
      registers: [this.metrics.registry],
      collect() {
        this.set(length());
      },
    });
  }

  /** Times a batch and counts its operations by what they came to. */
  async measure(batch: readonly Submission[], commit: () => Promise<Answers>): Promise<Answers> {
    const begun = performance.now();
    try {
      const answers = await commit();
      if (this.metrics.enabled) this.count(batch, answers, performance.now() - begun);
      return answers;
    } catch (error) {
      this.failures?.inc();
      throw error;
    }
  }

  private count(batch: readonly Submission[], answers: Answers, milliseconds: number): void {
    this.batchSize!.observe(answers.reduce((sum, group) => sum + group.length, 0));
    this.commitTime!.observe(milliseconds / 1000);
    const counts = new Map<string, number>();
    batch.forEach(({ operations }, i) =>
      operations.forEach(({ scope }, j) => {
        const label = `${scope} ${resultOf(answers[i]![j]!)}`;
        counts.set(label, (counts.get(label) ?? 0) + 1);
      }),
    );
    for (const [label, count] of counts) {
      const [operation, result] = label.split(' ') as [string, string];
      this.operations!.inc({ operation, result }, count);
    }
  }
}

function resultOf(answer: Answer): string {
  if (answer.outcome === 'key-reused') return 'key-reused';
  return answer.replayed ? 'replayed' : answer.outcome.status;
}
