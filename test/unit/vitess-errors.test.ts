import { describe, expect, it } from '@jest/globals';
import { isTransient, wasUndone } from '../../src/common/database/index.js';

/** An error as TypeORM hands on the driver's. */
const failure = (code: string, message: string) =>
  Object.assign(new Error(message), { driverError: { code, message } });

describe('an error of Vitess', () => {
  it.each([
    'target: credits.0.primary: primary is not serving, there may be a reparent operation in progress',
    'operation not allowed in state NOT_SERVING',
    "no healthy tablet available for 'keyspace:credits shard:0 tablet_type:PRIMARY'",
    'vttablet: rpc error: code = Unavailable desc = connection error',
    'inconsistent state detected, primary is serving but initially found no available tablet',
    'VT15001: transaction error, issue ROLLBACK and retry the transaction',
  ])('1105 with "%s" passes, and leaves open whether it was committed', (message) => {
    const error = failure('ER_UNKNOWN_ERROR', message);
    expect([isTransient(error), wasUndone(error)]).toEqual([true, false]);
    // Under another number the words can be those of a customer.
    expect(isTransient(failure('ER_TRUNCATED_WRONG_VALUE_FOR_FIELD', message))).toBe(false);
  });

  it('2013, which the driver has no name for, passes, too', () => {
    const error = Object.assign(new Error('vttablet: EOF (errno 2013) (sqlstate HY000)'), { errno: 2013 });
    expect([isTransient(error), wasUndone(error)]).toEqual([true, false]);
  });

  it('1105 with other words does not pass', () => {
    const error = failure('ER_UNKNOWN_ERROR', 'VT12001: unsupported: correlated subquery');
    expect([isTransient(error), wasUndone(error)]).toEqual([false, true]);
  });
});
