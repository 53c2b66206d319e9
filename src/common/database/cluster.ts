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
 * Why the database takes no writes at present, in a few words; nothing if it takes them. A node that lost the others
 * still shows its state. The connection that led to a read-only server is not asked again: a new one may lead to the
 * server that was made primary in its place.
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
