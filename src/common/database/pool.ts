import mysql, { type PoolConnection } from 'mysql2';

/**
 * The era of a pool, a number. A new one begins when a connection turns out to lead to a server that must no longer be
 * used.
 */
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
 * Ends a connection to a server that is lost or accepts no writes, and makes its pool replace all the others. After a
 * switchover they would lead to the old primary for as long as it lives, fail every write and read stale data.
 */
export function abandonEra(connection: PoolConnection): void {
  const birth = born.get(connection);
  if (birth && birth.pool.now === birth.era) birth.pool.now += 1;
  connection.destroy();
}
