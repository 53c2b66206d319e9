import { type Grant, type Grants, place } from './grant.js';

/** The grants of an account as the operations of a batch change them. */
export class WorkingGrants implements Grants {
  private own?: Grant[];
  private readonly touched = new Map<number, Grant>();

  constructor(
    private readonly known: { readonly open: readonly Grant[]; readonly grants: ReadonlyMap<number, Grant> },
  ) {}

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
