import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { pendingMigrations, whyReadOnly } from '../database/index.js';
import { ApiError } from '../http/index.js';
import type { HealthDto, VersionDto } from './health.dto.js';

const PATIENCE_MS = 2_000;
const { name, version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  name: string;
  version: string;
};

/** Reports whether this process can do its work. */
@Injectable()
export class HealthService implements BeforeApplicationShutdown {
  private stopping = false;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  beforeApplicationShutdown(): void {
    this.stopping = true;
  }

  /** @throws ApiError OVERLOADED when the database does not answer */
  async health(): Promise<HealthDto> {
    if (!(await inTime(this.dataSource.query('SELECT 1')))) {
      throw new ApiError('OVERLOADED', 'The database does not answer.', {
        details: { status: 'unavailable', database: 'down' },
      });
    }
    return { status: 'ok', database: 'up' };
  }

  /** Ready while the database answers, accepts writes and has every migration, until the process is told to stop. */
  async ready(): Promise<HealthDto> {
    if (this.stopping)
      throw new ApiError('OVERLOADED', 'The server is stopping. Use another one.', { details: { status: 'stopping' } });
    // This comes first, because a node without a quorum answers nothing else.
    const why = await inTime(whyReadOnly(this.dataSource));
    if (why)
      throw new ApiError('OVERLOADED', `The database takes no writes: it is ${why}.`, { details: { status: why } });
    const health = await this.health();
    if ((await pendingMigrations(this.dataSource)).length > 0)
      throw new ApiError('OVERLOADED', 'The database has pending migrations.', {
        details: { status: 'migrations pending' },
      });
    return health;
  }

  version(): VersionDto {
    return { name, version, node: process.version };
  }
}

/** The database's answer; undefined when it fails or takes too long. */
function inTime<T>(answer: Promise<T>): Promise<T | undefined> {
  return Promise.race([answer.catch(() => undefined), setTimeout(PATIENCE_MS, undefined, { ref: false })]);
}
