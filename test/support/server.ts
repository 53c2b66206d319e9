import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { Client } from './client.js';
import { JWT_SECRET, mintToken, type Who } from './tokens.js';

const MAIN = resolve('dist/main.js');
const CLOCK = pathToFileURL(resolve('test/support/clock.mjs')).href;
const PORT_ATTEMPTS = 5;

type Environment = Record<string, string | undefined>;

/** The address that several servers have in common, so that a replay repeats the links of an error. */
export const PUBLIC = { PUBLIC_URL: 'https://credits.example.com' };

/** A built server in a process and an empty working directory of its own. */
export class Server {
  /** Everything that it wrote, line by line. */
  readonly lines: string[] = [];
  /** Resolves with the exit code, or with the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Without a token. */
  readonly client: Client;
  private readonly watchers = new Set<() => void>();

  constructor(
    readonly process: ChildProcess,
    readonly port: number,
    readonly directory: string,
  ) {
    this.client = new Client(this.url);
    // Closed, not only exited: by then all that it wrote has been read.
    this.exited = once(process, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
    for (const stream of [process.stdout!, process.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        for (const watcher of this.watchers) watcher();
      });
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** A client with a token for somebody. */
  async clientFor(who: Who): Promise<Client> {
    return this.client.as(await mintToken(who));
  }

  /** Everything that it wrote. */
  get output(): string {
    return this.lines.join('\n');
  }

  /** Waits for a line among what it wrote and writes. */
  async line(matches: (line: string) => boolean): Promise<string> {
    return this.watch(() => this.lines.find(matches));
  }

  /** Waits until it answers `/api/ready` with 200, asking each time it writes something. */
  async ready(): Promise<void> {
    let ask: () => void;
    await new Promise<void>((done, failed) => {
      ask = () =>
        void this.client.get('/api/ready').then(
          ({ status }) => status === 200 && done(),
          () => undefined,
        );
      this.watchers.add(ask);
      if (this.lines.length > 0) ask();
      void this.exited.then((code) => failed(new StartFailed(code, this.output)));
    }).finally(() => this.watchers.delete(ask));
  }

  /** Sets its clock, from which time goes on. */
  async setClock(time: string): Promise<void> {
    this.process.send(Date.parse(time) - Date.now());
    await once(this.process, 'message');
  }

  /** Asks it to stop, by its own process id, and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill(signal);
    const code = await this.exited;
    this.client.close();
    rmSync(this.directory, { recursive: true, force: true });
    return code;
  }

  private watch<T>(look: () => T | undefined): Promise<T> {
    return new Promise((done, failed) => {
      const watcher = () => {
        const found = look();
        if (found === undefined) return;
        this.watchers.delete(watcher);
        done(found);
      };
      this.watchers.add(watcher);
      watcher();
      void this.exited.then(() =>
        failed(new Error(`the server ended before it wrote what was waited for:\n${this.output}`)),
      );
    });
  }
}

/** The server ended in place of getting ready. */
class StartFailed extends Error {
  constructor(
    readonly code: number | NodeJS.Signals,
    readonly output: string,
  ) {
    super(`the server ended with ${code} before it was ready:\n${output}`);
  }
}

/**
 * Starts `node dist/main.js` on a free loopback port and waits until it is ready. It sees nothing of our own
 * environment but PATH; its database is a new SQLite file unless `env` names one.
 * @param preload modules that it loads before its own, to make faults that a test can't make from outside
 * @throws StartFailed when it ends first
 */
export async function startServer(env: Environment = {}, preload: readonly string[] = []): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const server = await spawnServer(env, preload);
    try {
      await server.ready();
      return server;
    } catch (error) {
      await server.stop('SIGKILL');
      // Another process may have taken the free port in between.
      if (attempt === PORT_ATTEMPTS || !(error instanceof StartFailed && error.output.includes('EADDRINUSE')))
        throw error;
    }
  }
}

/** As `startServer`, without waiting for anything. */
export async function spawnServer(env: Environment = {}, preload: readonly string[] = []): Promise<Server> {
  const port = /^\d+$/.test(env['PORT'] ?? '') ? Number(env['PORT']) : await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'credits-server-'));
  const child = fork(MAIN, {
    cwd: directory,
    execArgv: [CLOCK, ...preload.map((module) => pathToFileURL(resolve(module)).href)].flatMap((module) => [
      '--import',
      module,
    ]),
    env: defined({
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: String(port),
      DATABASE_URL: `sqlite:${join(directory, 'credits.sqlite')}`,
      JWT_SECRET,
      RATE_LIMIT_PER_MINUTE: '0',
      ...env,
    }),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  return new Server(child, port, directory);
}

/**
 * A loopback port that was free a moment ago. It lies below those that the system gives to outgoing connections,
 * because a server that is killed and started again must find its port free, whatever connects meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer().listen(port, '127.0.0.1');
    const free = await once(probe, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    await new Promise((closed) => probe.close(closed));
    return port;
  }
}

function defined(env: Environment): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
}
