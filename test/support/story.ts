import {
  type AccountName,
  type Action,
  type Answer,
  decide,
  type Decision,
  type Group,
  type Operation,
} from '../../src/ledger/domain/index.js';
import { MemoryTables } from './memory-tables.js';
import { operationOn } from './posting.js';

/**
 * Batches as they follow one another, decided by the rules alone: each begins with the rows that the ones before it
 * have left in memory.
 */
export class Story {
  readonly tables = new MemoryTables();
  private batches = 0;

  constructor(public now = Date.UTC(2026, 3, 15, 10, 30)) {}

  /** Decides one batch and writes its effects. */
  batch(groups: readonly Group[]): Decision {
    const decision = decide(this.tables.load(groups, this.now), groups, this.now);
    this.batches += 1;
    this.tables.write(
      decision.effects,
      { bucket: 0, id: 'story', number: this.batches, version: this.batches },
      this.now,
    );
    return decision;
  }

  /** Decides operations that are done together or not at all. */
  together(group: Group): readonly Answer[] {
    return this.batch([group]).answers![0]!;
  }

  /** Decides one action, in a batch of its own. */
  one(account: AccountName, action: Action, more: Partial<Operation> = {}): Answer {
    return this.together([operationOn(account, action, more)])[0]!;
  }
}
