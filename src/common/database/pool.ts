import mysql, { type PoolConnection } from 'mysql2';

/** Counts how often a pool's connections were found to lead to a server that is no longer the one to ask. */
interface Era {
  now: number;
}

const born = new WeakMap<PoolConnection, { pool: Era; era: number }>();

/** A pool that hands out no connection of an earlier era. */
export function createRenewedPool(options: mysql.PoolOptions): mysql.Pool {
  const pool = mysql.createPool(options);
  const era: Era = { now: 0 };
  pool.on('connection', (connection) => void born.set(connection, { pool: era, era: era.now }));
  const take = pool.getConnection.bind(pool);
  pool.getConnection = (taken) =>
    take((error, connection) => {
      if (error || born.get(connection)!.era === era.now) return void taken(error, connection);
      connection.destroy();
      pool.getConnection(taken);
    });
  return pool;
}

/**
 * Ends a connection to a server that is going, gone or no longer takes writes, and lets its pool make all others anew:
 * after a switchover they would lead to the old primary for as long as it lives, refuse every write, and read what is
 * out of date.
 */
export function abandonEra(connection: PoolConnection): void {
  const birth = born.get(connection);
  if (birth && birth.pool.now === birth.era) birth.pool.now += 1;
  connection.destroy();
}
