import { ValidationPipe } from '@nestjs/common';
import { registerDecorator, type ValidationError, type ValidationOptions } from 'class-validator';
import { ApiError, type FieldProblem } from './errors.js';

/** Checks bodies and queries against their DTOs; a field that no DTO knows is a 400, never ignored. */
export function validationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors) => {
      const details = errors.flatMap((error) => problems(error));
      return new ApiError('VALIDATION_ERROR', details.map((d) => `${d.field} ${d.message}`).join('; ') || undefined, { details });
    },
  });
}

function problems(error: ValidationError, path = ''): FieldProblem[] {
  const field = path === '' ? error.property : `${path}.${error.property}`;
  const { whitelistValidation, ...constraints } = error.constraints ?? {};
  if (whitelistValidation) return [{ field, message: 'is not a known field' }];
  const own = Object.values(constraints).map((text) => ({
    field,
    message: text.startsWith(`${error.property} `) ? text.slice(error.property.length + 1) : text,
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => problems(child, field))];
}

/** Makes a property decorator of a pure rule; `problem` returns what is wrong, or undefined. */
export function fieldRule(
  name: string,
  problem: (value: unknown) => string | undefined,
): (options?: ValidationOptions) => PropertyDecorator {
  return (options) => (target, property) =>
    registerDecorator({
      name,
      target: target.constructor,
      propertyName: String(property),
      options,
      validator: {
        validate: (value) => problem(value) === undefined,
        defaultMessage: (args) => `${args?.property} ${problem(args?.value)}`,
      },
    });
}

const MAX_KEYS = 50;

function metadataProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object';
  const pairs = Object.entries(value);
  if (pairs.length > MAX_KEYS) return `must have at most ${MAX_KEYS} keys`;
  for (const [key, item] of pairs) {
    if (textProblem(key, 1, 40) !== undefined) return 'must have keys of 1 to 40 characters';
    const fits =
      typeof item === 'boolean' ||
      (typeof item === 'number' && Number.isFinite(item)) ||
      (typeof item === 'string' && textProblem(item, 0, 500) === undefined);
    if (!fits) return 'must have values that are strings of up to 500 characters, numbers or booleans';
  }
  return undefined;
}

function textProblem(value: unknown, min: number, max: number): string | undefined {
  if (typeof value !== 'string') return 'must be a string';
  // Counted as the database counts: a character outside the basic plane is one.
  const length = value.length <= min || value.length > max ? [...value].length : value.length;
  if (length < min || length > max) return `must have ${min} to ${max} characters`;
  if (value.includes('\0') || !value.isWellFormed()) return 'must be well-formed text without the NUL character';
  return undefined;
}

/** An object of at most 50 keys (1–40 characters) whose values are strings (up to 500 characters), numbers or booleans. */
export const IsMetadata = fieldRule('isMetadata', metadataProblem);

/** Text of `min` to `max` characters that both databases keep as it is. */
export const IsText = (min: number, max: number) => fieldRule('isText', (value) => textProblem(value, min, max))();
