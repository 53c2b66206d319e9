import type { GrantChanges } from './effects.js';
import { type Grant, type Grants, place } from './grant.js';

/** The grants that were known before. */
interface KnownGrants {
  readonly open: readonly Grant[];
  readonly grants: ReadonlyMap<number, Grant>;
}

/** The grants of an account as a batch, or the replay of its history, changes them. */
export class WorkingGrants implements Grants {
  private own?: Grant[];
  private readonly touched = new Map<number, Grant>();

  constructor(private readonly known: KnownGrants) {}

  get open(): readonly Grant[] {
    return this.own ?? this.known.open;
  }

  find(id: number): Grant | undefined {
    return this.touched.get(id) ?? this.known.grants.get(id);
  }

  put(grant: Grant): void {
    this.touched.set(grant.id, grant);
    place((this.own ??= [...this.known.open]), grant);
  }

  changed(): Grant[] {
    return [...this.touched.values()];
  }

  /** Adds the grants that were touched to those of other accounts. */
  addTo({ made, moved, changed }: { readonly [K in keyof GrantChanges]: Grant[] }): void {
    for (const grant of this.touched.values()) {
      const before = this.known.grants.get(grant.id);
      if (!before) made.push(grant);
      else if (isMove(before, grant)) moved.push(grant);
      else changed.push(grant);
    }
  }

  copy(): WorkingGrants {
    const copy = new WorkingGrants(this.known);
    copy.own = this.own && [...this.own];
    for (const [id, grant] of this.touched) copy.touched.set(id, grant);
    return copy;
  }
}

/** Whether units only moved between what is used, held and remaining, and something still remains, or still nothing. */
function isMove(
  before: Grant,
  { price, amount, expired, voided, takenBack, open, carried, extendedBy }: Grant,
): boolean {
  return (
    open === before.open &&
    price === before.price &&
    amount === before.amount &&
    expired === before.expired &&
    voided === before.voided &&
    takenBack === before.takenBack &&
    carried === before.carried &&
    extendedBy === before.extendedBy
  );
}
