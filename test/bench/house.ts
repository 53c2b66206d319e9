import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MariaDb, sqliteConditions } from './databases.js';
import { machineConditions } from './machine.js';
import { BenchServer, type Kind } from './processes.js';
import { accountName, ACCOUNTS } from './requests.js';
import type { Engine } from './scenarios.js';

/** A server under test and its database. */
interface Resident {
  readonly server: BenchServer;
  readonly databaseUrl: string;
}

/**
 * The databases and servers of a run. Each is started at its first use, has a database of its own, and stays until the
 * end.
 */
export class House {
  private readonly directory = mkdtempSync(join(tmpdir(), 'credits-bench-'));
  private readonly residents = new Map<string, Resident>();
  private mariadb: MariaDb | undefined;
  private extra: BenchServer | undefined;

  constructor(private readonly token: string) {}

  async resident(engine: Engine, kind: Kind): Promise<Resident> {
    const name = `${engine}_${kind}`;
    const known = this.residents.get(name);
    if (known) return known;
    const databaseUrl =
      engine === 'sqlite' ? `sqlite:${join(this.directory, `${name}.sqlite`)}` : await this.mariadbDatabase(name);
    const server = await BenchServer.start(kind, databaseUrl, join(this.directory, name));
    this.residents.set(name, { server, databaseUrl });
    await this.fund(server);
    return { server, databaseUrl };
  }

  /** A server that has served nothing yet, on the product's database; it stays until the next one is asked for. */
  async fresh(engine: Engine): Promise<BenchServer> {
    const { databaseUrl } = await this.resident(engine, 'lanes');
    await this.extra?.stop();
    this.extra = await BenchServer.start('lanes', databaseUrl, join(this.directory, 'fresh'));
    return this.extra;
  }

  /** What the numbers depend on. */
  async conditions(): Promise<string[]> {
    const engines = [...(this.mariadb ? [await this.mariadb.conditions()] : []), sqliteConditions()];
    return [...machineConditions(this.directory), ...engines];
  }

  /** Stops whatever was started. */
  async close(): Promise<void> {
    await Promise.all([...this.residents.values()].map(({ server }) => server.stop()));
    await this.extra?.stop();
    await this.mariadb?.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async mariadbDatabase(name: string): Promise<string> {
    this.mariadb ??= await MariaDb.start(this.directory);
    return this.mariadb.database(name);
  }

  /**
   * Gives every account more than a run can spend; one after the other, because the baselines deadlock over accounts
   * that are made at once.
   */
  private async fund(server: BenchServer): Promise<void> {
    const client = server.client(this.token);
    for (let i = 0; i < ACCOUNTS; i++) {
      const deposit = { amount: 1_000_000, description: 'Opening', account: accountName(i) };
      const { status, text } = await client.post('/api/credits/deposit', deposit);
      if (status !== 201) throw new Error(`a deposit was answered with ${status}: ${text}`);
    }
    client.close();
  }
}
