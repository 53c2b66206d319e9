/** One item. */
export interface Data<T> {
  data: T;
}

/** A page of a list. */
export interface Page<T> {
  data: T[];
  meta: PageMeta;
}

/** Where a page stands in its list. */
interface PageMeta {
  /** How many items the list has under its filters. */
  total: number;
  /** The most items that a page holds. */
  limit: number;
  /** How many items stand before this page. */
  offset: number;
}

/** Puts one item, or a list that has no pages, into the envelope. */
export async function data<T>(item: T | Promise<T>): Promise<Data<T>> {
  return { data: await item };
}
