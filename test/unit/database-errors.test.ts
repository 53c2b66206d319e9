import { describe, expect, it } from '@jest/globals';
import { QueryFailedError } from 'typeorm';
import { FenceLost, isTransient, takesNoWrites, wasUndone } from '../../src/common/database/index.js';

type Verdict = 'undone' | 'unknown' | 'no writes' | 'of the operation';

/** As the driver makes them; it has no name for TiDB's numbers. */
const ERRORS: [number: number, code: string | undefined, verdict: Verdict][] = [
  [1213, 'ER_LOCK_DEADLOCK', 'undone'],
  [1205, 'ER_LOCK_WAIT_TIMEOUT', 'undone'],
  [8005, undefined, 'undone'],
  [8022, undefined, 'undone'],
  [8027, undefined, 'undone'],
  [8028, undefined, 'undone'],
  [9007, undefined, 'undone'],
  [1180, 'ER_ERROR_DURING_COMMIT', 'unknown'],
  [3100, 'ER_RUN_HOOK_ERROR', 'unknown'],
  [3101, 'ER_TRANSACTION_ROLLBACK_DURING_COMMIT', 'unknown'],
  [1927, 'ER_CONNECTION_KILLED', 'unknown'],
  [9001, undefined, 'unknown'],
  [9002, undefined, 'unknown'],
  [9003, undefined, 'unknown'],
  [9004, undefined, 'unknown'],
  [9005, undefined, 'unknown'],
  [1290, 'ER_OPTION_PREVENTS_STATEMENT', 'no writes'],
  [1047, 'ER_UNKNOWN_COM_ERROR', 'no writes'],
  [1406, 'ER_DATA_TOO_LONG', 'of the operation'],
  [9999, undefined, 'of the operation'],
];

describe('an error of the database', () => {
  it.each(ERRORS)('%i (%s) is: %s', (errno, code, verdict) => {
    const driver = Object.assign(new Error('told'), { errno, code });
    for (const error of [driver, new QueryFailedError('COMMIT', [], driver)]) {
      expect({ transient: isTransient(error), undone: wasUndone(error), noWrites: takesNoWrites(error) }).toEqual({
        transient: verdict !== 'of the operation',
        undone: verdict === 'undone' || verdict === 'of the operation',
        noWrites: verdict === 'no writes',
      });
    }
  });

  it('a fence that is lost is another attempt, and nothing was done', () => {
    const error = new FenceLost();
    expect([isTransient(error), wasUndone(error), takesNoWrites(error)]).toEqual([true, true, false]);
  });
});
