import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from '@jest/globals';
import type { DataSource, DataSourceOptions } from 'typeorm';
import type { DatabaseConfig } from '../../src/common/config/index.js';
import { dataSourceOptions, newDataSource } from '../../src/common/database/index.js';
import { MIGRATIONS } from '../../src/migrations.js';
import type { TestDatabase } from './databases.js';

/** What a command of `dist` came to. */
export interface CommandResult {
  code: number;
  output: string;
}

/** Runs `ledger:verify` or `ledger:rebuild-totals` as they are built. */
export async function ledgerCommand(
  name: 'verify' | 'rebuild-totals',
  { url }: Pick<TestDatabase, 'url'>,
  ...args: string[]
): Promise<CommandResult> {
  const cwd = mkdtempSync(join(tmpdir(), 'credits-command-'));
  try {
    return await new Promise((done) =>
      execFile(
        process.execPath,
        [resolve(`dist/commands/${name}.js`), ...args],
        { cwd, env: { PATH: process.env['PATH'], DATABASE_URL: url } },
        (error, stdout, stderr) =>
          done({
            code: error ? Number(error.code ?? -1) : 0,
            output: (stdout + stderr).replace(/^Database: .*\n/, ''),
          }),
      ),
    );
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** The verifier finds nothing, and there was something to look at. */
export async function expectVerified(database: Pick<TestDatabase, 'url'>): Promise<void> {
  const { code, output } = await ledgerCommand('verify', database);
  expect({ code, output }).toEqual({
    code: 0,
    output: expect.stringMatching(/^[1-9]\d* accounts and [1-9]\d* entries are consistent\.\n$/),
  });
}

/** A connection of the test's own, to look behind the API or to corrupt what is there. */
export function connectTo(
  { engine, url }: TestDatabase,
  entities: NonNullable<DataSourceOptions['entities']> = [],
): Promise<DataSource> {
  const database: DatabaseConfig =
    engine === 'sqlite' ? { kind: 'sqlite', file: url.replace('sqlite:', '') } : { kind: 'mysql', url };
  return newDataSource(dataSourceOptions(database, entities, MIGRATIONS)).initialize();
}
