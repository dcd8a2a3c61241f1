import type { Room } from './claims.ts';

/** How many calls to an endpoint may be in flight when nothing is known of it, and at most. */
const FIRST = 4;
const MOST = 32;
/** Answers that take longer than this make an endpoint slow, and a slow one gets no more than this. */
const SLOW = { afterMs: 1_000, most: 8 };
/** For each call in flight to a quick endpoint so many deliveries are taken, so that the next one need not wait for a claim. */
const AHEAD = 3;
const MAX_KNOWN = 10_000;

interface Window {
  size: number;
  inFlight: number;
  /** taken, and not done: in flight or waiting to be */
  held: number;
  slow: boolean;
  waiting: (() => void)[];
}

/**
 * How much an endpoint is asked at once: one more for each answer that was good, half after one that was not. So a dead
 * endpoint, of which every call takes the whole time-out, holds one place and not all of them; a slow one few; a quick one many.
 */
export class Windows {
  private readonly merchants = new Map<string, Map<string, Window>>();
  private readonly served = new Map<string, string>();
  private known = 0;

  /** What a claim of this merchant may take now. */
  room(merchantId: string): Room {
    const endpoints = [...(this.merchants.get(merchantId) ?? [])].map(([id, { size, held, slow }]) => ({
      id,
      room: Math.max(0, (slow ? size : size * AHEAD) - held),
    }));
    return { endpoints, others: FIRST, after: this.served.get(merchantId) ?? null };
  }

  /** What may be taken that is not claimed but delivered as soon as it is told: a part is left for what is waiting already. */
  roomAtOnce(merchantId: string): Room {
    const endpoints = [...(this.merchants.get(merchantId) ?? [])].map(([id, { size, held, slow }]) => ({
      id,
      room: Math.max(0, (slow ? size >> 1 : size * (AHEAD - 1)) - held),
    }));
    return { endpoints, others: FIRST >> 1, after: null };
  }

  /** A delivery was taken. */
  taken(merchantId: string, endpointId: string): void {
    this.served.set(merchantId, endpointId);
    this.of(merchantId, endpointId).held++;
  }

  /** Resolves when the endpoint may be called; in the order in which it was asked for. */
  async entered(merchantId: string, endpointId: string): Promise<void> {
    const window = this.of(merchantId, endpointId);
    if (window.inFlight >= window.size || window.waiting.length > 0) await new Promise<void>((resolve) => window.waiting.push(resolve));
    else window.inFlight++;
  }

  /** A call has ended, after so many milliseconds. */
  left(merchantId: string, endpointId: string, good: boolean, tookMs: number): void {
    const window = this.of(merchantId, endpointId);
    window.inFlight--;
    window.held--;
    window.slow = !good || tookMs > SLOW.afterMs;
    window.size = good ? Math.min(window.slow ? SLOW.most : MOST, window.size + 1) : Math.max(1, window.size >> 1);
    for (; window.inFlight < window.size && window.waiting.length > 0; window.inFlight++) window.waiting.shift()?.();
  }

  /** A delivery that was taken is not going to be made. */
  gaveBack(merchantId: string, endpointId: string): void {
    this.of(merchantId, endpointId).held--;
  }

  private of(merchantId: string, endpointId: string): Window {
    let endpoints = this.merchants.get(merchantId);
    let window = endpoints?.get(endpointId);
    if (window) return window;
    if (++this.known > MAX_KNOWN) this.forgetIdle();
    if (!endpoints || !this.merchants.has(merchantId)) this.merchants.set(merchantId, (endpoints = new Map()));
    endpoints.set(endpointId, (window = { size: FIRST, inFlight: 0, held: 0, slow: true, waiting: [] }));
    return window;
  }

  private forgetIdle(): void {
    for (const [merchantId, endpoints] of this.merchants) {
      for (const [id, { held }] of endpoints) if (held === 0) endpoints.delete(id);
      if (endpoints.size > 0) continue;
      this.merchants.delete(merchantId);
      this.served.delete(merchantId);
    }
    this.known = [...this.merchants.values()].reduce((sum, { size }) => sum + size, 0);
  }
}
