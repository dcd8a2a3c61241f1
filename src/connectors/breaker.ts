import type { Clock } from '../ports.ts';
import type { Verdict } from './connector.ts';

/** Calls in a row without an answer until nothing is sent any more. */
const OPENS_AFTER = 8;
const LONGEST_MS = 15_000;

/**
 * Watches whether a processor answers. While it does not, payouts are not taken: they wait as they are and nothing fails.
 * One call is tried from time to time; its answer closes the breaker.
 */
export class Breaker {
  private failures = 0;
  private openUntil = 0;
  private waitMs = 250;
  private probing = false;
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get isOpen(): boolean {
    return this.failures >= OPENS_AFTER;
  }

  /** How many calls may begin now. */
  allowance(): number {
    if (!this.isOpen) return Number.POSITIVE_INFINITY;
    if (this.probing || this.clock.monotonic() < this.openUntil) return 0;
    return 1;
  }

  /** A call was taken for which `allowance` said one. */
  began(): void {
    if (this.isOpen) this.probing = true;
  }

  heard(verdict: Pick<Verdict, 'kind'> & { untried?: true }): void {
    if (verdict.untried) {
      this.probing = false;
      return;
    }
    const { kind } = verdict;
    if (kind !== 'unsent' && kind !== 'unknown') {
      this.probing = false;
      this.failures = 0;
      this.waitMs = 250;
      return;
    }
    this.failures++;
    if (!this.isOpen) return;
    // Many calls are in flight when it opens; that they fail as well is no news, and must not make the wait long at once.
    if (this.failures > OPENS_AFTER && !this.probing) return;
    this.probing = false;
    this.openUntil = this.clock.monotonic() + this.waitMs;
    this.waitMs = Math.min(this.waitMs * 2, LONGEST_MS);
  }
}
