import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { describeWithBinaries } from '../support/binaries.js';
import { type OwnServer, ownMariadb } from '../support/own-database.js';
import { startServer } from '../support/server.js';

const run = promisify(execFile);
const START_MS = 120_000;

/** A certificate authority of the test's own, and one certificate that the server shows. */
class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), 'credits-tls-'));
  readonly ca = this.file('ca.pem');
  readonly other = this.file('other.pem');
  readonly key = this.file('server-key.pem');
  readonly certificate = this.file('server.pem');

  file(name: string): string {
    return join(this.directory, name);
  }

  async found(): Promise<void> {
    for (const name of ['ca', 'other'])
      await this.openssl(
        'req',
        '-x509',
        ...newKey(this.file(`${name}-key.pem`)),
        '-out',
        this.file(`${name}.pem`),
        '-subj',
        `/CN=${name}`,
        '-days',
        '2',
      );
  }

  /** Makes the server's certificate, for a name. */
  async certify(host: string): Promise<void> {
    const [request, extensions] = [this.file('request.pem'), this.file('extensions')];
    writeFileSync(extensions, `subjectAltName=DNS:${host}`);
    await this.openssl('req', ...newKey(this.key), '-out', request, '-subj', `/CN=${host}`);
    const signer = ['-CA', this.ca, '-CAkey', this.file('ca-key.pem'), '-CAcreateserial'];
    await this.openssl(
      'x509',
      '-req',
      '-in',
      request,
      ...signer,
      '-out',
      this.certificate,
      '-days',
      '2',
      '-extfile',
      extensions,
    );
  }

  private openssl(...args: string[]): Promise<unknown> {
    return run('openssl', args);
  }
}

const newKey = (file: string) => [
  '-newkey',
  'ec',
  '-pkeyopt',
  'ec_paramgen_curve:prime256v1',
  '-nodes',
  '-keyout',
  file,
];

describeWithBinaries('TLS to the database', ['mariadbd', 'openssl'], () => {
  const authority = new Authority();
  let database: OwnServer;

  /** What the URL's parameters lead to: `npm run migrate` opens the database as the server does, but once. */
  const reach = (parameters: string) =>
    run(process.execPath, [resolve('dist/commands/migrate.js')], {
      cwd: authority.directory,
      env: { DATABASE_URL: urlWith(parameters) },
    }).then(
      () => 'reached',
      ({ stderr }: { stderr: string }) => stderr,
    );
  const urlWith = (parameters: string) => database.url.replace('127.0.0.1', 'localhost') + parameters;
  const admin = async (statement: string) => {
    const connection = await createConnection({ uri: database.url, ssl: { rejectUnauthorized: false } });
    try {
      await connection.query(statement);
    } finally {
      await connection.end();
    }
  };

  beforeAll(async () => {
    await authority.found();
    await authority.certify('db.example.com');
    database = await ownMariadb(`--ssl-cert=${authority.certificate}`, `--ssl-key=${authority.key}`);
    await admin('SET GLOBAL require_secure_transport = ON');
  }, START_MS);
  afterAll(async () => {
    await database?.remove();
    rmSync(authority.directory, { recursive: true, force: true });
  }, START_MS);

  it('without ssl the server that requires it refuses', async () => {
    expect(await reach('')).toMatch(/insecure transport|Access denied/i);
  });

  it('ssl=required encrypts, and trusts any certificate', async () => {
    expect(await reach('?ssl=required')).toBe('reached');
  });

  it('ssl=verify_ca wants one of the authority, whatever its name', async () => {
    expect(await reach(`?ssl=verify_ca&ssl_ca=${authority.ca}`)).toBe('reached');
    expect(await reach(`?ssl=verify_ca&ssl_ca=${authority.other}`)).toMatch(/certificate/i);
    expect(await reach('?ssl=verify_ca')).toMatch(/certificate/i);
  });

  it('ssl=verify_identity wants the name of the host, too', async () => {
    const identity = `?ssl=verify_identity&ssl_ca=${authority.ca}`;
    expect(await reach(identity)).toMatch(/db\.example\.com/);
    await authority.certify('localhost');
    await admin('FLUSH SSL');
    expect(await reach(identity)).toBe('reached');
    expect(await reach(`?ssl=verify_identity&ssl_ca=${authority.other}`)).toMatch(/certificate/i);
  });

  it('the server works over it', async () => {
    const server = await startServer({ DATABASE_URL: urlWith(`?ssl=verify_identity&ssl_ca=${authority.ca}`) });
    try {
      const client = await server.clientFor({ sub: 'root', admin: true });
      expect((await client.post('/api/credits/deposit', { amount: 1, description: 'over TLS' })).status).toBe(201);
      expect((await client.get('/api/credits/balance')).body.data.balance).toBe(1);
    } finally {
      await server.stop();
    }
  });
});
