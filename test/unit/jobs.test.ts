import { describe, expect, it } from '@jest/globals';
import { Worker } from '../../src/common/jobs/worker.js';

/** So long that no look of its own comes while a test runs. */
const NEVER = { everyMs: 3_600_000 };

/** Work whose runs the test ends, one by one. */
function heldWork() {
  const ends: ((more: boolean) => void)[] = [];
  let told: () => void = () => undefined;
  const begun = async (runs: number) => {
    while (ends.length < runs) await new Promise<void>((next) => (told = next));
  };
  const work = () =>
    new Promise<boolean>((end) => {
      ends.push(end);
      told();
    });
  return { work, begun, end: (run: number, more = false) => ends[run - 1]!(more), runs: () => ends.length };
}

/** Long enough for whatever is already settled to be followed up. */
const settled = () => new Promise((done) => setImmediate(done));

describe('a worker', () => {
  it('does its job once at a time; all kicks of a run make one more', async () => {
    const { work, begun, end, runs } = heldWork();
    const worker = new Worker({ ...NEVER, atStart: true }, [{ work, failed: () => undefined }]);
    worker.start();
    await begun(1);
    worker.kick();
    worker.kick();
    await settled();
    expect(runs()).toBe(1);
    end(1);
    await begun(2);
    end(2);
    await settled();
    expect(runs()).toBe(2);
    await worker.stop();
  });

  it('goes on while there is more', async () => {
    const { work, begun, end, runs } = heldWork();
    const worker = new Worker({ ...NEVER, atStart: true }, [{ work, failed: () => undefined }]);
    worker.start();
    await begun(1);
    end(1, true);
    await begun(2);
    end(2);
    await settled();
    expect(runs()).toBe(2);
    await worker.stop();
  });

  it('tells a failure once, does its other jobs all the same, and tries again at the next look', async () => {
    const told: string[] = [];
    let tries = 0;
    const failing = {
      work: () => Promise.reject(new Error(`try ${++tries}`)),
      failed: ({ message }: Error) => void told.push(message),
    };
    const other = heldWork();
    const worker = new Worker(NEVER, [failing, { work: other.work, failed: () => undefined }]);
    worker.start();
    worker.kick();
    await other.begun(1);
    other.end(1);
    await settled();
    expect(told).toEqual(['try 1']);
    worker.kick();
    await other.begun(2);
    expect(told).toEqual(['try 1', 'try 2']);
    other.end(2);
    await worker.stop();
  });

  it('stops after the run under way, and begins nothing then', async () => {
    const { work, begun, end, runs } = heldWork();
    const worker = new Worker({ ...NEVER, atStart: true }, [{ work, failed: () => undefined }]);
    worker.start();
    await begun(1);
    worker.kick();
    let stopped = false;
    const stop = worker.stop().then(() => (stopped = true));
    await settled();
    expect(stopped).toBe(false);
    end(1, true);
    await stop;
    worker.kick();
    await settled();
    expect(runs()).toBe(1);
  });
});
