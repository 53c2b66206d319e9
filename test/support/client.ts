import { Agent, type IncomingHttpHeaders, request as httpRequest } from 'node:http';

/** What a server answered. `body` is the parsed JSON, or undefined where the body is none. */
export interface Answer<T = any> {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: T;
}

/** What goes along with a request. */
export interface RequestOptions {
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, in place of `body`. */
  raw?: string | Buffer;
  query?: Record<string, string | number | undefined>;
  /** A header that is undefined is left out, also one that the client would have set itself. */
  headers?: Record<string, string | undefined>;
  /** The idempotency key. */
  key?: string;
}

/**
 * A client of one server with one token. Its connections are kept and not limited in number, so requests that start
 * together are under way together.
 */
export class Client {
  constructor(
    readonly baseUrl: string,
    private readonly token?: string,
    private readonly agent = new Agent({ keepAlive: true }),
  ) {}

  /** The same connections with another token. */
  as(token: string | undefined): Client {
    return new Client(this.baseUrl, token, this.agent);
  }

  get<T = any>(path: string, query?: RequestOptions['query']): Promise<Answer<T>> {
    return this.request('GET', path, { query });
  }

  post<T = any>(path: string, body?: unknown, options: Omit<RequestOptions, 'body'> = {}): Promise<Answer<T>> {
    return this.request('POST', path, { ...options, body });
  }

  /** @param path below the server's origin, such as `/api/credits/balance` */
  request<T = any>(
    method: string,
    path: string,
    { body, raw, query = {}, headers = {}, key }: RequestOptions = {},
  ): Promise<Answer<T>> {
    const url = new URL(path, this.baseUrl);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const sent: Record<string, string | undefined> = {
      ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
      ...(payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...headers,
    };
    const defined = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >;
    return new Promise((resolve, reject) => {
      const request = httpRequest(url, { method, headers: defined, agent: this.agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const json = /^application\/json/.test(response.headers['content-type'] ?? '');
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            text,
            body: (json ? JSON.parse(text) : undefined) as T,
          });
        });
      });
      request.on('error', reject);
      request.end(payload);
    });
  }

  /** Closes the kept connections. */
  close(): void {
    this.agent.destroy();
  }
}
