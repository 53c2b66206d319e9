import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** Stands between a server and its database, and can cut the line or swallow what the database answers. */
export class Proxy {
  private readonly sockets = new Set<Socket>();
  private open = true;
  /** Whether the database's answers are lost. */
  mute = false;
  private readonly unanswered = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private target: URL,
    private readonly alter: (greeting: Buffer) => void,
  ) {}

  /** @param alter changes in place what the database says first */
  static async to(url: string, alter: (greeting: Buffer) => void = () => undefined): Promise<Proxy> {
    const server = createServer((socket) => proxy.forward(socket));
    const proxy = new Proxy(server, new URL(url), alter);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** The target's URL with the proxy in its place. */
  get url(): string {
    const url = new URL(this.target);
    url.host = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return url.href;
  }

  /** Ends every connection and takes no new one. */
  cut(): void {
    this.open = false;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.open = true;
  }

  /** Leads new connections elsewhere; those that are there stay where they are. */
  follow(url: string): void {
    this.target = new URL(url);
  }

  /** Gives an error to all whose answers were lost, as if the database had sent it. */
  refuse(errno: number, message: string): void {
    const body = Buffer.concat([Buffer.from([0xff, errno & 0xff, errno >> 8]), Buffer.from(`#HY000${message}`)]);
    for (const socket of this.unanswered)
      socket.write(Buffer.concat([Buffer.from([body.length & 0xff, body.length >> 8, 0, 1]), body]));
    this.unanswered.clear();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((closed) => this.server.close(closed));
  }

  private forward(socket: Socket): void {
    if (!this.open) return void socket.destroy();
    const other = connect(Number(this.target.port || 3306), this.target.hostname);
    other.once('data', this.alter);
    for (const [from, to] of [
      [socket, other],
      [other, socket],
    ] as const) {
      this.sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
      from.on('data', (data) => {
        if (this.mute && from === other) this.unanswered.add(socket);
        else to.write(data);
      });
    }
  }
}
