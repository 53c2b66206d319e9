import type { FastifyReply } from 'fastify';

/** One item. */
export interface Data<T> {
  data: T;
}

/** A page of a list. */
export interface Page<T> {
  data: T[];
  meta: PageMeta;
}

/** The position of a page in its list. */
export interface PageMeta {
  /** The number of items in the filtered list. */
  total: number;
  /** The most items that a page holds. */
  limit: number;
  /** The number of items before this page. */
  offset: number;
}

/** Where a list goes on that has no total. */
export interface CursorMeta {
  /** The most items that a page holds; it may hold fewer, and have another page after it. */
  limit: number;
  /** Names the next page; absent at the end. */
  next_cursor?: string;
}

/** A page of a list that has no total. */
export interface CursorPage<T> {
  data: T[];
  meta: CursorMeta;
}

/** Wraps one item, or a list without pages, in the envelope. */
export async function data<T>(item: T | Promise<T>): Promise<Data<T>> {
  return { data: await item };
}

/** The answer to a request that may be a repetition. A replay bears `Idempotent-Replayed: true`. */
export class Answered<T, Meta = undefined> {
  constructor(
    readonly data: T,
    readonly replayed: boolean,
    readonly meta?: Meta,
    /** The HTTP status, where it is not that of the route. */
    readonly status?: number,
  ) {}
}

/** Wraps an `Answered` in the envelope and sets its header. */
export function sendAnswered(
  _request: unknown,
  reply: FastifyReply,
  payload: unknown,
  done: (error: null, payload: unknown) => void,
): void {
  if (!(payload instanceof Answered)) return done(null, payload);
  if (payload.replayed) void reply.header('Idempotent-Replayed', 'true');
  if (payload.status !== undefined) void reply.status(payload.status);
  done(
    null,
    payload.meta === undefined
      ? { data: payload.data as unknown }
      : { data: payload.data as unknown, meta: payload.meta as unknown },
  );
}
