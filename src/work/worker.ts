import type { Db } from '../db/db.ts';
import type { Sql } from '../db/sql.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../ports.ts';

/** A kind of work that rows in the database wait for. */
export interface Queue {
  name: string;
  /** Which merchants have something due: read over all merchants, without a lock. */
  due(now: Date): Sql;
  /** How many pieces may be taken now; 0 leaves them where they are. */
  allowance(): number;
  /** Takes what is due of one merchant, at most `limit`: each promise is a piece in hand. */
  take(merchantId: string, limit: number): Promise<Promise<unknown>[]>;
}

export interface WorkerOptions {
  db: Db;
  clock: Clock;
  log: Log;
  /** pieces in hand at once, for each queue */
  capacity: number;
  /** milliseconds between two looks, while there is work: larger claims cost less each */
  paceMs?: number;
  /** and when there has been none for a while; latency, never correctness */
  idleMs?: number;
}

const MERCHANTS_AT_ONCE = 8;
/** Pieces that one merchant gets in a round, so that a long queue of one is not a wait for all. */
const PIECES_AT_ONCE = 128;

/** Looks for due work and does it. Any number of workers may look at the same rows: what one holds, the others pass over. */
export class Worker {
  private readonly o: Required<WorkerOptions>;
  private readonly queues: Queue[];

  constructor(queues: Queue[], options: WorkerOptions) {
    this.queues = queues;
    this.o = { paceMs: 15, idleMs: 60, ...options };
  }

  /** Works until the signal aborts, then finishes what is in hand. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.queues.map((queue) => this.loop(queue, signal)));
  }

  private async loop(queue: Queue, signal: AbortSignal): Promise<void> {
    const inHand = new Set<Promise<unknown>>();
    let failures = 0;
    let pauseMs = this.o.paceMs;
    while (!signal.aborted) {
      try {
        const took = await this.round(queue, inHand);
        failures = 0;
        pauseMs = took > 0 ? this.o.paceMs : Math.min(pauseMs * 1.5, this.o.idleMs);
        if (inHand.size >= this.o.capacity) await Promise.race(inHand);
        else if (took < PIECES_AT_ONCE) await this.o.clock.sleep(pauseMs, signal);
      } catch (error) {
        this.o.log.warn({ event: 'work.failed', action: queue.name, attempt: ++failures, error }, 'a round of work failed and will be tried again');
        await this.o.clock.sleep(Math.min(100 * 2 ** failures, 5_000), signal);
      }
    }
    await Promise.all(inHand);
  }

  /** One look: a share for each merchant that has something due. @returns how many pieces were taken */
  private async round(queue: Queue, inHand: Set<Promise<unknown>>): Promise<number> {
    if (queue.allowance() === 0) return 0;
    const merchants = (await this.o.db.scan<{ merchant: string }>(queue.due(this.o.clock.now()))).map(({ merchant }) => merchant);
    let taken = 0;
    const next = async (): Promise<void> => {
      for (let merchant = merchants.shift(); merchant !== undefined; merchant = merchants.shift()) {
        const limit = Math.min(PIECES_AT_ONCE, this.o.capacity - inHand.size, queue.allowance());
        if (limit <= 0) return;
        const pieces = await queue.take(merchant, limit);
        taken += pieces.length;
        for (const piece of pieces) this.hold(queue, piece, inHand);
      }
    };
    await Promise.all(Array.from({ length: Math.min(MERCHANTS_AT_ONCE, merchants.length) }, next));
    return taken;
  }

  private hold(queue: Queue, piece: Promise<unknown>, inHand: Set<Promise<unknown>>): void {
    const held: Promise<unknown> = piece
      .catch((error: unknown) => this.o.log.warn({ event: 'work.piece_failed', action: queue.name, error }, 'a piece of work failed; it becomes due again'))
      .finally(() => inHand.delete(held));
    inHand.add(held);
  }
}
