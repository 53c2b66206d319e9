import type { DataSource } from 'typeorm';
import { engineOf } from './engine.js';

/** Whether the database is a Galera cluster. */
export async function isGalera(dataSource: DataSource): Promise<boolean> {
  if (engineOf(dataSource) === 'sqlite') return false;
  return (await shown(dataSource, "VARIABLES LIKE 'wsrep_on'"))['wsrep_on'] === 'ON';
}

/** Why the database takes no writes at present, in a few words; nothing if it takes them. A node that lost the others still shows its state. */
export async function whyReadOnly(dataSource: DataSource): Promise<string | undefined> {
  if (engineOf(dataSource) === 'sqlite') return undefined;
  const { wsrep_on: galera, ...readOnly } = await shown(
    dataSource,
    "GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only', 'wsrep_on')",
  );
  if (Object.values(readOnly).some((value) => value !== 'OFF')) return 'read only';
  if (galera !== 'ON') return undefined;
  const { wsrep_ready: ready, wsrep_cluster_status: part } = await shown(dataSource, "GLOBAL STATUS LIKE 'wsrep\\_%'");
  return ready === 'ON' && part === 'Primary' ? undefined : 'without a quorum';
}

async function shown(dataSource: DataSource, what: string): Promise<Record<string, string | undefined>> {
  const rows = await dataSource.query<{ Variable_name: string; Value: string }[]>(`SHOW ${what}`);
  return Object.fromEntries(rows.map(({ Variable_name: name, Value: value }) => [name, value]));
}
