import { MAX_COUNT, UsageError } from './usage-error.js';

/** Reads a provider's object. A member that is null counts as absent. */
export class RawObject {
  constructor(
    private readonly members: Readonly<Record<string, unknown>>,
    readonly path: string,
  ) {}

  has(name: string): boolean {
    return this.members[name] !== undefined && this.members[name] !== null;
  }

  /** The count, 0 when it is absent. */
  count(name: string): number {
    return this.has(name) ? countIn(`${this.path}.${name}`, this.members[name]) : 0;
  }

  /** A count that goes by either name. Where both stand, they must agree. */
  either(name: string, other: string): number {
    if (!this.has(name)) return this.count(other);
    if (this.has(other) && this.count(other) !== this.count(name))
      throw new UsageError(`${this.path}.${other}`, `contradicts ${name}`);
    return this.count(name);
  }

  /** Whether it is a number above zero, whole or not. */
  isPositive(name: string): boolean {
    const value = this.members[name];
    return typeof value === 'number' && value > 0;
  }

  /** A count that every object of the format has, so that one of another format is not taken for it. */
  required(name: string): number {
    if (this.has(name)) return this.count(name);
    throw new UsageError(`${this.path}.${name}`, 'is missing, so the object is of another format or incomplete');
  }

  /** Refuses members that only objects of another format have. */
  refuse(format: string, names: readonly string[]): void {
    const found = names.find((name) => this.has(name));
    if (found) throw new UsageError(`${this.path}.${found}`, `belongs to another format, ${format}`);
  }

  /** The word in lower case, undefined when it is absent. */
  word(name: string): string | undefined {
    const value = this.members[name] ?? undefined;
    if (value !== undefined && typeof value !== 'string')
      throw new UsageError(`${this.path}.${name}`, 'must be a string');
    return value?.toLowerCase();
  }

  /** The object within, an empty one when it is absent. */
  object(name: string): RawObject {
    return objectAt(`${this.path}.${name}`, this.members[name] ?? {});
  }

  /** The objects of a list, none when it is absent. */
  list(name: string): RawObject[] {
    const value = this.members[name] ?? [];
    if (!Array.isArray(value)) throw new UsageError(`${this.path}.${name}`, 'must be a list');
    return value.map((item: unknown, i) => objectAt(`${this.path}.${name}[${i}]`, item));
  }

  /** A count without the counts that it includes. */
  rest(name: string, total: number, ...included: number[]): number {
    const rest = included.reduce((left, each) => left - each, total);
    if (rest >= 0) return rest;
    throw new UsageError(`${this.path}.${name}`, 'is less than the sum of the counts that it includes');
  }
}

/** The object at a path. */
export function objectAt(path: string, value: unknown): RawObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return new RawObject(value as Record<string, unknown>, path);
  throw new UsageError(path, 'must be an object');
}

/** A count of tokens or calls. */
export function countIn(field: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_COUNT) return value;
  throw new UsageError(field, `must be a whole number from 0 to ${MAX_COUNT}`);
}
