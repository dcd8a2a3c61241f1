import { CommitUnknown, isConnectionLost, isUniqueViolation } from './db/db.ts';
import { ApiError, unavailable } from './errors.ts';
import type { Clock } from './ports.ts';

/** What became of one item: an answer, or the error that is this item's alone. */
export type Outcome<Answer> = { ok: true; answer: Answer } | { ok: false; error: unknown };

/** How groups come about in time. */
export interface Grouping {
  /** Milliseconds to wait before each group for others to join: for items that nobody waits for. */
  gatherMs?: number;
  /** Puts something off to the next turn of the event loop. */
  turn?(next: () => void): void;
}

export interface GroupOptions<Item, Answer> extends Grouping {
  /**
   * Executes a group in one transaction, in the order of arrival, with an outcome for each item. May be called again with
   * the same items after the database was lost (`again`), and must then find out what had been done.
   */
  run(key: string, items: Item[], again: boolean): Promise<Outcome<Answer>[]>;
  clock: Clock;
  /** Items in one transaction. */
  maxGroup?: number;
  /** Items waiting for one key; past it the answer is 503 before any work. */
  maxQueue?: number;
  /** Told the size of each group. */
  onGroup?(size: number): void;
}

interface Waiting<Item, Answer> {
  item: Item;
  settle(outcome: Outcome<Answer>): void;
}

/**
 * Group commit. What arrives for a key while its previous group commits is executed together: one transaction, one lock,
 * one fsync, an outcome for each. A group waits for nobody: with nothing in flight an item goes at once.
 *
 * One item never spoils another: when the database refuses a group, its items are tried one by one. When the database is
 * lost, the same group is run again for a while, then each item is answered 503: unknown, ask again with the same key.
 */
export class Groups<Item, Answer> {
  private readonly options: Required<Omit<GroupOptions<Item, Answer>, 'onGroup'>> & Pick<GroupOptions<Item, Answer>, 'onGroup'>;
  private readonly queues = new Map<string, Waiting<Item, Answer>[]>();
  private readonly busy = new Map<string, Promise<void>>();

  constructor(options: GroupOptions<Item, Answer>) {
    this.options = { maxGroup: 256, maxQueue: 8_192, gatherMs: 0, turn: setImmediate, ...options };
  }

  /** @throws what the item's own outcome says; {ApiError} 503 when too many wait */
  submit(key: string, item: Item): Promise<Answer> {
    const queue = this.queues.get(key) ?? [];
    if (queue.length >= this.options.maxQueue) return Promise.reject(unavailable('too many requests are waiting for this balance', 1));
    return new Promise((resolve, reject) => {
      queue.push({ item, settle: (outcome) => (outcome.ok ? resolve(outcome.answer) : reject(outcome.error as Error)) });
      this.queues.set(key, queue);
      if (!this.busy.has(key)) this.busy.set(key, this.drain(key, queue));
    });
  }

  /** Resolves when nothing is waiting or in flight. */
  async idle(): Promise<void> {
    while (this.busy.size > 0) await Promise.all(this.busy.values());
  }

  private async drain(key: string, queue: Waiting<Item, Answer>[]): Promise<void> {
    const { clock, gatherMs, maxGroup, onGroup, turn } = this.options;
    await new Promise<void>((start) => turn(start)); // what arrived at the same moment joins
    while (queue.length > 0) {
      if (gatherMs > 0) await clock.sleep(gatherMs);
      const group = queue.splice(0, maxGroup);
      onGroup?.(group.length);
      const outcomes = await this.execute(
        key,
        group.map(({ item }) => item),
      );
      const answer = () => group.forEach(({ settle }, i) => settle(outcomes[i] as Outcome<Answer>));
      // With others waiting, they go to the database first: it works while these are answered.
      if (queue.length > 0) turn(answer);
      else answer();
    }
    this.queues.delete(key);
    this.busy.delete(key);
  }

  private async execute(key: string, items: Item[]): Promise<Outcome<Answer>[]> {
    let beaten = false;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.options.run(key, items, attempt > 0);
      } catch (error) {
        if (error instanceof CommitUnknown || isConnectionLost(error)) {
          if (attempt < 5) {
            await this.options.clock.sleep(100 * 2 ** attempt);
            continue;
          }
          return items.map(() => ({ ok: false, error: unavailable('the database does not answer; ask again with the same Idempotency-Key', 5, error) }));
        }
        // Another process was quicker with one of the keys: what it did is there now, to be found.
        if (items.length === 1 && isUniqueViolation(error) && !beaten) {
          beaten = true;
          continue;
        }
        if (items.length === 1 || error instanceof ApiError) return items.map(() => ({ ok: false, error }));
        const outcomes: Outcome<Answer>[] = [];
        for (const item of items) outcomes.push(...(await this.execute(key, [item])));
        return outcomes;
      }
    }
  }
}
