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

  copy(): WorkingGrants {
    const copy = new WorkingGrants(this.known);
    copy.own = this.own && [...this.own];
    for (const [id, grant] of this.touched) copy.touched.set(id, grant);
    return copy;
  }
}
