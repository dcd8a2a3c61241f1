import type { Authorizer } from '../connectors/authorizer.ts';
import { Breaker } from '../connectors/breaker.ts';
import type { Db } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { assert } from '../errors.ts';
import { Groups, type Grouping } from '../groups.ts';
import { type Answer, once } from '../http/idempotency.ts';
import type { Ids } from '../ids.ts';
import type { Merchant } from '../merchants/merchants.ts';
import type { Clock, Random } from '../ports.ts';
import type { Sealer } from '../sealing.ts';
import type { Telling } from '../webhooks/events.ts';
import type { Queue } from '../work/worker.ts';
import { acceptGroup, type AuthorizeRequest } from './accept.ts';
import type { Heard, WalletVerdict } from './decide.ts';
import { acceptOperation, expireDue, type OperateRequest } from './operate.ts';
import { CaptureUnderway } from './operation.ts';
import { type Person, resealPeople, sealPerson } from './person.ts';
import { type Effect, resolveGroup } from './resolve.ts';
import { Sender } from './send.ts';
import { submissionsById } from './submission.ts';

/** For how long outcomes gather, so that the books are locked for many at once. */
const OUTCOMES_MS = 8;

/** How often, and how many milliseconds apart, a refund looks whether the capture that it gives back has been carried out. */
const LOOKS = 40;
const LOOK_MS = 50;

/** For how long a consent is good where nothing else is said: seven days, as banks keep a hold on a card. What is not captured by then is let go. */
export const VALID_MS = 7 * 86_400_000;

export interface WalletOptions {
  db: Db;
  clock: Clock;
  random: Random;
  ids: Ids;
  sealer: Sealer;
  authorizer: Authorizer;
  /** longest wait for an answer of the processor, in milliseconds */
  timeoutMs: number;
  /** for how long a consent is good, in milliseconds */
  validMs?: number;
  maxGroup?: number;
  grouping?: Grouping;
  onGroup?(kind: 'accept' | 'resolve', size: number): void;
}

/** A callback's words. */
interface Said {
  status: string;
  code: string | null;
  rrn: string | null;
}

/** @returns undefined for what is not said of authorizations and operations */
function verdictIn({ status, code, rrn }: Said): WalletVerdict | undefined {
  switch (status) {
    case 'authorized':
      return { kind: 'authorized', rrn, authCode: null };
    case 'executed':
      return { kind: 'done', rrn };
    case 'declined':
      return { kind: 'declined', code: code ?? '05', message: 'declined by the processor' };
    case 'cancelled':
      return { kind: 'voided' };
    case 'pending':
      return { kind: 'pending' };
    default:
      return undefined;
  }
}

/** The wallet room: consents accepted in groups, what is done with them one by one, both carried out by a worker. */
export class Wallet {
  readonly accepted: Groups<AuthorizeRequest, Answer>;
  readonly outcomes: Groups<Heard, Effect>;
  /** what is sent and asked about */
  readonly queue: Queue;
  /** what has expired */
  readonly lapses: Queue;
  readonly breaker: Breaker;
  /** A worker delivers what it tells of at once; who only writes leaves it to be claimed. */
  telling: Telling;
  private readonly o: WalletOptions;

  constructor(o: WalletOptions) {
    this.o = o;
    this.telling = (merchantId, work) => o.db.merchant(merchantId, (tx) => work(tx));
    const telling: Telling = (merchantId, work) => this.telling(merchantId, work);
    const grouping = { clock: o.clock, ...o.grouping, ...(o.maxGroup ? { maxGroup: o.maxGroup } : {}) };
    this.accepted = new Groups({
      ...grouping,
      run: (merchantId, items, again) => o.db.merchant(merchantId, (tx) => acceptGroup(tx, items, o.clock.now(), o.ids, o.authorizer.name, again)),
      onGroup: (size) => o.onGroup?.('accept', size),
    });
    const resolving = {
      ids: o.ids,
      jitter: () => o.random.fraction(),
      validMs: o.validMs ?? VALID_MS,
      limits: (name: string) => {
        assert(name === o.authorizer.name, `connector ${name} is configured`);
        return o.authorizer.limits();
      },
    };
    this.outcomes = new Groups({
      gatherMs: OUTCOMES_MS,
      ...grouping,
      run: (merchantId, items) => telling(merchantId, (tx, hand) => resolveGroup(tx, items, o.clock.now(), resolving, hand)),
      onGroup: (size) => o.onGroup?.('resolve', size),
    });
    this.breaker = new Breaker(o.clock);
    this.queue = this.sending(telling);
    this.lapses = {
      name: 'wallet lapses',
      due: (now) => sql`
        select m.merchant_id as merchant from merchant m
        where exists (select 1 from wallet_authorization a where a.merchant_id = m.merchant_id and a.lapse_at <= ${now})`,
      allowance: () => Number.POSITIVE_INFINITY,
      take: async (merchantId, limit) => {
        const count = await o.db.merchant(merchantId, (tx) => expireDue(tx, o.clock.now(), o.ids, limit));
        return Array.from({ length: count }, () => Promise.resolve());
      },
    };
  }

