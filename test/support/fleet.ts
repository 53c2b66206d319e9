import { Random } from './random.js';
import { PUBLIC, type Server, startServer } from './server.js';

/** The servers of one database, of which any may be gone at any time. */
export class Fleet {
  /** Those that take requests. */
  readonly alive: Server[] = [];
  /** Everything that servers wrote which are gone. */
  output = '';
  private someone: { back: Promise<void>; tell: () => void } | undefined;

  constructor(
    private readonly env: Record<string, string>,
    private readonly preload: readonly string[] = [],
  ) {}

  /** @param envs for each of these alone */
  async start(count = 1, envs: readonly Record<string, string>[] = []): Promise<void> {
    const starting = Array.from({ length: count }, (_, i) =>
      startServer({ ...PUBLIC, ...this.env, ...envs[i] }, this.preload),
    );
    for (const server of await Promise.all(starting)) this.add(server);
  }

  /** Any that is there; waits while none is. */
  async any(random: Random): Promise<Server> {
    while (this.alive.length === 0) {
      if (!this.someone) {
        let tell = () => undefined as void;
        this.someone = { back: new Promise((done) => (tell = done)), tell: () => tell() };
      }
      await this.someone.back;
    }
    return random.of(this.alive);
  }

  /** Ends the one that has been there longest. */
  async end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    const server = this.alive.shift()!;
    const ended = await server.stop(signal);
    this.output += server.output;
    return ended;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const ending = [];
    while (this.alive.length > 0) ending.push(this.end(signal));
    await Promise.all(ending);
  }

  private add(server: Server): void {
    this.alive.push(server);
    this.someone?.tell();
    this.someone = undefined;
  }
}
