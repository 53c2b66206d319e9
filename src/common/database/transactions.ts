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

/** An open transaction: `query` for SQL, `manager` for the entities. It ends with the function that it was given to. */
export type Tx = QueryRunner;

/** Where a transaction keeps the words that begin it, until its first statements are sent … */
export const BEGIN = 'begin';
/** … and whether its last ones committed it. */
export const COMMITTED = 'committed';
/** Whether each of its statements is sent by itself. */
export const ONE_BY_ONE = 'one by one';

const ATTEMPTS = 8;

/**
 * The only way to write: one function, one transaction. On SQLite all of them stand in one queue on a connection of
 * their own, because TypeORM has a single connection there and two transactions on it would run into each other.
 */
@Injectable()
export class Transactions implements OnModuleInit, OnApplicationShutdown {
  /** How long a transaction of the MySQL family may take; longer than a statement waits for a lock. */
  deadlineMs = 15_000;
  private writer: DataSource;
  private isGalera: boolean;
  private tail: Promise<unknown> = Promise.resolve();

  constructor(@InjectDataSource() private readonly reader: DataSource) {}

  /** The engine behind. */
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
   * Runs `work` in a transaction and commits it. A deadlock, a lock wait, a lost fence or a lost connection runs the
   * whole of it again in a fresh transaction, a bounded number of times with jitter; a commit whose outcome is unknown
   * does too, so `work` must recognise what it already did.
   * @param work gets the transaction and the number of attempts before this one
   * @param options.lean whether the first statements of `work` go through `ask` or `write`, with which the MySQL family
   *   then begins the transaction
   * @param options.fences how many fences it may lose at most
   */
  async run<T>(work: (tx: Tx, attempt: number) => Promise<T>, { lean = false, fences = ATTEMPTS } = {}): Promise<T> {
    for (let attempt = 0, lost = 0; ; attempt++) {
      try {
        return await this.once((tx) => work(tx, attempt), lean);
      } catch (error) {
        if (error instanceof FenceLost) lost += 1;
        if (attempt + 1 >= ATTEMPTS || lost >= fences || !isTransient(error)) throw error;
        // Nobody stands in the way of a second attempt that locks what the first one did not.
        if (attempt === 0 && error instanceof FenceLost) continue;
        await setTimeout(Math.random() * Math.min(1000, 5 * 2 ** attempt));
      }
    }
  }

  private once<T>(work: (tx: Tx) => Promise<T>, lean: boolean): Promise<T> {
    if (this.engine === 'mysql') return this.transact('START TRANSACTION', work, lean);
    const turn = this.tail.then(() => this.transact('BEGIN IMMEDIATE', work, false));
    // The driver is synchronous: without a pause between two transactions the event loop would never come to read a
    // socket.
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
    // A node that takes another's write undoes what stands in its way, also between two statements of one text, and
    // goes on with the next.
    tx.data[ONE_BY_ONE] = this.isGalera;
    if (lean && !this.isGalera) tx.data[BEGIN] = begin;
    else await tx.query(begin);
    const result = await work(tx);
    if (!tx.data[COMMITTED]) await tx.query('COMMIT');
    return result;
  }

  /**
   * A connection that died without a word (a failover, a forgotten NAT entry) answers nothing for ever, and a lane
   * would wait with it.
   */
  private answered<T>(conversation: Promise<T>): Promise<T> {
    if (this.engine === 'sqlite') return conversation;
    return new Promise((resolve, reject) => {
      const timer = globalThis.setTimeout(() => reject(new Unanswered()), this.deadlineMs).unref();
      void conversation.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  /**
   * A connection that can't roll back may still hold its transaction, and must not go back to the pool with it. Neither
   * must one whose server is away: every other attempt would meet the same old primary.
   */
  private async abandon(tx: Tx, error: unknown): Promise<void> {
    try {
      if (!wasUndone(error)) throw error;
      await this.answered(tx.query('ROLLBACK'));
    } catch {
      if (this.engine === 'sqlite') return;
      // A connection that was waited for in vain is not waited for again, but must not stay open when it comes.
      void tx.connect().then(
        (connection: PoolConnection) => abandonEra(connection),
        () => undefined,
      );
    }
  }
}

/** The database did not answer in time; whether it did what it was asked is unknown. */
class Unanswered extends Error {
  readonly code = 'ETIMEDOUT';
}
