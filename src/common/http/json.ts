import { isUtf8 } from 'node:buffer';
import { invalidField } from './errors.js';

/**
 * Seventeen characters of a number in a row. Written out, because the engine then looks only at every seventeenth
 * character.
 */
const LONG_RUN = new RegExp('[\\d.]'.repeat(17));
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const SIGNIFICANT_DIGITS = 16;

/**
 * Parses a body.
 * @throws ApiError VALIDATION_ERROR when it is not JSON in UTF-8, or holds `null` or a number that would be rounded
 *   outside of `raw`
 */
export function parseJson(bytes: Buffer, bounds = USUAL): unknown {
  if (!isUtf8(bytes)) throw invalidField('body', 'must be UTF-8');
  const text = bytes.toString('utf8').replace(/^\ufeff/, '');
  const value = parse(text);
  const marked = LONG_RUN.test(text) ? markLongNumbers(text) : text;
  // Only the walk sees the marks: a long number that it lets pass stays the number that it is.
  refuseUntenable(marked === text ? value : parse(marked), bounds);
  return value;
}

/**
 * Returns a body, unless the validators would need seconds for it or would silently drop fields that they should
 * refuse.
 */
export function refuseUntenable<T>(value: T, bounds = USUAL): T {
  const found = faultOf(value, { ...bounds }, 0);
  if (found) throw invalidField(found.path || 'body', found.message);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidField('body', 'must be valid JSON');
  }
}

/**
 * Replaces each number with too many digits by infinity, so that the walk finds it and knows its path. `text` is valid
 * JSON.
 */
function markLongNumbers(text: string): string {
  return text.replace(STRING_OR_NUMBER, (found) =>
    found.startsWith('"') || digits(found) <= SIGNIFICANT_DIGITS ? found : '1e999',
  );
}

function digits(number: string): number {
  return number
    .replace(/[eE].*/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '').length;
}

const MAX_DEPTH = 6;
const MAX_FIELDS = 100;

/** How large a body may be inside. */
interface Bounds {
  /** The most items of a list. */
  readonly items: number;
  /** The most fields and items in all. */
  values: number;
}
const USUAL: Bounds = { items: 1_000, values: 100_000 };
/** For a body of 4 MiB. */
export const LARGE: Bounds = { items: 10_000, values: 500_000 };

/** The framework drops fields with these names before it could refuse them. */
export const EVERY_OBJECTS = new Set(['prototype', ...Object.getOwnPropertyNames(Object.prototype)]);

interface Fault {
  path: string;
  message: string;
}
const fault = (message: string): Fault => ({ path: '', message });

/** @param foreign whether it stands in an object of somebody else's, where `null` and a long number may be */
function faultOf(value: unknown, left: Bounds, depth: number, foreign = false): Fault | undefined {
  if (foreign && (value === null || typeof value === 'number')) return undefined;
  if (value === null) return fault('must not be null; leave the field out');
  if (typeof value === 'number' && !Number.isFinite(value))
    return fault(`must be a number of at most ${SIGNIFICANT_DIGITS} significant digits, and below 1e308`);
  if (typeof value !== 'object') return undefined;
  if (depth > MAX_DEPTH) return fault('is nested too deeply');
  if (!Array.isArray(value)) return faultWithin(value, MAX_FIELDS, left, depth, foreign);
  return value.length > left.items
    ? fault(`must have at most ${left.items} items`)
    : faultWithin(value, left.items, left, depth, foreign);
}

/** An object of somebody else's, which its users send unchanged, and which may be as deep as a whole body. */
const FOREIGN = 'raw';

function faultWithin(value: object, most: number, left: Bounds, depth: number, foreign: boolean): Fault | undefined {
  let fields = 0;
  for (const name in value) {
    if (++fields > most) return fault(`must have at most ${most} fields`);
    if ((left.values -= 1) < 0) return fault('has too many values');
    if (EVERY_OBJECTS.has(name)) return fault(`must not have a field named ${name}`);
    const enters = !foreign && name === FOREIGN;
    const found = faultOf((value as Record<string, unknown>)[name], left, enters ? 0 : depth + 1, foreign || enters);
    // The keys of metadata are the client's own, so the problem names `metadata` alone.
    if (found) return { ...found, path: found.path === '' || name === 'metadata' ? name : `${name}.${found.path}` };
  }
  return undefined;
}
