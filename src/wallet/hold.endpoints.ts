import { applyDecorators } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { Authenticated } from '../auth/index.js';
import { DIMENSIONS_EXAMPLE } from './examples.js';

/** A route of one hold, which its path names. */
export const OneHold = () =>
  applyDecorators(Authenticated(), ApiParam({ name: 'id', description: 'The id of the hold.', example: 'hold_7_12' }));

/** What the document says of the routes of holds, for credits and tokens alike. */
export const HOLD_ENDPOINTS = {
  open: {
    summary: 'Open a hold',
    description:
      'A hold lowers `available` at once and never `balance`, so an agent can rely on the amount. Captures spend from it. The rest comes back when the hold is released, captured for the last time, or expires.',
    status: 201,
    example: { captured: 0, ...DIMENSIONS_EXAMPLE },
    idempotent: true,
  },
  list: {
    summary: 'Holds of an account',
    description:
      'The oldest first, or the newest with `order=desc`; `status` narrows the list. A hold past its `expires_at` counts as expired at once.',
    errors: ['FORBIDDEN'],
  },
  find: {
    summary: 'One hold',
    description: 'With the amount that it kept back at first, and the amounts captured and released since.',
    errors: ['FORBIDDEN', 'NOT_FOUND'],
  },
  capture: {
    summary: 'Spend from a hold',
    description:
      'A final capture releases the rest. An expired, released or wholly captured hold cannot be captured: 409.',
    status: 201,
    idempotent: true,
  },
  release: {
    summary: 'Release a hold',
    description: 'Gives back the rest of the hold. A hold that is not open any more cannot be released: 409.',
    example: { status: 'released', captured: 1.25, released: 3.75 },
    idempotent: true,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
  },
} as const;
