import { stringify } from 'csv-stringify/sync';
import { LosslessNumber } from 'lossless-json';

/**
 * Rows as CSV by RFC 4180, for a spreadsheet: UTF-8 with a byte order mark, text that looks like a formula behind an
 * apostrophe, objects as JSON. Numbers stay numbers, negative ones too.
 * @param head whether these rows are the first, so that the columns' names come before them
 */
export function toCsv(columns: readonly string[], rows: readonly object[], head: boolean): string {
  return stringify([...rows], {
    columns: [...columns],
    header: head,
    bom: head,
    record_delimiter: 'windows',
    escape_formulas: true,
    // The library quotes only the line end that it writes itself.
    quoted_match: /[\r\n]/,
    cast: {
      object: (value) => (value instanceof LosslessNumber ? value.value : JSON.stringify(value)),
      boolean: String,
    },
  });
}
