// Preloaded into a server that shall not lock: every SELECT … FOR UPDATE becomes a plain SELECT, and SQLite's BEGIN
// IMMEDIATE a BEGIN, at the lowest place that all statements come through. What it did is written when the process
// ends.
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const counts = { unlocked: 0, undone: 0 };

/** @param {string} sql */
function without(sql) {
  if (sql === 'ROLLBACK') counts.undone++;
  const plain = sql.replace(/ FOR UPDATE(?=;|$)/m, '').replace(/^BEGIN IMMEDIATE$/, 'BEGIN');
  if (plain !== sql) counts.unlocked++;
  return plain;
}

const { Connection } = require('mysql2');
for (const name of ['query', 'execute']) {
  const real = Connection.prototype[name];
  Connection.prototype[name] = function (sql, ...rest) {
    if (typeof sql === 'string') return real.call(this, without(sql), ...rest);
    if (typeof sql?.sql === 'string') sql.sql = without(sql.sql);
    return real.call(this, sql, ...rest);
  };
}

const Libsql = require('libsql');
const { prepare, exec } = Libsql.prototype;
Libsql.prototype.prepare = function (sql) {
  const statement = prepare.call(this, without(sql));
  // A statement that stays prepared is counted where it runs.
  if (sql === 'ROLLBACK')
    statement.run = (
      (run) =>
      (...args) => (counts.undone++, run.apply(statement, args))
    )(statement.run);
  return statement;
};
Libsql.prototype.exec = function (sql) {
  return exec.call(this, without(sql));
};

process.on('exit', () => writeSync(1, `without locks: ${JSON.stringify(counts)}\n`));
