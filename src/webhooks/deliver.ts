import type { Db } from '../db/db.ts';
import { type Grouping, Groups, type Outcome } from '../groups.ts';
import { type Clock, type Net, NetError, type Random } from '../ports.ts';
import { type Claimed, claimDue, type Target } from './claims.ts';
import { type Attempted, isAccepted, recordAttempts } from './outcomes.ts';
import { retryAfter } from './schedule.ts';
import type { Secrets } from './secrets.ts';
import { signedHeaders } from './signature.ts';
import { Windows } from './windows.ts';
import { wrapIds } from './wrapping.ts';

export interface DelivererOptions {
  db: Db;
  clock: Clock;
  random: Random;
  /** to public addresses only */
  net: Net;
  secrets: Secrets;
  /** longest wait for a whole answer, in milliseconds */
  timeoutMs?: number;
  /** calls in flight at once, over all endpoints */
  capacity?: number;
  grouping?: Grouping;
  /** told of each attempt once it is on record */
  onAttempt?(merchantId: string, attempted: Attempted): void;
}

/** For how long records of deliveries gather, so that they are written many at once. */
const RECORDS_MS = 8;
const MAX_ANSWER = 64 * 1024;
const KEPT_ANSWER = 1024;
/** Beyond the time of a call: for its record to be written, however slow the database is. */
const MARGIN_MS = 30_000;

/**
 * Delivers events: takes what is due, calls with no transaction open, and writes what came of it, many together. At least
 * once: what was called and not recorded is called again when its lease ends, with the same id and the same bytes.
 */
export class Deliverer {
  private readonly o: DelivererOptions & { timeoutMs: number; capacity: number };
  private readonly records: Groups<Attempted, void>;
  private readonly windows = new Windows();
  private readonly inHand = new Set<string>();

  constructor(options: DelivererOptions) {
    this.o = { timeoutMs: 15_000, capacity: 512, ...options };
    this.records = new Groups<Attempted, void>({
      clock: this.o.clock,
      maxQueue: Infinity, // as many as are in flight, which is bounded
      gatherMs: RECORDS_MS,
      ...this.o.grouping,
      run: (merchantId, attempted, again) => this.record(merchantId, attempted, again),
    });
  }

  get leaseMs(): number {
    return this.o.timeoutMs + MARGIN_MS;
  }

  /** How many more deliveries may be taken now. */
  allowance(): number {
    return Math.max(0, this.o.capacity - this.inHand.size);
  }

  /** @returns the deliveries that were begun, each settled when its attempt is on record */
  async takeDue(merchantId: string, limit: number): Promise<Promise<Attempted | undefined>[]> {
    const most = Math.min(limit, this.allowance());
    if (most <= 0) return [];
    const until = this.o.clock.monotonic() + this.leaseMs;
    const { claimed, targets } = await this.o.db.merchant(merchantId, (tx) =>
      claimDue(tx, this.o.clock.now(), this.leaseMs, this.windows.room(merchantId), most, (endpoint, number) => this.inHand.has(nameOf(endpoint, number))),
    );
    return claimed.map((claim) => this.deliver(merchantId, claim, targets.get(claim.endpointId) as Target, until));
  }

  /** Resolves when nothing waits to be recorded. */
  idle(): Promise<void> {
    return this.records.idle();
  }

  private async deliver(merchantId: string, claim: Claimed, target: Target, until: number): Promise<Attempted | undefined> {
    const name = nameOf(claim.endpointId, claim.eventNumber);
    this.inHand.add(name);
    this.windows.taken(merchantId, claim.endpointId);
    try {
      const attempted = await this.inTurn(merchantId, claim, target, until);
      if (!attempted) return undefined;
      await this.records.submit(merchantId, attempted);
      this.o.onAttempt?.(merchantId, attempted);
      return attempted;
    } finally {
      this.inHand.delete(name);
    }
  }

  /** The attempt, when the endpoint's window has a place for it. */
  private async inTurn(merchantId: string, claim: Claimed, target: Target, until: number): Promise<Attempted | undefined> {
    await this.windows.entered(merchantId, claim.endpointId);
    let attempted: Attempted | undefined;
    try {
      attempted = await this.attempt(merchantId, claim, target, until);
      return attempted;
    } finally {
      this.windows.left(merchantId, claim.endpointId, attempted !== undefined && isAccepted(attempted), attempted?.durationMs ?? 0);
    }
  }

  /** @returns undefined when it was taken too long ago, by a process that was frozen or for an endpoint that has become slow: it may be somebody else's now */
  private async attempt(merchantId: string, claim: Claimed, target: Target, until: number): Promise<Attempted | undefined> {
    const { clock, timeoutMs } = this.o;
    if (clock.monotonic() + timeoutMs >= until) return undefined;
    const body = target.legacyWrappedIds && claim.type.startsWith('transaction.') ? wrapIds(claim.body) : claim.body;
    const headers = signedHeaders(this.o.secrets.signing(merchantId, target), claim.eventId, clock.wall(), claim.tries, body);
    const [at, began] = [clock.now(), clock.monotonic()];
    const heard = await this.call(target.url, headers, body);
    return { claim, url: target.url, at, durationMs: Math.round(clock.monotonic() - began), ...heard };
  }

  private async call(url: string, headers: Record<string, string>, body: string): Promise<Pick<Attempted, 'status' | 'answer' | 'error' | 'askedMs'>> {
    try {
      const answer = await this.o.net.request({ method: 'POST', url, headers, body, timeoutMs: this.o.timeoutMs, maxBytes: MAX_ANSWER });
      const { status } = answer;
      const asked = status === 429 || status === 503 ? retryAfter(answer.headers['retry-after'], this.o.clock.wall()) : undefined;
      return { status, answer: beginning(answer.body), error: wrongWith(status, answer.headers.location), askedMs: asked ?? 0 };
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      return { status: null, answer: null, error: error.message.slice(0, 500), askedMs: 0 };
    }
  }

  private async record(merchantId: string, attempted: Attempted[], again: boolean): Promise<Outcome<void>[]> {
    await this.o.db.merchant(merchantId, (tx) => recordAttempts(tx, attempted, this.o.clock.now(), () => this.o.random.fraction(), again));
    return attempted.map(() => ({ ok: true, answer: undefined }));
  }
}

const nameOf = (endpointId: string, eventNumber: bigint): string => `${endpointId} ${eventNumber}`;

/** The first kilobyte as text that the database takes. */
const beginning = (body: Buffer): string => body.subarray(0, KEPT_ANSWER).toString('utf8').replaceAll('\0', '\ufffd');

function wrongWith(status: number, location: string | undefined): string | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return `redirects are not followed${location ? ` (to ${location.slice(0, 200)})` : ''}`;
  return `answered ${status}`;
}
