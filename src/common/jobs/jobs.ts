import { Global, Injectable, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type Job, type Pace, Worker } from './worker.js';

/** The work that a server does by itself, from its start to its end. */
@Injectable()
export class Jobs implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly workers: Worker[] = [];

  constructor(private readonly host: HttpAdapterHost) {}

  /** Whether jobs run in this process. A command has no server, and runs none. */
  get areDone(): boolean {
    return Boolean(this.host.httpAdapter);
  }

  /** Adds a worker for these jobs; it starts with the server. */
  add(pace: Pace, ...jobs: readonly Job[]): Worker {
    const worker = new Worker(pace, jobs);
    this.workers.push(worker);
    return worker;
  }

  onApplicationBootstrap(): void {
    if (this.areDone) for (const worker of this.workers) worker.start();
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }
}

/** Provides `Jobs`. */
@Global()
@Module({ providers: [Jobs], exports: [Jobs] })
export class JobsModule {}