  authorize(merchant: Merchant, request: Omit<AuthorizeRequest, 'id' | 'merchant' | 'person'>, person: Person): Promise<Answer> {
    const id = this.o.ids.uuid();
    return this.accepted.submit(merchant.id, { ...request, id, merchant, person: sealPerson(this.o.sealer, person, id) });
  }

  /**
   * Accepts a capture, a cancel or a refund; a worker carries it out. A refund of what is being captured at this moment waits
   * for that, a little while. @throws {ApiError} 404, 409, 422
   */
  async operate(merchant: Merchant, request: Omit<OperateRequest, 'id'>): Promise<Answer> {
    for (let looks = 1; ; looks++) {
      try {
        return await this.operateNow(merchant, request);
      } catch (error) {
        if (!(error instanceof CaptureUnderway) || looks >= LOOKS) throw error;
        await this.o.clock.sleep(LOOK_MS);
      }
    }
  }

  private operateNow(merchant: Merchant, request: Omit<OperateRequest, 'id'>): Promise<Answer> {
    const { db, clock, ids } = this.o;
    const id = ids.uuid();
    return once(db, merchant.id, request.key, clock.now(), (tx) => acceptOperation(tx, { ...request, id }, clock.now(), merchant.code));
  }

  /** What the processor's callback says. @returns undefined where nothing of this room has that id */
  async callback(merchantId: string, id: string, said: Said): Promise<Effect | undefined> {
    const verdict = verdictIn(said);
    return verdict && this.hear(merchantId, id, verdict, 'callback');
  }

  /**
   * What the processor says unasked of an authorization or an operation.
   * @returns undefined where nothing of this room has that id
   */
  async hear(merchantId: string, id: string, verdict: WalletVerdict, source: 'callback' | 'operator'): Promise<Effect | undefined> {
    const [submission] = await this.o.db.merchant(merchantId, (tx) => submissionsById(tx, [id]));
    return submission && this.outcomes.submit(merchantId, { id, authorizationId: submission.authorizationId, verdict, source });
  }

  /** Puts a merchant's customers who are still to be asked under the present master key. @returns how many */
  reseal(merchantId: string): Promise<number> {
    return this.o.db.merchant(merchantId, (tx) => resealPeople(tx, this.o.sealer));
  }

  private sending(telling: Telling): Queue {
    const { authorizer, clock, ids, sealer, timeoutMs } = this.o;
    const sender = new Sender({ clock, ids, sealer, authorizer, outcomes: this.outcomes, telling, leaseMs: timeoutMs * 2 + 10_000 });
    return {
      name: 'wallet',
      due: (now) => sql`
        select m.merchant_id as merchant from merchant m
        where exists (select 1 from wallet_submission s where s.merchant_id = m.merchant_id and s.next_at <= ${now})`,
      allowance: () => this.breaker.allowance(),
      take: async (merchantId, limit) => {
        const allowed = Math.min(limit, this.breaker.allowance());
        if (allowed <= 0 || !(await this.isAcquainted(authorizer))) return [];
        return (await sender.takeDue(merchantId, allowed)).map((call) => this.watch(call));
      },
    };
  }

  private async isAcquainted(authorizer: Authorizer): Promise<boolean> {
    const silence = await authorizer.acquaint?.();
    if (!silence) return true;
    this.breaker.began();
    this.breaker.heard(silence);
    return false;
  }

  private async watch(call: Promise<WalletVerdict>): Promise<void> {
    this.breaker.began();
    try {
      const verdict = await call;
      this.breaker.heard(verdict.kind === 'unknown' || verdict.kind === 'unsent' ? verdict : { kind: 'pending' }); // any other answer is one
    } catch (error) {
      this.breaker.heard({ kind: 'unknown' });
      throw error;
    }
  }
}
