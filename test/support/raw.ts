import { connect, type Socket } from 'node:net';

/** A connection on which a test writes bytes as they are. */
export class RawConnection {
  /** Everything that the server sent. */
  text = '';
  /** Resolves with it when the connection has ended, by whichever side. */
  readonly closed: Promise<string>;
  private readonly socket: Socket;

  constructor(port: number, first = '') {
    this.socket = connect(port, '127.0.0.1');
    this.send(first);
    this.socket.setEncoding('utf8').on('error', () => undefined);
    this.socket.on('data', (chunk: string) => (this.text += chunk));
    this.closed = new Promise((closed) => this.socket.on('close', () => closed(this.text)));
  }

  send(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** Ends it without a word. */
  hangUp(): void {
    this.socket.destroy();
  }

  /** Waits for a whole answer, and takes it off what was received. */
  async answer(): Promise<RawAnswer> {
    for (;;) {
      const [head, body] = split(this.text);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? NaN);
      if (Buffer.byteLength(body) >= length) {
        this.text = body.slice(length);
        return parseAnswer(`${head}\r\n\r\n${body.slice(0, length)}`);
      }
      await new Promise<void>((more, failed) => {
        this.socket.once('data', () => more());
        this.socket.once('close', () => failed(new Error(`the connection ended after: ${this.text}`)));
      });
    }
  }
}

interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: any;
}

/** An answer of which the whole text is known. */
export function parseAnswer(text: string): RawAnswer {
  const [head, body] = split(text);
  return { status: Number(head.split(' ')[1]), head, body: body ? (JSON.parse(body) as unknown) : undefined };
}

/** The lines of a request's head. */
export function head(line: string, headers: Record<string, string | number | undefined> = {}): string {
  const lines = Object.entries({ Host: 'localhost', ...headers }).filter(([, value]) => value !== undefined);
  return `${line} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

function split(text: string): [string, string] {
  const end = text.indexOf('\r\n\r\n');
  return end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 4)];
}
