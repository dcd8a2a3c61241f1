import type { Clock } from '../../src/ports.ts';
import type { Faults } from './faults.ts';
import { interruptible, type Owner, type World } from './world.ts';

export type Role = 'api' | 'worker';

/**
 * A process of the platform, as its ports see it. At each await of a port it may die: then nothing of it goes on, ever.
 * What it had in memory is gone, what it had asked of others happens or not without it.
 */
export class Process implements Owner {
  alive = true;
  frozenUntil = 0;
  readonly name: string;
  readonly role: Role;
  /** by how much its wall clock is ahead of the world's */
  readonly skewMs: number;
  /** when it looked for work last, by kind, and how much had been written by then */
  readonly looked = new Map<string, { at: number; changes: number }>();
  private readonly world: World;
  private readonly faults: Faults;
  private readonly ends: (() => void)[] = [];

  constructor(name: string, role: Role, skewMs: number, world: World, faults: Faults) {
    this.name = name;
    this.role = role;
    this.skewMs = skewMs;
    this.world = world;
    this.faults = faults;
  }

  /** Told when it dies. */
  onEnd(tell: () => void): void {
    this.ends.push(tell);
  }

  kill(why: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.world.note(this, `died: ${why}`);
    for (const tell of this.ends) tell();
  }

  /** Stands still, as if stopped by a signal or a long pause, and goes on later as if nothing had been. */
  freeze(ms: number): void {
    this.frozenUntil = this.world.time + ms;
    this.world.note(this, `stands still for ${Math.round(ms)} ms`);
  }

  /** An await of a port: `act` happens after a while, unless the process dies there. */
  pass(site: string, ms: number, act: () => void): void {
    this.world.after(ms, this, () => {
      if (this.faults.diesAt(`${this.role} ${site}`)) return this.kill(site);
      act();
    });
  }

  passed(site: string, ms: number): Promise<void> {
    return new Promise((resolve) => this.pass(site, ms, resolve));
  }

  /** What somebody outside will say, as this process gets to hear it. */
  heard<T>(site: string, ms: number, said: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      said.then(
        (value) => this.pass(site, ms, () => resolve(value)),
        (error: Error) => this.pass(site, ms, () => reject(error)),
      );
    });
  }

  /** Its own clock. Durations are true; the time of day is as wrong as its machine's. */
  clock(): Clock & { setOffset(ms: number): void } {
    const { world } = this;
    const wall = () => world.date(world.time + this.skewMs);
    return {
      ...{ now: wall, wall, monotonic: () => world.time },
      sleep: (ms, signal) => interruptible(signal, (wake) => this.pass('sleep', ms, wake)),
      setOffset: () => undefined,
    };
  }

  /**
   * The clock of somebody who looks for work again and again: he sleeps until there may be some.
   * @param changes how much has been written so far
   */
  lookingClock(kind: string, changes: () => number): Clock {
    const { world } = this;
    const clock = this.clock();
    return {
      ...clock,
      sleep: (ms, signal) =>
        interruptible(signal, (wake) =>
          world.look(ms, this, kind, () => {
            this.looked.set(kind, { at: world.time, changes: changes() });
            if (this.faults.diesAt(`${this.role} sleep, ${kind}`)) return this.kill(`sleep, ${kind}`);
            wake();
          }),
        ),
    };
  }
}
