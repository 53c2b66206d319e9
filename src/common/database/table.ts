import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import { sum } from './columns.js';
import type { Value } from './sql.js';

/** A row as a driver returns it. */
export type Raw = Record<string, string | number | null>;

/** A table as its entity describes it, with compiled functions that read and write its rows. */
export interface Table<Row> {
  readonly name: string;
  /** All columns. */
  readonly columns: readonly string[];
  /** The columns of the primary key. */
  readonly keys: readonly string[];
  /** The columns that may change: no keys, and none that the entity never updates. */
  readonly mutable: readonly string[];
  /** The row's values in the order of `columns`. */
  readonly values: (row: Row) => Value[];
  readonly keyValues: (row: Row) => Value[];
  readonly mutableValues: (row: Row) => Value[];
  /** Reads a row of a result that `select` asked for. */
  readonly read: (raw: Raw) => Row;
  /** The columns for a SELECT, prefixed with the table's name so that two tables can be joined. */
  readonly select: string;
}

/**
 * Compiles an entity's table. The generated code names every column, so a row costs no more than with code written by
 * hand.
 */
export function describeTable<Row extends ObjectLiteral>(
  dataSource: DataSource,
  entity: EntityTarget<Row>,
): Table<Row> {
  const { tableName: name, columns } = dataSource.getMetadata(entity);
  const alias = (column: ColumnMetadata) => `${name}_${column.databaseName}`;
  const mutable = columns.filter(({ isPrimary, isUpdate }) => !isPrimary && isUpdate);
  const keys = columns.filter(({ isPrimary }) => isPrimary);
  return {
    name,
    columns: columns.map(({ databaseName }) => databaseName),
    keys: keys.map(({ databaseName }) => databaseName),
    mutable: mutable.map(({ databaseName }) => databaseName),
    values: writer(columns),
    keyValues: writer(keys),
    mutableValues: writer(mutable),
    read: reader<Row>(columns, alias),
    select: columns.map((column) => `${selected(name, column)} AS ${alias(column)}`).join(', '),
  };
}

/** Reads a sum as text, because one driver would round it to a double. */
function selected(table: string, { databaseName, transformer }: ColumnMetadata): string {
  return transformer === sum ? `CAST(${table}.${databaseName} AS CHAR)` : `${table}.${databaseName}`;
}

function writer<Row>(columns: readonly ColumnMetadata[]): (row: Row) => Value[] {
  const values = columns.map(({ propertyName, transformer }, i) =>
    isConverted(transformer) ? `t[${i}].to(row.${propertyName})` : `row.${propertyName}`,
  );
  return compile(columns, `return (row) => [${values.join(', ')}];`);
}

function reader<Row>(columns: readonly ColumnMetadata[], alias: (column: ColumnMetadata) => string): (raw: Raw) => Row {
  const fields = columns.map((column, i) => {
    const value = `raw.${alias(column)}`;
    return `${column.propertyName}: ${column.transformer ? `t[${i}].from(${value})` : value}`;
  });
  return compile(columns, `return (raw) => ({ ${fields.join(', ')} });`);
}

/** Whether a value is converted before it is written; integers are not. */
function isConverted(transformer: ColumnMetadata['transformer']): boolean {
  return transformer !== undefined && !('asIs' in transformer);
}

/** The source contains only names from the entity. */
function compile<F>(columns: readonly ColumnMetadata[], source: string): F {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  return (new Function('t', source) as (transformers: unknown[]) => F)(columns.map(({ transformer }) => transformer));
}
