import { setTimeout } from 'node:timers/promises';

const FINISH_WITHIN_MS = 5_000;

/** How often a worker looks for work. */
export interface Pace {
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  /** Whether it also looks for work at the start. */
  readonly atStart?: boolean;
}

/** Recurring work. */
export interface Job {
  /** Does the due work, and returns true when more may be due. */
  readonly work: () => Promise<boolean | void>;
  /** Receives the error when it fails; it is tried again at the next look. */
  readonly failed: (error: Error) => void | Promise<void>;
}

/** Runs its jobs one after the other, and never two runs at once in this process. */
export class Worker {
  private timer?: NodeJS.Timeout;
  private running?: Promise<void>;
  private again = false;
  private stopped = true;

  constructor(
    private readonly pace: Pace,
    private readonly jobs: readonly Job[],
  ) {}

  start(): void {
    this.stopped = false;
    this.timer = setInterval(() => this.run(), this.pace.everyMs).unref();
    if (this.pace.atStart) this.run();
  }

  /** Looks for work now; during a run, once more after it. */
  kick(): void {
    this.again = true;
    this.run();
  }

  /**
   * Waits for the current run, but not for ever: work that hangs must not keep a process from stopping. Unfinished work
   * is taken up again later.
   */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await Promise.race([this.running, setTimeout(FINISH_WITHIN_MS, undefined, { ref: false })]);
  }

  private run(): void {
    if (!this.stopped) this.running ??= this.work();
  }

  private async work(): Promise<void> {
    do {
      this.again = false;
      for (const job of this.jobs) if (!this.stopped) this.again = (await this.attempt(job)) || this.again;
    } while (this.again && !this.stopped);
    this.running = undefined;
  }

  private async attempt({ work, failed }: Job): Promise<boolean> {
    try {
      return (await work()) === true;
    } catch (error) {
      await failed(error as Error);
      return false;
    }
  }
}
