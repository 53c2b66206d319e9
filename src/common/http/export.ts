import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import { toCsv } from './csv.js';
import { exactJson } from './exact-numbers.js';
import type { FormatField } from './export.dto.js';

/** A list that is written out as a file, however long it is. */
export interface Export {
  /** The name of the file without its ending. */
  readonly name: string;
  /** The columns of the CSV, in order. */
  readonly columns: readonly string[];
  /** The rows, a page at a time. Between two pages it holds neither a connection nor a transaction. */
  readonly pages: AsyncIterable<readonly object[]>;
}

const TYPES = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson; charset=utf-8' } as const;

/**
 * Streams an export. Pages are read only as fast as the client takes them, and no more once it has left. An error after
 * the first page cuts the connection, so that nobody takes a part for the whole.
 */
export async function sendExport(reply: FastifyReply, format: FormatField['format'], file: Export): Promise<void> {
  const chunks = chunksOf(file, format);
  // Whatever fails before the first byte is still answered as an error.
  const first = await chunks.next();
  void reply
    .header('Content-Type', TYPES[format])
    .header('Content-Disposition', `attachment; filename="${file.name}.${format}"`);
  if (reply.request.method === 'HEAD') return void reply.send();
  const stream = Readable.from(beginning(first, chunks), { objectMode: false });
  const { log, id: trace_id } = reply.request;
  stream.on('error', (err) => log.error({ trace_id, err }, 'export broke off'));
  void reply.send(stream);
}

/**
 * Names a file.
 * @param parts the kind of rows and whose they are; characters that a file system may refuse are replaced
 * @param period the first moment, and the first one after the end; the name has the first and the last day
 */
export function fileName(parts: readonly string[], { from, to = new Date() }: { from?: Date; to?: Date }): string {
  const day = (time: number) => new Date(time).toISOString().slice(0, 10);
  const days = [...(from ? [day(from.getTime())] : []), day(Math.max(to.getTime() - 1, from?.getTime() ?? 0))];
  return [...parts, ...days].map((part) => part.replace(/[^A-Za-z0-9._-]/g, '_')).join('-');
}

async function* beginning(first: IteratorResult<string>, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

async function* chunksOf({ columns, pages }: Export, format: FormatField['format']): AsyncGenerator<string> {
  const iterator = pages[Symbol.asyncIterator]();
  const write = (rows: readonly object[], head: boolean) =>
    format === 'csv' ? toCsv(columns, rows, head) : rows.map((row) => `${exactJson(row)}\n`).join('');
  try {
    for (let head = true; ; head = false) {
      const text = await inTurn(async () => {
        const page = await iterator.next();
        return page.done ? undefined : write(page.value, head);
      });
      if (text === undefined) {
        if (head) yield write([], true);
        return;
      }
      // A page on which no row fits the filter has no text, and a stream would stop at an empty one.
      if (text !== '') yield text;
    }
  } finally {
    await iterator.return?.();
  }
}

/** From this share of its time on, the process counts as busy with other work. */
const BUSY = 0.5;

let last: Promise<unknown> = Promise.resolve();

/**
 * Reads a page for one export at a time, and then rests for as long as that took, or three times as long while others
 * keep the process busy. However many exports run, most of the time is left for debits.
 */
function inTurn<T>(read: () => Promise<T>): Promise<T> {
  let began = 0;
  const turn = last.then(() => {
    began = performance.now();
    return read();
  });
  last = turn.then(
    () => rest(performance.now() - began),
    () => undefined,
  );
  return turn;
}

async function rest(milliseconds: number): Promise<void> {
  const before = performance.eventLoopUtilization();
  await setTimeout(milliseconds);
  if (performance.eventLoopUtilization(before).utilization > BUSY) await setTimeout(2 * milliseconds);
}
