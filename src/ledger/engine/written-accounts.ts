/** More would only be remembered while the follower is far behind; what is forgotten, its repair finds. */
const MOST = 200_000;

/**
 * The ids of the accounts that this process has written and nobody has followed since, the longest untouched first. It
 * costs a batch one addition to a set for each of its accounts.
 */
export class WrittenAccounts {
  private readonly ids = new Set<number>();
  /** How often an account was written. */
  writes = 0;
  /** Whether accounts were forgotten, because there were too many. */
  overflowed = false;

  get size(): number {
    return this.ids.size;
  }

  /** Notes a write. */
  note(id: number): void {
    this.writes += 1;
    this.remember(id);
  }

  /** Notes an account that is to be followed for another reason. */
  remember(id: number): void {
    if (this.ids.size < MOST) this.ids.add(id);
    else this.overflowed = true;
  }

  forget(id: number): void {
    this.ids.delete(id);
  }

  /** The first ones, at most `limit`. */
  first(limit = Infinity): number[] {
    const found: number[] = [];
    for (const id of this.ids) {
      if (found.length >= limit) break;
      found.push(id);
    }
    return found;
  }
}
