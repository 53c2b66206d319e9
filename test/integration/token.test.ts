import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { type Server, startServer } from '../support/server.js';

const run = promisify(execFile);
const COMMAND = resolve('dist/commands/token.js');

describe('npm run token', () => {
  let server: Server;
  const elsewhere = mkdtempSync(join(tmpdir(), 'credits-token-'));
  const token = async (...args: string[]) =>
    (await run(process.execPath, [COMMAND, ...args], { cwd: server.directory, env: {} })).stdout;

  // Without a secret, so the server and the command have to agree on the generated one.
  beforeAll(async () => void (server = await startServer({ JWT_SECRET: undefined })));
  afterAll(async () => {
    await server?.stop();
    rmSync(elsewhere, { recursive: true, force: true });
  });

  it('prints a token and nothing else, which the server accepts', async () => {
    const printed = await token('--user', '42');
    expect(printed).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const client = server.client.as(printed.trim());
    expect((await client.get('/api/credits/balance', { account: 'user:42' })).status).toBe(200);
    expect((await client.get('/api/credits/balance', { account: 'user:43' })).status).toBe(403);
  });

  it('--org, --org-role, --admin and --expires do what they say', async () => {
    const args = ['--user', '42', '--org', '7', '--org-role', 'billing', '--admin', '--expires', '2d'];
    const printed = (await token(...args)).trim();
    const { sub, org_id, org_role, role, iat, exp } = decodeJwt(printed);
    expect({ sub, org_id, org_role, role, seconds: exp! - iat! }).toEqual({
      sub: '42',
      org_id: '7',
      org_role: 'billing',
      role: 'admin',
      seconds: 2 * 86_400,
    });
    expect((await server.client.as(printed).post('/api/credits/deposit', { amount: 1, description: 'x' })).status).toBe(
      201,
    );
  });

  it('one of another installation is refused, and the command warns of it where the server runs', async () => {
    const env = { HOST: '127.0.0.1', PORT: String(server.port) };
    const there = await run(process.execPath, [COMMAND, '--user', '42'], { cwd: elsewhere, env });
    expect((await server.client.as(there.stdout.trim()).get('/api/credits/balance')).status).toBe(401);
    expect(there.stderr).toContain(join(elsewhere, 'data/jwt-secret'));
    expect(there.stderr).toContain(`Warning: the token will be refused. The server at http://127.0.0.1:${server.port}`);
    const here = await run(process.execPath, [COMMAND, '--user', '42', '--admin'], { cwd: server.directory, env });
    expect(here.stderr).toMatch(/^For user 42, an administrator, for 1h; signed with the secret in .*jwt-secret\.\n$/);
  });

  it.each([
    [['--user', 'a b'], 'ASCII'],
    [['--user', '42', '--expires', '1h ago'], 'expired'],
  ])('%j warns that it will be refused', async (args, why) => {
    const { stdout, stderr } = await run(process.execPath, [COMMAND, ...args], { cwd: server.directory, env: {} });
    expect(stderr).toMatch(new RegExp(`Warning: the token will be refused.*${why}`));
    expect((await server.client.as(stdout.trim()).get('/api/credits/balance')).status).toBe(401);
  });

  it.each([
    [[]],
    [['--user']],
    [['--user', '1', '--nonsense']],
    [['--user', '1', '--expires', 'soon']],
    [['--user', '1', '--org-role', 'owner']],
    [['--user', '1', '--org', '7', '--org-role', 'boss']],
  ])('%j explains its use and ends with 1', async (args) => {
    await expect(token(...args)).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('npm run token -- --user'),
    });
  });

  it('does not mint where another issues the tokens', async () => {
    const env = { JWT_JWKS_URL: 'https://id.example.com/jwks' };
    await expect(run(process.execPath, [COMMAND, '--user', '42'], { env })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('JWT_SECRET'),
    });
  });
});
