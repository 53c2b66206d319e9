/** Reads the variables of an environment by type and collects the problems. An empty value counts as absent. */
export class Variables {
  /** A sentence for each problem; none repeats a secret. */
  readonly problems: string[] = [];

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  text(name: string): string | undefined {
    return this.env[name]?.trim() || undefined;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const value = this.text(name) ?? fallback;
    const found = allowed.find((each) => each === value);
    if (found === undefined) this.problems.push(`${name} must be one of ${allowed.join(', ')}`);
    return found ?? fallback;
  }

  flag(name: string, fallback: 'true' | 'false'): boolean {
    return this.oneOf(name, ['true', 'false'], fallback) === 'true';
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.text(name) ?? String(fallback);
    const fits = /^\d+$/.test(value) && Number(value) >= min && Number(value) <= max;
    if (!fits) this.problems.push(`${name} must be a whole number from ${min} to ${max}`);
    return fits ? Number(value) : fallback;
  }

  /** Without slashes at its end. */
  httpUrl(name: string): string | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value.replace(/\/+$/, '');
    this.problems.push(`${name} must be an http(s) URL`);
    return undefined;
  }

  /** Items separated by commas. */
  list(name: string): string[] {
    const items = this.text(name)?.split(',') ?? [];
    return items.map((item) => item.trim()).filter(Boolean);
  }

  require(names: readonly string[], when: string): void {
    for (const name of names) if (this.list(name).length === 0) this.problems.push(`${name} is required ${when}`);
  }
}
