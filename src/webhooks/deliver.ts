import type { Db, Tx } from '../db/db.ts';
import { type Grouping, Groups, type Outcome } from '../groups.ts';
import { type Clock, type Net, NetError, type Random } from '../ports.ts';
import { type Claimed, claimDue, enabledTargets, type Room, type Target } from './claims.ts';
import type { Hand } from './events.ts';
import { type Attempted, giveBack, isAccepted, recordAttempts } from './outcomes.ts';
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
  /** told of what went wrong where nobody waits; it becomes due again by itself */
  onFault?(merchantId: string, error: unknown): void;
}

/** A delivery that was given up before it was tried. */
interface Released {
  claim: Claimed;
  released: true;
}

/** One that this process holds. */
interface Held {
  claim: Claimed;
  /** whether it was accepted, once that is known: what comes after it may go, or may not */
  accepted: Promise<boolean>;
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
  private readonly records: Groups<Attempted | Released, void>;
  private readonly windows = new Windows();
  private readonly inHand = new Map<string, Held>();
  /** the same by object, each in the order in which they were taken */
  private readonly ofObject = new Map<string, Held[]>();
  private readonly atOnce = new Set<Promise<unknown>>();

  constructor(options: DelivererOptions) {
    this.o = { timeoutMs: 15_000, capacity: 512, ...options };
    this.records = new Groups({
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

  /**
   * A transaction whose events are delivered by this process as soon as they are committed, as far as there is room: no claim
   * is needed, and no update to say so. Whatever keeps it from that, a crash included, they are due for anybody when the lease ends.
   */
  async telling<T>(merchantId: string, work: (tx: Tx, hand?: Hand) => Promise<T>): Promise<T> {
    if (this.allowance() === 0) return this.o.db.merchant(merchantId, (tx) => work(tx));
    const until = this.o.clock.monotonic() + this.leaseMs;
    const [result, targets, taken] = await this.o.db.merchant(merchantId, async (tx) => {
      const hand = new OwnHand(this.windows.roomAtOnce(merchantId), new Date(this.o.clock.now().getTime() + this.leaseMs), this.ofObject);
      return [...(await Promise.all([work(tx, hand), enabledTargets(tx)])), hand.taken] as const;
    });
    const known = new Map(targets.map((target) => [target.id, target]));
    for (const { claim, after } of taken) {
      const target = known.get(claim.endpointId);
      // An endpoint that was enabled at this very moment: it was told, and is not known here.
      this.hold(merchantId, target ? this.deliver(merchantId, claim, target, until, after) : this.records.submit(merchantId, { claim, released: true }));
    }
    return result;
  }

  private hold(merchantId: string, piece: Promise<unknown>): void {
    const held: Promise<unknown> = piece.catch((error: unknown) => this.o.onFault?.(merchantId, error)).finally(() => this.atOnce.delete(held));
    this.atOnce.add(held);
  }

  /** Resolves when nothing is being delivered at once and nothing waits to be recorded. */
  async idle(): Promise<void> {
    await Promise.all(this.atOnce);
    await this.records.idle();
  }

  /** @param after what must have been accepted before, where that is still open: in memory, since it is in this process's hands as well */
  private async deliver(merchantId: string, claim: Claimed, target: Target, until: number, after?: Promise<boolean>): Promise<Attempted | undefined> {
    const attempting = this.inOrder(merchantId, claim, target, until, after);
    const accepted = attempting.then(
      (attempted) => attempted !== undefined && isAccepted(attempted),
      () => false,
    );
    const letGo = this.took({ claim, accepted });
    try {
      const attempted = await attempting;
      if (!attempted) return undefined;
      await this.records.submit(merchantId, attempted);
      this.o.onAttempt?.(merchantId, attempted);
      return attempted;
    } finally {
      letGo();
    }
  }

  private took(held: Held): () => void {
    const { endpointId, eventNumber, objectId } = held.claim;
    const name = nameOf(endpointId, eventNumber);
    this.inHand.set(name, held);
    const others = this.ofObject.get(objectId);
    if (others) others.push(held);
    else this.ofObject.set(objectId, [held]);
    return () => {
      this.inHand.delete(name);
      const left = (this.ofObject.get(objectId) ?? []).filter((one) => one !== held);
      if (left.length > 0) this.ofObject.set(objectId, left);
      else this.ofObject.delete(objectId);
    };
  }

  private async inOrder(
    merchantId: string,
    claim: Claimed,
    target: Target,
    until: number,
    after: Promise<boolean> | undefined,
  ): Promise<Attempted | undefined> {
    this.windows.taken(merchantId, claim.endpointId);
    if (after === undefined || (await after)) return this.inTurn(merchantId, claim, target, until);
    this.windows.gaveBack(merchantId, claim.endpointId);
    await this.records.submit(merchantId, { claim, released: true });
    return undefined;
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

  private async record(merchantId: string, records: (Attempted | Released)[], again: boolean): Promise<Outcome<void>[]> {
    const attempted = records.filter((one): one is Attempted => !('released' in one));
    const released = records.filter((one) => 'released' in one).map(({ claim }) => claim);
    await this.o.db.merchant(merchantId, async (tx) => {
      const now = this.o.clock.now();
      if (attempted.length > 0) await recordAttempts(tx, attempted, now, () => this.o.random.fraction(), again);
      // Not twice: somebody else may have taken them meanwhile. Then the lease takes care of what was not given back.
      if (released.length > 0 && !again) await giveBack(tx, released, now);
    });
    return records.map(() => ({ ok: true, answer: undefined }));
  }
}

/** What one transaction takes. A transaction that is run again gets another. */
class OwnHand implements Hand {
  readonly taken: { claim: Claimed; after: Promise<boolean> | undefined }[] = [];
  /** what stands before, as it was when the statement was written: it may be done before the commit */
  private readonly before = new Map<string, Promise<boolean>[]>();

  constructor(
    readonly room: Room,
    readonly lease: Date,
    private readonly ofObject: ReadonlyMap<string, readonly Held[]>,
  ) {}

  holds(objectIds: string[]): { endpointId: string; eventNumber: bigint }[] {
    const held = objectIds.flatMap((objectId) => this.ofObject.get(objectId) ?? []);
    for (const { claim, accepted } of held) this.before.set(queueOf(claim), [...(this.before.get(queueOf(claim)) ?? []), accepted]);
    return held.map(({ claim }) => claim);
  }

  take(claimed: Claimed[]): void {
    for (const claim of claimed) {
      const before = this.before.get(queueOf(claim));
      this.taken.push({ claim, after: before && Promise.all(before).then((accepted) => accepted.every(Boolean)) });
    }
  }
}

const queueOf = ({ endpointId, objectId }: Claimed): string => `${endpointId} ${objectId}`;

const nameOf = (endpointId: string, eventNumber: bigint): string => `${endpointId} ${eventNumber}`;

/** The first kilobyte as text that the database takes. */
const beginning = (body: Buffer): string => body.subarray(0, KEPT_ANSWER).toString('utf8').replaceAll('\0', '\ufffd');

function wrongWith(status: number, location: string | undefined): string | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return `redirects are not followed${location ? ` (to ${location.slice(0, 200)})` : ''}`;
  return `answered ${status}`;
}
