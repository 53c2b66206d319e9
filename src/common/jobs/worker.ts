import { setTimeout } from 'node:timers/promises';

const FINISH_WITHIN_MS = 5_000;

/** When a worker looks for work. */
export interface Pace {
  /** Milliseconds from one look to the next. */
  readonly everyMs: number;
  /** Whether it also looks at the start. */
  readonly atStart?: boolean;
}

/** Work that is done again and again. */
export interface Job {
  /** Does what is due, and returns true when more may be. */
  readonly work: () => Promise<boolean | void>;
  /** Is told why it has failed; it is tried again at the next look. */
  readonly failed: (error: Error) => void | Promise<void>;
}

/** Does its jobs one after the other, and never twice at once in this process. */
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

  /** Looks now; while a run is under way, once more after it. */
  kick(): void {
    this.again = true;
    this.run();
  }

  /**
   * Waits for the run under way, but not for ever: work that hangs keeps no process from stopping, and what is left
   * undone is taken up again.
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
