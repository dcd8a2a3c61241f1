/** What the bank will do later, in order of time; things due at once keep the order in which they were noted. One sleeper serves all. */
import type { Clock } from '../ports.ts';

interface Item {
  due: number;
  order: number;
  run: () => void;
}

const before = (a: Item, b: Item) => a.due < b.due || (a.due === b.due && a.order < b.order);

export class Agenda {
  readonly #clock: Clock;
  /** a binary heap, the earliest first */
  readonly #items: Item[] = [];
  #order = 0;
  #sleep: { until: number; wake: AbortController } | undefined;
  #running = false;
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `run` must not throw. */
  after(ms: number, run: () => void): void {
    const item = { due: this.#clock.monotonic() + ms, order: this.#order++, run };
    this.#push(item);
    if (this.#sleep && item.due < this.#sleep.until) this.#sleep.wake.abort();
    if (!this.#running && !this.#stopped) void this.#work();
  }

  /** Nothing runs any more; what was noted is for the next process to find in the journal. */
  stop(): void {
    this.#stopped = true;
    this.#sleep?.wake.abort();
  }

  async #work(): Promise<void> {
    this.#running = true;
    await Promise.resolve(); // never inside the call that noted it
    for (let next = this.#items[0]; next && !this.#stopped; next = this.#items[0]) {
      const wait = next.due - this.#clock.monotonic();
      if (wait <= 0) {
        this.#pop().run();
      } else {
        this.#sleep = { until: next.due, wake: new AbortController() };
        await this.#clock.sleep(Math.ceil(wait), this.#sleep.wake.signal);
        this.#sleep = undefined;
      }
    }
    this.#running = false;
  }

  #push(item: Item): void {
    const items = this.#items;
    let at = items.length;
    for (let parent = (at - 1) >> 1; at > 0 && before(item, items[parent]!); parent = (at - 1) >> 1) {
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  #pop(): Item {
    const items = this.#items;
    const first = items[0]!;
    const last = items.pop()!;
    if (items.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++;
      if (!before(items[child]!, last)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return first;
  }
}
