import type { Clock } from '../../src/ports.ts';
import type { Dice } from './dice.ts';
import { Trace } from './trace.ts';

/** Somebody whose events end with him: a process of the platform. */
export interface Owner {
  readonly name: string;
  readonly alive: boolean;
  /** Nothing of his happens before this time. */
  readonly frozenUntil: number;
}

interface Event {
  at: number;
  /** Decides among events of one moment: the seed does. */
  tie: number;
  owner: Owner | undefined;
  /** what a look is for */
  kind?: string;
  run(): void;
}

/** A time far beyond every run. */
export const NEVER = Number.POSITIVE_INFINITY;

/** Where the calendar begins: half an hour before midnight in Almaty, on the last day of a month. */
const EPOCH = Date.UTC(2026, 1, 28, 18, 30);

/**
 * The virtual world: a clock that jumps to the next event, one event at a time, all in one thread. An event runs only when
 * everything that the one before it set off has come to rest, so the order of events is the seed's and nobody else's.
 */
export class World {
  /** milliseconds since the beginning */
  time = 0;
  steps = 0;
  readonly trace: Trace;
  readonly dice: Dice;
  /** When work of a kind is due next, for whoever looks for it; NEVER when there is none. */
  dueAt: (kind: string, owner: Owner) => number = () => 0;
  /** Told between two events. */
  between: () => void = () => undefined;
  private readonly heap: Event[] = [];
  /** Those who look for work: they do not look before there is some. */
  private looks: Event[] = [];

  constructor(dice: Dice, keepLines: number) {
    this.dice = dice;
    this.trace = new Trace(keepLines);
  }

  /** Time as everybody outside the platform sees it. */
  readonly clock: Clock = {
    now: () => this.date(),
    wall: () => this.date(),
    monotonic: () => this.time,
    sleep: (ms, signal) => this.sleep(ms, signal),
  };

  date(at = this.time): Date {
    return new Date(EPOCH + Math.floor(at));
  }

  /** Something happens after a while. */
  after(ms: number, owner: Owner | undefined, run: () => void): void {
    this.push({ at: this.time + Math.max(0, ms), tie: this.dice.fraction(), owner, run });
  }

  /** Somebody looks for work of a kind after a while, or later when there is none by then. */
  look(ms: number, owner: Owner, kind: string, run: () => void): void {
    this.looks.push({ at: this.time + ms, tie: this.dice.fraction(), owner, kind, run });
  }

  sleep(ms: number, signal?: AbortSignal, owner?: Owner): Promise<void> {
    return interruptible(signal, (wake) => this.after(ms, owner, wake));
  }

  note(owner: Owner | undefined, what: string): void {
    this.trace.write(`${this.steps} ${this.time.toFixed(3)} ${owner?.name ?? 'world'} ${what}`);
  }

  /** Goes on until `done`, or until a moment. @returns whether it is done */
  async run(done: () => boolean, until = NEVER): Promise<boolean> {
    for (;;) {
      await rest();
      if (done()) return true;
      this.between();
      const at = Math.min(this.heap[0]?.at ?? NEVER, this.firstLook()?.at ?? NEVER);
      if (at > until || at === NEVER) {
        if (until !== NEVER) this.time = Math.max(this.time, until);
        return false;
      }
      const event = this.next();
      if (!event) continue;
      this.time = Math.max(this.time, event.at);
      this.steps++;
      event.run();
    }
  }

  /** Takes the earliest event. @returns undefined when its owner is dead or frozen */
  private next(): Event | undefined {
    const look = this.firstLook();
    if (look && look.at <= (this.heap[0]?.at ?? NEVER)) {
      this.looks = this.looks.filter((event) => event !== look.event);
      return { ...look.event, at: look.at };
    }
    const event = this.pop() as Event;
    if (event.owner && !event.owner.alive) return undefined;
    if (!event.owner || event.owner.frozenUntil <= event.at) return event;
    this.push({ ...event, at: event.owner.frozenUntil });
    return undefined;
  }

  private firstLook(): { event: Event; at: number } | undefined {
    this.looks = this.looks.filter(({ owner }) => owner?.alive);
    let first: { event: Event; at: number } | undefined;
    for (const event of this.looks) {
      const at = Math.max(event.at, event.owner?.frozenUntil ?? 0, this.dueAt(event.kind as string, event.owner as Owner));
      if (at !== NEVER && (!first || at < first.at || (at === first.at && event.tie < first.event.tie))) first = { event, at };
    }
    return first;
  }

  private push(event: Event): void {
    const { heap } = this;
    let at = heap.length;
    for (let parent = (at - 1) >> 1; at > 0 && before(event, heap[parent] as Event); parent = (at - 1) >> 1) {
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  private pop(): Event | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!before(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.tie < b.tie);

/** Until nothing is left to run: promises first, then whatever the HTTP machinery puts off to the next turn of the loop. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}
const TURNS = 2;

/** A sleep that ends when `begin` says so, or when it is interrupted. */
export function interruptible(signal: AbortSignal | undefined, begin: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const wake = () => {
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    signal?.addEventListener('abort', wake);
    begin(wake);
  });
}
