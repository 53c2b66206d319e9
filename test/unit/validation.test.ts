import { describe, expect, it } from '@jest/globals';
import { ValidationPipe } from '@nestjs/common';
import fc from 'fast-check';
import { validationPipe } from '../../src/common/http/index.js';
import { CaptureDto, DebitBatchDto, DebitDto, DepositDto, OpenHoldDto } from '../../src/credits/credits.dto.js';
import { CreditPurchaseDto, TokenCheckoutDto } from '../../src/payments/checkout/checkout.dto.js';
import { RefundPurchaseDto } from '../../src/payments/refunds/refunds.dto.js';
import { ConsumeBatchDto, ConsumeDto, GrantDto } from '../../src/tokens/tokens.dto.js';

/** Each body's class, and one that it accepts. */
const item = { amount: 1, description: 'x' };
const BODIES: [new () => object, object][] = [
  [CaptureDto, { amount: 1 }],
  [DebitBatchDto, { mode: 'atomic', items: [item] }],
  [DebitDto, item],
  [DepositDto, item],
  [OpenHoldDto, { amount: 1 }],
  [CreditPurchaseDto, { package_id: 'x' }],
  [TokenCheckoutDto, { plan_id: 'x' }],
  [RefundPurchaseDto, {}],
  [ConsumeBatchDto, { mode: 'independent', items: [{ amount: 1 }] }],
  [ConsumeDto, { amount: 1 }],
  [GrantDto, item],
];

/** What may stand in any field: mostly something that fits somewhere. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(
    1,
    0.5,
    1.25,
    'x',
    'user:42',
    'atomic',
    'independent',
    true,
    null,
    undefined,
    {},
    { a: 1 },
    3600,
  ),
  fc.constantFrom<unknown>(
    0,
    -1,
    1e-7,
    NaN,
    2 ** 53,
    '',
    'x'.repeat(501),
    '\0',
    '\ud800',
    [],
    [1],
    [[]],
    { a: {} },
    { a: null },
    { '': 1 },
  ),
);
const FIELDS = [
  'account',
  'amount',
  'description',
  'metadata',
  'idempotency_key',
  'expires_in',
  'final',
  'reason',
  'model',
  'package_id',
  'plan_id',
];
const object = fc.dictionary(fc.constantFrom(...FIELDS), anything, { maxKeys: 4 });
const good = fc.oneof(
  fc.record({ amount: fc.constantFrom(1, 0.5), description: fc.constantFrom('x') }),
  fc.record({ amount: fc.constantFrom(1, 0.5), model: fc.constantFrom('x') }),
);
const body = fc
  .tuple(
    fc.oneof(
      object,
      good,
      fc.record({ mode: fc.constantFrom('atomic', 'independent', 'both') }),
      fc.constantFrom({ package_id: 'x' }, { plan_id: 'x' }),
    ),
    fc.option(
      fc.oneof(
        { weight: 4, arbitrary: fc.array(fc.oneof(good, object), { maxLength: 3 }) },
        { weight: 1, arbitrary: anything },
      ),
    ),
    fc.option(fc.tuple(fc.constantFrom(...FIELDS, 'unknown'), anything)),
  )
  .map(([fields, items, more]) => ({
    ...fields,
    ...(items === null ? {} : { items }),
    ...(more ? { [more[0]]: more[1] } : {}),
  }));

describe('the compiled validation', () => {
  const slow = new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
  });
  const fast = validationPipe();
  const outcome = (pipe: ValidationPipe, value: object, metatype: new () => object) =>
    pipe.transform(structuredClone(value), { type: 'body', metatype }).then(
      (accepted: unknown) => ({ accepted: { ...(accepted as object) } }),
      () => 'refused' as const,
    );

  it.each(BODIES.map(([dto, valid]) => [dto.name, dto, valid] as const))(
    'accepts for %s what class-validator accepts, as it is',
    async (_, dto, valid) => {
      expect(await outcome(fast, valid, dto)).toEqual({ accepted: valid });
      expect(await outcome(slow, valid, dto)).toEqual({ accepted: valid });
      await fc.assert(
        fc.asyncProperty(fc.boolean(), body, async (near, more) => {
          const value = near ? { ...valid, ...more } : more;
          const [one, other] = [await outcome(fast, value, dto), await outcome(slow, value, dto)];
          expect(one).toEqual(other);
        }),
        { numRuns: 1_000 },
      );
    },
  );
});
