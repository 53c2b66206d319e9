import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Server, startServer } from '../support/server.js';
import { mintToken } from '../support/tokens.js';
import { newName } from '../support/words.js';

/** The folder of `openapi-python-client` and of a Python that has what its clients import. */
const PYTHON = process.env['TEST_PYTHON_BIN'];

/** The programs of docs/clients.md, by the generators that they name. */
const PROGRAMS = new Map(
  [...readFileSync('docs/clients.md', 'utf8').matchAll(/^## \w+: `(.+?)`.*?^```\w+\n(.+?)^```/gms)].map(
    ([, generator, program]) => [generator!, program!],
  ),
);

/** The lines that each of them writes. */
const WRITTEN = [
  'deposited 10',
  'balance 7.5',
  'shortfall 92.5',
  'purchase open',
  'entry 1 deposit 10',
  'entry 2 debit -2.5',
];

const run = async (command: string, args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) => {
  try {
    return (await promisify(execFile)(command, args, options)).stdout;
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { stdout: string; stderr: string };
    throw new Error(`${message}\n${stdout}\n${stderr}`);
  }
};
const tool = (path: string) => resolve('node_modules', path);

describe('clients made from the document', () => {
  let server: Server;
  let folder: string;
  let document: string;

  beforeAll(async () => {
    server = await startServer();
    // Within the project, for its packages.
    mkdirSync('.tmp', { recursive: true });
    folder = mkdtempSync(resolve('.tmp/clients-'));
    document = join(folder, 'openapi.json');
    writeFileSync(document, (await server.client.get('/api/docs/openapi.json')).text);
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a program for a new customer and returns what it wrote. */
  async function use(command: string, args: string[], cwd: string): Promise<string[]> {
    const sub = newName();
    const env = {
      ...process.env,
      CREDITS_URL: server.url,
      ADMIN_TOKEN: await mintToken({ sub: 'root', admin: true }),
      TOKEN: await mintToken({ sub }),
      ACCOUNT: `user:${sub}`,
    };
    return (await run(command, args, { cwd, env })).trim().split('\n');
  }

  /** Compiles a program as strictly as its makers may, and runs it. */
  async function useTypeScript(generator: string, cwd: string): Promise<string[]> {
    writeFileSync(join(cwd, 'program.ts'), PROGRAMS.get(generator)!);
    writeFileSync(
      join(cwd, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noUncheckedIndexedAccess: true,
          noEmit: true,
          target: 'es2023',
          lib: ['es2023', 'dom', 'dom.iterable'],
          module: 'esnext',
          moduleResolution: 'bundler',
          types: ['node'],
          skipLibCheck: true,
        },
        include: ['.'],
      }),
    );
    writeFileSync(join(cwd, 'package.json'), '{ "type": "module" }');
    await run(process.execPath, [tool('typescript/bin/tsc'), '--project', cwd]);
    return use(process.execPath, [tool('tsx/dist/cli.mjs'), 'program.ts'], cwd);
  }

  const place = (name: string) => {
    const path = join(folder, name);
    mkdirSync(path);
    return path;
  };

  it('uses no cast', () => {
    expect([...PROGRAMS.keys()]).toEqual(['@hey-api/openapi-ts', 'openapi-typescript', 'openapi-python-client']);
    for (const program of PROGRAMS.values()) expect(program).not.toMatch(/ as (?!\()|\bany\b|cast\(|!\.|ts-/);
  });

  it('@hey-api/openapi-ts', async () => {
    const cwd = place('hey-api');
    await run(process.execPath, [tool('@hey-api/openapi-ts/bin/run.js'), '-i', document, '-o', join(cwd, 'client')]);
    expect(await useTypeScript('@hey-api/openapi-ts', cwd)).toEqual(WRITTEN);
  });

  it('openapi-typescript with openapi-fetch', async () => {
    const cwd = place('openapi-fetch');
    await run(process.execPath, [tool('openapi-typescript/bin/cli.js'), document, '-o', join(cwd, 'schema.ts')]);
    expect(await useTypeScript('openapi-typescript', cwd)).toEqual(WRITTEN);
  });

  const inPython = PYTHON ? it : it.skip;
  inPython(`openapi-python-client${PYTHON ? '' : ': SKIPPED, because TEST_PYTHON_BIN names no folder'}`, async () => {
    const cwd = place('python');
    const client = join(cwd, 'credits_client');
    const made = ['generate', '--path', document, '--meta', 'none', '--output-path', client, '--fail-on-warning'];
    const env = { ...process.env, PATH: `${PYTHON}:${process.env['PATH']}` };
    await run(join(PYTHON!, 'openapi-python-client'), made, { env });
    writeFileSync(join(cwd, 'program.py'), PROGRAMS.get('openapi-python-client')!);
    expect(await use(join(PYTHON!, 'python'), ['program.py'], cwd)).toEqual(WRITTEN);
  });
});
