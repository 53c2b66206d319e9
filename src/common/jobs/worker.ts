import { setTimeout } from 'node:timers/promises';

const FINISH_WITHIN_MS = 5_000;

/** Work that is done again and again. */
export interface Job {
  /** Milliseconds from one look at it to the next. */
  readonly everyMs: number;
  /** Whether it is also done at the start. */
  readonly atStart?: boolean;
  /** Does what is due, and returns true when more may be. */
  readonly work: () => Promise<boolean | void>;
  /** Is told why a run has failed; the next one comes all the same. */
  readonly failed: (error: Error) => void;
}

/** Does one job, one run at a time in this process. */
export class Worker {
  private timer?: NodeJS.Timeout;
  private running?: Promise<void>;
  private again = false;
  private stopped = true;

  constructor(private readonly job: Job) {}

  /** Whether it has been told to stop, so that a long run can end between two steps. */
  get isStopped(): boolean {
    return this.stopped;
  }

  start(): void {
    this.stopped = false;
    this.timer = setInterval(() => this.run(), this.job.everyMs).unref();
    if (this.job.atStart) this.run();
  }

  /** Does the job now; while a run is under way, once more after it. */
  kick(): void {
    this.again = true;
    this.run();
  }

  /** Waits for the run under way, but not for ever: work that hangs keeps no process from stopping, and what is left undone is taken up again. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await Promise.race([this.running, setTimeout(FINISH_WITHIN_MS, undefined, { ref: false })]);
  }

  private run(): void {
    if (!this.stopped) this.running ??= this.work();
  }

  private async work(): Promise<void> {
    try {
      for (let more = true; more && !this.stopped;) {
        this.again = false;
        more = (await this.job.work()) === true || this.again;
      }
    } catch (error) {
      this.job.failed(error as Error);
    } finally {
      this.running = undefined;
    }
  }
}
