import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '../support/client.js';
import { freePort } from '../support/server.js';
import { JWT_SECRET } from '../support/tokens.js';
import type { LoadMessage, LoadPlan, LoadResult } from './load.js';
import { cpuMicroseconds, LOAD_CORE, pinned, residentMegabytes, SERVER_CORE } from './machine.js';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
/** From here, because the servers run in directories of their own. */
const TSX = import.meta.resolve('tsx');
const READY_WITHIN_MS = 30_000;
const SAMPLE_MS = 250;

/** How each server is started. */
const COMMANDS = {
  lanes: [file('../../dist/main.js')],
  transaction: ['--import', TSX, file('baselines/same-stack.ts'), 'transaction'],
  mutex: ['--import', TSX, file('baselines/same-stack.ts'), 'mutex'],
  nothing: ['--import', TSX, file('baselines/same-stack.ts'), 'nothing'],
  textbook: ['--import', TSX, file('baselines/textbook.ts')],
} as const;

/** The lanes are the product as it is; the others are its baselines. */
export type Kind = keyof typeof COMMANDS;

/** A measurement of one server under one load. */
export interface Sample extends LoadResult {
  /** Processor time of the server per request. */
  readonly cpuUs: number | undefined;
  /** The most memory that it had resident. */
  readonly rssMb: number | undefined;
}

/** A server under test, in a process and a directory of its own. */
export class BenchServer {
  private constructor(
    private readonly process: ChildProcess,
    readonly port: number,
  ) {}

  /** Its log is the default, `info`, and goes to /dev/null. */
  static async start(kind: Kind, databaseUrl: string, directory: string): Promise<BenchServer> {
    mkdirSync(directory, { recursive: true });
    const port = await freePort();
    const [command, ...args] = pinned(SERVER_CORE, [process.execPath, ...COMMANDS[kind]]);
    const child = spawn(command, args, {
      cwd: directory,
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        PORT: String(port),
        DATABASE_URL: databaseUrl,
        JWT_SECRET,
        RATE_LIMIT_PER_MINUTE: '0',
        // The baselines' decorators are compiled by it, and tsx would look for it in the working directory.
        TSX_TSCONFIG_PATH: file('../../tsconfig.json'),
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const server = new BenchServer(child, port);
    await server.ready(kind);
    return server;
  }

  client(token?: string): Client {
    return new Client(`http://127.0.0.1:${this.port}`, token);
  }

  /**
   * Puts it under load.
   * @throws Error when the load generator could not do its work
   */
  async measure(plan: Omit<LoadPlan, 'port'>): Promise<Sample> {
    const [command, ...args] = pinned(LOAD_CORE, [process.execPath, '--import', TSX, file('load.ts')]);
    // JSON knows no NaN, which is the median of no answers.
    const load = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' });
    const { pid } = this.process;
    let [before, cpu]: [number | undefined, number | undefined] = [undefined, undefined];
    let rssMb: number | undefined;
    const sample = () => {
      const now = residentMegabytes(pid!);
      if (now !== undefined) rssMb = Math.max(rssMb ?? 0, now);
    };
    const sampling = setInterval(sample, SAMPLE_MS);
    try {
      const result = await new Promise<LoadResult>((done, failed) => {
        load.on('message', (message: LoadMessage) => {
          sample();
          if (message.event === 'result') return done(message.result);
          if (message.event === 'begin') before = cpuMicroseconds(pid!);
          else cpu = cpuMicroseconds(pid!);
        });
        load.once('exit', (code) => failed(new Error(`the load generator ended with ${code}`)));
        load.send({ ...plan, port: this.port } satisfies LoadPlan);
      });
      return {
        ...result,
        cpuUs: before === undefined || cpu === undefined ? undefined : (cpu - before) / result.answered,
        rssMb,
      };
    } finally {
      clearInterval(sampling);
      if (load.exitCode === null) load.kill();
    }
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill('SIGKILL');
    await once(this.process, 'exit');
  }

  private async ready(kind: Kind): Promise<void> {
    const [client, deadline] = [this.client(), Date.now() + READY_WITHIN_MS];
    while ((await client.get('/api/ready').catch(() => undefined))?.status !== 200) {
      if (this.process.exitCode !== null || Date.now() > deadline) {
        await this.stop();
        throw new Error(`the server "${kind}" did not get ready`);
      }
      await setTimeout(50);
    }
    client.close();
  }
}
