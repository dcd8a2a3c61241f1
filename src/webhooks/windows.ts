import type { Room } from './claims.ts';

/** How many calls to an endpoint may be in flight when nothing is known of it, and at most. */
const FIRST = 4;
const MOST = 32;
const MAX_KNOWN = 10_000;

interface Window {
  size: number;
  inFlight: number;
}

/**
 * How much an endpoint is asked at once: one more for each answer that was good, half after one that was not. So a dead
 * endpoint, of which every call takes the whole time-out, holds one place and not all of them, and a quick one gets many.
 */
export class Windows {
  private readonly merchants = new Map<string, Map<string, Window>>();
  private readonly served = new Map<string, string>();
  private known = 0;

  /** What a claim of this merchant may take now. */
  room(merchantId: string): Room {
    const endpoints = [...(this.merchants.get(merchantId) ?? [])].map(([id, { size, inFlight }]) => ({ id, room: Math.max(0, size - inFlight) }));
    return { endpoints, others: FIRST, after: this.served.get(merchantId) ?? null };
  }

  began(merchantId: string, endpointId: string): void {
    this.served.set(merchantId, endpointId);
    this.of(merchantId, endpointId).inFlight++;
  }

  ended(merchantId: string, endpointId: string, good: boolean): void {
    const window = this.of(merchantId, endpointId);
    window.inFlight--;
    window.size = good ? Math.min(MOST, window.size + 1) : Math.max(1, window.size >> 1);
  }

  private of(merchantId: string, endpointId: string): Window {
    let endpoints = this.merchants.get(merchantId);
    if (!endpoints) this.merchants.set(merchantId, (endpoints = new Map()));
    let window = endpoints.get(endpointId);
    if (!window) {
      if (++this.known > MAX_KNOWN) this.forgetIdle();
      this.merchants.set(merchantId, endpoints);
      endpoints.set(endpointId, (window = { size: FIRST, inFlight: 0 }));
    }
    return window;
  }

  private forgetIdle(): void {
    for (const [merchantId, endpoints] of this.merchants) {
      for (const [id, { inFlight }] of endpoints) if (inFlight === 0) endpoints.delete(id);
      if (endpoints.size === 0) {
        this.merchants.delete(merchantId);
        this.served.delete(merchantId);
      }
    }
    this.known = [...this.merchants.values()].reduce((sum, { size }) => sum + size, 0);
  }
}
