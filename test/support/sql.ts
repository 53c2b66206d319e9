import Libsql from 'libsql';
import { createPool, type Pool } from 'mysql2/promise';
import type { TestDatabase } from './databases.js';

/**
 * Looks into a database, and plays what a crash leaves behind. What the server may do through its API is done through
 * its API.
 */
export class Sql {
  private readonly pool?: Pool;
  private readonly file?: InstanceType<typeof Libsql>;

  constructor({ engine, url }: TestDatabase) {
    if (engine === 'sqlite') {
      this.file = new Libsql(url.slice('sqlite:'.length));
      this.file.pragma('busy_timeout = 5000');
    } else {
      this.pool = createPool({ uri: url, connectionLimit: 2, supportBigNumbers: true, bigNumberStrings: false });
    }
  }

  async query<T = any>(sql: string, values: (string | number | null)[] = []): Promise<T[]> {
    if (this.pool) return (await this.pool.query(sql, values))[0] as T[];
    const statement = this.file!.prepare(sql);
    if (/^\s*select/i.test(sql)) return statement.all(...values) as T[];
    statement.run(...values);
    return [];
  }

  async close(): Promise<void> {
    await this.pool?.end();
    this.file?.close();
  }
}
