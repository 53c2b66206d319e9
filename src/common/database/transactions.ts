import { setImmediate, setTimeout } from 'node:timers/promises';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { PoolConnection } from 'mysql2';
import { DataSource, type QueryRunner } from 'typeorm';
import { isGalera } from './cluster.js';
import { newDataSource } from './data-source.js';
import { engineOf } from './engine.js';
import { FenceLost, isTransient, wasUndone } from './errors.js';
import { abandonEra } from './pool.js';

/** An open transaction: `query` for SQL, `manager` for the entities. It ends with the function that received it. */
export type Tx = QueryRunner;

/** Under this name a lean transaction keeps its BEGIN until its first statements are sent. */
export const BEGIN = 'begin';
/** Under this name it notes whether its last statements committed it. */
export const COMMITTED = 'committed';
/** Under this name it notes whether each statement must be sent on its own. */
export const ONE_BY_ONE = 'one by one';

const ATTEMPTS = 8;

/**
 * The only way to write: one function, one transaction. On SQLite they queue up on a connection of their own, because
 * TypeORM has a single connection there and two transactions on it would mix.
 */
@Injectable()
export class Transactions implements OnModuleInit, OnApplicationShutdown {
  /** How long a transaction of the MySQL family may take; longer than a statement waits for a lock. */
  deadlineMs = 15_000;
  private writer: DataSource;
  private isGalera: boolean;
  private tail: Promise<unknown> = Promise.resolve();

  constructor(@InjectDataSource() private readonly reader: DataSource) {}

  /** The database's engine. */
  get engine(): 'sqlite' | 'mysql' {
    return engineOf(this.reader);
  }

  async onModuleInit(): Promise<void> {
    this.writer = this.engine === 'mysql' ? this.reader : await newDataSource(this.reader.options).initialize();
    this.isGalera = await isGalera(this.reader);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.tail;
    if (this.writer !== this.reader) await this.writer.destroy();
  }

  /**
   * Runs `work` in a transaction and commits it. After a deadlock, a lock timeout, a lost fence or a lost connection it
   * runs again in a fresh transaction, a bounded number of times with jitter. It also runs again when the outcome of
   * the commit is unknown, so `work` must recognise its own earlier writes.
   * @param work receives the transaction and the number of attempts before this one
   * @param options.lean whether the first statements of `work` go through `ask` or `write`, which then begin the
   *   transaction on the MySQL family
   * @param options.fences the most fences that it may lose
   */
  async run<T>(work: (tx: Tx, attempt: number) => Promise<T>, { lean = false, fences = ATTEMPTS } = {}): Promise<T> {
    for (let attempt = 0, lost = 0; ; attempt++) {
      try {
        return await this.once((tx) => work(tx, attempt), lean);
      } catch (error) {
        if (error instanceof FenceLost) lost += 1;
        if (attempt + 1 >= ATTEMPTS || lost >= fences || !isTransient(error)) throw error;
        // The second attempt locks the rows that the first one did not, so it need not wait.
        if (attempt === 0 && error instanceof FenceLost) continue;
        await setTimeout(Math.random() * Math.min(1000, 5 * 2 ** attempt));
      }
    }
  }

  private once<T>(work: (tx: Tx) => Promise<T>, lean: boolean): Promise<T> {
    if (this.engine === 'mysql') return this.transact('START TRANSACTION', work, lean);
    const turn = this.tail.then(() => this.transact('BEGIN IMMEDIATE', work, false));
    // The driver is synchronous: without a pause between two transactions the event loop would never read a socket.
    this.tail = turn.catch(() => undefined).then(() => setImmediate());
    return turn;
  }

  private async transact<T>(begin: string, work: (tx: Tx) => Promise<T>, lean: boolean): Promise<T> {
    const tx = this.writer.createQueryRunner();
    try {
      return await this.answered(this.converse(tx, begin, work, lean));
    } catch (error) {
      await this.abandon(tx, error);
      throw error;
    } finally {
      await tx.release();
    }
  }

  private async converse<T>(tx: Tx, begin: string, work: (tx: Tx) => Promise<T>, lean: boolean): Promise<T> {
    // A Galera node that applies another node's write rolls back the transactions in conflict with it. That can happen
    // between two statements of one text, and the second would then run outside of any transaction.
    tx.data[ONE_BY_ONE] = this.isGalera;
    if (lean && !this.isGalera) tx.data[BEGIN] = begin;
    else await tx.query(begin);
    const result = await work(tx);
    if (!tx.data[COMMITTED]) await tx.query('COMMIT');
    return result;
  }

  /**
   * A connection that died silently (a failover, a dropped NAT entry) never answers, and its lane would wait for ever.
   */
  private answered<T>(conversation: Promise<T>): Promise<T> {
    if (this.engine === 'sqlite') return conversation;
    return new Promise((resolve, reject) => {
      const timer = globalThis.setTimeout(() => reject(new Unanswered()), this.deadlineMs).unref();
      void conversation.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  /**
   * A connection that can't roll back may still hold its transaction, so it must not return to the pool. Neither must
   * one whose server is lost: the next attempt would meet the same old primary.
   */
  private async abandon(tx: Tx, error: unknown): Promise<void> {
    try {
      if (!wasUndone(error)) throw error;
      await this.answered(tx.query('ROLLBACK'));
    } catch {
      if (this.engine === 'sqlite') return;
      // A connection that did not come in time is not awaited again, but is closed if it comes.
      void tx.connect().then(
        (connection: PoolConnection) => abandonEra(connection),
        () => undefined,
      );
    }
  }
}

/** The database did not answer in time; the outcome is unknown. */
class Unanswered extends Error {
  readonly code = 'ETIMEDOUT';
}
