import type { PoolConnection } from 'mysql2';
import type { DataSource } from 'typeorm';
import { engineOf } from './engine.js';
import { abandonEra } from './pool.js';

/** Whether the database is a Galera cluster. */
export async function isGalera(dataSource: DataSource): Promise<boolean> {
  if (engineOf(dataSource) === 'sqlite') return false;
  return (await shown(dataSource, "VARIABLES LIKE 'wsrep_on'"))['wsrep_on'] === 'ON';
}

/**
 * The reason why the database accepts no writes, in a few words; undefined when it accepts them. A Galera node without
 * a quorum still answers SHOW. A connection to a read-only server is abandoned, because a new one may reach the server
 * that was promoted in its place.
 */
export async function whyReadOnly(dataSource: DataSource): Promise<string | undefined> {
  if (engineOf(dataSource) === 'sqlite') return undefined;
  const runner = dataSource.createQueryRunner();
  try {
    const { wsrep_on: galera, ...readOnly } = await shown(
      runner,
      "GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only', 'wsrep_on')",
    );
    if (Object.values(readOnly).some((value) => value !== 'OFF')) {
      abandonEra((await runner.connect()) as PoolConnection);
      return 'read only';
    }
    if (galera !== 'ON') return undefined;
    const { wsrep_ready: ready, wsrep_cluster_status: part } = await shown(runner, "GLOBAL STATUS LIKE 'wsrep\\_%'");
    return ready === 'ON' && part === 'Primary' ? undefined : 'without a quorum';
  } finally {
    await runner.release();
  }
}

async function shown(
  asked: { query(sql: string): Promise<unknown> },
  what: string,
): Promise<Record<string, string | undefined>> {
  const rows = (await asked.query(`SHOW ${what}`)) as { Variable_name: string; Value: string }[];
  return Object.fromEntries(rows.map(({ Variable_name: name, Value: value }) => [name, value]));
}
