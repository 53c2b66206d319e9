import type { EntryType, GrantCategory, Unit } from '../ledger/index.js';
import type { Measure } from './charge.js';

/** The words that credits and tokens have for the same machine. */
export interface Words<Label extends object = object> {
  readonly unit: Unit;
  /** The entry, and the scope of the key, of an administrator's deposit … */
  readonly deposit: EntryType;
  /** … and of spending. */
  readonly spend: EntryType;
  /** What an administrator's deposit is unless it says otherwise. */
  readonly category: GrantCategory;
  /** The entry that a purchase makes. */
  readonly purchase: EntryType;
  /** The fields that say in which unit a balance or summary is. */
  readonly label: Label;
  /** What usage comes to. */
  readonly measure: Measure;
}
