/** findings.ts: what was found to be wrong, by the rule that it breaks; and how often something was looked at, since a rule that saw nothing proves nothing. */

export interface Finding {
  rule: string;
  detail: string;
}

const KEPT_OF_A_RULE = 20;

export class Findings {
  readonly all: Finding[] = [];
  readonly checked = new Map<string, number>();
  private readonly counts = new Map<string, number>();

  /** @param found told of each violation */
  constructor(private readonly found: () => void = () => undefined) {}

  get violations(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  wrong(rule: string, detail: string): void {
    const count = (this.counts.get(rule) ?? 0) + 1;
    this.counts.set(rule, count);
    if (count <= KEPT_OF_A_RULE) this.all.push({ rule, detail });
    this.found();
  }

  /** A rule was applied once. @param detail what is told if it did not hold */
  check(rule: string, holds: boolean, detail: () => string): void {
    this.checked.set(rule, (this.checked.get(rule) ?? 0) + 1);
    if (!holds) this.wrong(rule, detail());
  }

  byRule(): { rule: string; checked: number; violations: number }[] {
    const rules = [...new Set([...this.checked.keys(), ...this.counts.keys()])].sort();
    return rules.map((rule) => ({ rule, checked: this.checked.get(rule) ?? 0, violations: this.counts.get(rule) ?? 0 }));
  }
}
