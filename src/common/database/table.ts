import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import { sum } from './columns.js';
import type { Value } from './sql.js';

/** A row as a driver gives it. */
export type Raw = Record<string, string | number | null>;

/**
 * A table as its entity describes it: its columns in one order, and rows read and written without a look at the
 * metadata.
 */
export interface Table<Row> {
  readonly name: string;
  /** All columns. */
  readonly columns: readonly string[];
  /** Those of the primary key. */
  readonly keys: readonly string[];
  /** Those that may change: no keys, and none that the entity says are never updated. */
  readonly mutable: readonly string[];
  /** The row's values in the order of `columns`. */
  readonly values: (row: Row) => Value[];
  readonly keyValues: (row: Row) => Value[];
  readonly mutableValues: (row: Row) => Value[];
  /** The row in a result that `select` asked for. */
  readonly read: (raw: Raw) => Row;
  /** The list of a SELECT: every column, named by the table so that two can be joined. */
  readonly select: string;
}

/**
 * Compiles the description of an entity's table; the code it makes names every column, so that a row costs no more than
 * one written by hand.
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

/** A sum may have more digits than a double, into which one driver would round it. */
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

/** Whether a value is written otherwise than as it is: integers are not. */
function isConverted(transformer: ColumnMetadata['transformer']): boolean {
  return transformer !== undefined && !('asIs' in transformer);
}

/** The source is made of the names in the entity alone. */
function compile<F>(columns: readonly ColumnMetadata[], source: string): F {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  return (new Function('t', source) as (transformers: unknown[]) => F)(columns.map(({ transformer }) => transformer));
}
