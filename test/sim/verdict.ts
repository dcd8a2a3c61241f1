import type { World } from './world.ts';

export interface Violation {
  rule: string;
  what: string;
  step: number;
}

/** What was found to be wrong. A run ends with the first. */
export class Verdict {
  readonly violations: Violation[] = [];
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  get isBad(): boolean {
    return this.violations.length > 0;
  }

  wrong(rule: string, what: string): void {
    this.world.note(undefined, `VIOLATION ${rule}: ${what}`);
    if (this.violations.length < 20) this.violations.push({ rule, what, step: this.world.steps });
  }

  expect(holds: unknown, rule: string, what: () => string): void {
    if (!holds) this.wrong(rule, what());
  }
}
