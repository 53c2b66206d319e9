// The load generator, a process of its own: takes a LoadPlan over IPC, says when its measured time begins and ends, and
// answers with a LoadResult.
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { KEY_PLACEHOLDER } from './requests.js';

/**
 * What to send, and for how long. Each connection has one request under way and sends the next as soon as it is
 * answered.
 */
export interface LoadPlan {
  readonly port: number;
  readonly connections: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Whole HTTP requests, of which each is drawn as often as any other … */
  readonly requests: readonly string[];
  /** … but for this share of them, which is the first one. */
  readonly firstShare?: number;
}

/** What came of it. */
export interface LoadResult {
  /** Requests answered in the measured time, and that time. */
  readonly answered: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** All answers by status, the warm-up's included. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests that never had an answer: the connection broke, or waited in vain. */
  readonly unanswered: number;
  /** The share of the measured time in which this process had the processor; near 1 it is what limits. */
  readonly busy: number;
}

export type LoadMessage =
  { readonly event: 'begin' | 'end' } | { readonly event: 'result'; readonly result: LoadResult };

const CONNECT_AT_ONCE = 100;
const LAST_ANSWERS_WITHIN_MS = 60_000;
/** All connections read into it in turn: what was read is looked at before anything else is. */
const BUFFER = Buffer.allocUnsafeSlow(256 * 1024);

class Load {
  readonly statuses: Record<string, number> = {};
  answered = 0;
  latencies: number[] = [];
  underWay = 0;
  unanswered = 0;
  stopped = false;
  private keys = 0;

  constructor(private readonly plan: LoadPlan) {}

  next(): string {
    const { requests, firstShare = 0 } = this.plan;
    const request = requests[Math.random() < firstShare ? 0 : Math.floor(Math.random() * requests.length)]!;
    return request.replace(KEY_PLACEHOLDER, () => `${process.pid}-${Date.now().toString(36)}-${this.keys++}`);
  }
}

/** One keep-alive connection. It looks at the status and the length of an answer, not at its body. */
class Connection {
  private socket: Socket;
  private sentAt = 0;
  private missing = 0;
  private waiting = false;

  constructor(private readonly load: Load) {}

  open(port: number): Promise<void> {
    return new Promise((opened, failed) => {
      const onread = { buffer: BUFFER, callback: (length: number) => this.read(length) };
      this.socket = connect({ host: '127.0.0.1', port, noDelay: true, onread }, opened);
      this.socket.on('error', failed);
      this.socket.on('close', () => this.lost());
    });
  }

  send(): void {
    this.waiting = true;
    this.load.underWay += 1;
    this.sentAt = performance.now();
    this.socket.write(this.load.next(), 'latin1');
  }

  close(): void {
    this.socket.destroy();
  }

  private read(length: number): boolean {
    this.missing = this.missing > 0 ? this.missing - length : this.begin(length);
    if (this.missing === 0) this.done();
    return true;
  }

  /** The head of an answer is small and comes in one piece. */
  private begin(length: number): number {
    const end = BUFFER.subarray(0, length).indexOf('\r\n\r\n');
    const head = BUFFER.toString('latin1', 0, end);
    const body = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    if (end < 0 || body === undefined)
      throw new Error(`an answer that this client can't read: ${BUFFER.toString('latin1', 0, length)}`);
    const status = head.slice(9, 12);
    this.load.statuses[status] = (this.load.statuses[status] ?? 0) + 1;
    return end + 4 + Number(body) - length;
  }

  private done(): void {
    this.waiting = false;
    this.load.underWay -= 1;
    this.load.answered += 1;
    this.load.latencies.push(performance.now() - this.sentAt);
    if (!this.load.stopped) this.send();
  }

  private lost(): void {
    if (!this.waiting) return;
    this.waiting = false;
    this.load.underWay -= 1;
    this.load.unanswered += 1;
  }
}

async function run(plan: LoadPlan): Promise<LoadResult> {
  const load = new Load(plan);
  const connections = Array.from({ length: plan.connections }, () => new Connection(load));
  for (let i = 0; i < connections.length; i += CONNECT_AT_ONCE)
    await Promise.all(connections.slice(i, i + CONNECT_AT_ONCE).map((connection) => connection.open(plan.port)));
  for (const connection of connections) connection.send();

  await setTimeout(plan.warmupSeconds * 1000);
  tell({ event: 'begin' });
  load.answered = 0;
  load.latencies = [];
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  await setTimeout(plan.seconds * 1000);
  const [elapsed, used] = [performance.now() - began, process.cpuUsage(cpu)];
  tell({ event: 'end' });
  const { answered } = load;
  const sorted = Float64Array.from(load.latencies).sort();
  load.stopped = true;

  const deadline = performance.now() + LAST_ANSWERS_WITHIN_MS;
  while (load.underWay > 0 && performance.now() < deadline) await setTimeout(10);
  const result: LoadResult = {
    answered,
    seconds: elapsed / 1000,
    p50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? NaN,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
    statuses: load.statuses,
    unanswered: load.unanswered + load.underWay,
    busy: (used.user + used.system) / 1000 / elapsed,
  };
  for (const connection of connections) connection.close();
  return result;
}

function tell(message: LoadMessage): void {
  process.send?.(message);
}

process.once('message', (plan: LoadPlan) => {
  run(plan).then(
    (result) => {
      tell({ event: 'result', result });
      process.disconnect();
    },
    (error: Error) => {
      process.stderr.write(`${error.stack}\n`);
      process.exit(1);
    },
  );
});
