/** faults.ts: what goes wrong, and when, from a seed: kills, freezes and lost connections, one every one to three seconds. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dice } from './dice.ts';
import type { Journal } from './journal.ts';
import type { Part } from './processes.ts';
import type { Platform } from './platform.ts';

const weights = {
  ...{ 'kill api': 20, 'kill worker': 20, 'kill bank': 11, 'kill database': 8, 'kill backend': 8, 'kill all': 2, 'kill half': 4 },
  ...{ 'freeze worker': 7, 'freeze api': 5, 'cut connection': 5, 'stop api': 3, 'stop worker': 3 },
} as const;
export type FaultKind = keyof typeof weights;

/** What counts as a kill -9 of a process of the platform or of its database. */
const KILLS: readonly string[] = ['api', 'worker', 'bank', 'database', 'backend'];

export class Faults {
  /** how often each kind happened */
  readonly happened = new Map<string, number>();
  /** kill -9, by what was killed */
  readonly killed = new Map<string, number>();
  private readonly pending = new Set<Promise<void>>();

  constructor(
    private readonly platform: Platform,
    private readonly journal: Journal,
    private readonly dice: Dice,
  ) {}

  get kills(): number {
    return KILLS.reduce((sum, what) => sum + (this.killed.get(what) ?? 0), 0);
  }

  /** Does harm until the signal aborts, and waits for what it froze to thaw. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.dice.between(1_000, 3_000), undefined, { signal }).catch(() => {});
      if (signal.aborted) break;
      // One that does not apply, since what it would strike is down already, makes room for another.
      for (let tries = 0; tries < 20 && !(await this.strike(this.dice.weighted(weights))); tries++);
    }
    await Promise.all(this.pending);
  }

  /** @returns whether there was something to strike */
  private async strike(kind: FaultKind): Promise<boolean> {
    const struck = await this.harm(kind, this.dice.between(0, 2_000));
    if (struck === undefined) return false;
    this.happened.set(kind, (this.happened.get(kind) ?? 0) + 1);
    this.journal.write({ kind: 'fault', at: Date.now(), what: kind, detail: struck });
    return true;
  }

  /** @param awayMs for how long what is killed stays away. @returns what was struck */
  private async harm(kind: FaultKind, awayMs: number): Promise<string | undefined> {
    const { platform, dice } = this;
    const { database, bank, apis, workers } = platform;
    switch (kind) {
      case 'kill api':
        return this.kill('api', apis, awayMs);
      case 'kill worker':
        return this.kill('worker', workers, awayMs);
      case 'kill bank':
        return this.kill('bank', [bank], awayMs);
      case 'kill database':
        return this.killDatabase(awayMs);
      case 'kill backend':
        return (await database.killBackend(false, (pids) => dice.pick(pids))) ? this.count('backend', 'a backend') : undefined;
      case 'cut connection':
        return (await database.killBackend(true, (pids) => dice.pick(pids))) ? 'a connection' : undefined;
      case 'kill half': // an API, a worker and the database at once: a machine that loses its power
        return this.together([this.kill('api', apis, awayMs), this.kill('worker', workers, awayMs), this.killDatabase(awayMs)]);
      case 'kill all':
        return this.together([
          ...apis.map((part) => this.kill('api', [part], awayMs)),
          ...workers.map((part) => this.kill('worker', [part], awayMs)),
          this.kill('bank', [bank], awayMs),
          this.killDatabase(awayMs),
        ]);
      case 'freeze worker':
        return this.freeze(workers);
      case 'freeze api':
        return this.freeze(apis);
      case 'stop api':
        return this.stop(apis, awayMs);
      case 'stop worker':
        return this.stop(workers, awayMs);
    }
  }

  private together(struck: (string | undefined)[]): string | undefined {
    const all = struck.filter((what) => what !== undefined);
    return all.length > 0 ? all.join(', ') : undefined;
  }

  private one(parts: Part[]): Part | undefined {
    const up = parts.filter(({ isUp }) => isUp);
    return up.length > 0 ? this.dice.pick(up) : undefined;
  }

  private kill(what: string, parts: Part[], awayMs: number): string | undefined {
    const part = this.one(parts);
    part?.kill('SIGKILL', awayMs);
    return part && this.count(what, part.name);
  }

  private killDatabase(awayMs: number): string | undefined {
    const { database } = this.platform;
    if (!database.isUp) return undefined;
    database.kill(awayMs);
    return this.count('database', 'database');
  }

  /** As an operator does who deploys: asks it to end. */
  private stop(parts: Part[], awayMs: number): string | undefined {
    const part = this.one(parts);
    part?.kill('SIGTERM', awayMs);
    return part?.name;
  }

  /** Up to 20 s, mostly less: longer than a lease now and then, so that it wakes up as a zombie. */
  private freeze(parts: Part[]): string | undefined {
    const part = this.one(parts);
    if (!part) return undefined;
    const ms = Math.round(1_000 + 19_000 * this.dice.fraction() ** 1.5);
    const thawed: Promise<void> = part.freeze(ms).finally(() => this.pending.delete(thawed));
    this.pending.add(thawed);
    return `${part.name} for ${ms} ms`;
  }

  private count(what: string, struck: string): string {
    this.killed.set(what, (this.killed.get(what) ?? 0) + 1);
    return struck;
  }
}
