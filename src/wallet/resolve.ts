import type { ProcessorLimits } from '../connectors/connector.ts';
import type { Tx } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { assert, notFound } from '../errors.ts';
import type { Outcome } from '../groups.ts';
import type { Ids } from '../ids.ts';
import { account, Books, clearing } from '../ledger/books.ts';
import { eventOf } from '../machine.ts';
import { type Incoming, Sharing } from '../splits/sharing.ts';
import { type Hand, type NewEvent, tell } from '../webhooks/events.ts';
import { type Authorization, authorizationMachine, lockAuthorizations, remainder, storeAuthorizations } from './authorization.ts';
import { type Decision, decide, type Heard, type Stage, type WalletVerdict } from './decide.ts';
import { ended, type Operation, operationsById, storeOperations } from './operation.ts';
import { storeSubmissions, type Submission, submissionsById } from './submission.ts';
import { walletEvent } from './view.ts';

/** Whether something changed because of what was heard. */
export interface Effect {
  changed: boolean;
}

export interface ResolveOptions {
  ids: Ids;
  limits(connector: string): ProcessorLimits;
  jitter(): number;
  /** for how long a consent is good, in milliseconds */
  validMs: number;
}

/**
 * The only door to an end, for call, inquiry, callback and operator alike: states, sums, postings, history, events and
 * submissions of a group, in one transaction. What is heard twice changes something once.
 */
export async function resolveGroup(tx: Tx, heard: Heard[], clock: Date, options: ResolveOptions, hand?: Hand): Promise<Outcome<Effect>[]> {
  const desk = await Desk.open(tx, heard, clock, options);
  const effects = heard.map((one) => desk.hear(one));
  await desk.write(hand);
  return effects;
}

/** An end of an operation, or what the processor says against one: what has to be posted. */
interface Fact {
  id: string;
  operation: Operation;
  a: Authorization;
  what: 'done' | 'failed' | 'executed_after_refusal' | 'declined_after_settlement';
}

/** How long an authorization rests whose remainder the processor would not let go, before it is asked again. */
const LAPSE_AGAIN_MS = 86_400_000;

/** What a group is decided by, read under the locks of its authorizations; and what it will write. */
class Desk {
  private readonly changed = { authorizations: new Map<string, Authorization>(), operations: new Map<string, Operation>(), submissions: new Set<string>() };
  private readonly told: { a: Authorization; from: string; make(at: Date): NewEvent }[] = [];
  private readonly facts: Fact[] = [];
  private readonly incidents: { objectId: string; operation: Operation | undefined; a: Authorization; kind: string; detail: string }[] = [];

  private constructor(
    private readonly tx: Tx,
    private readonly o: ResolveOptions,
    private readonly now: Date,
    private readonly authorizations: Map<string, Authorization>,
    private readonly operations: Map<string, Operation>,
    private readonly submissions: Map<string, Submission>,
  ) {}

  static async open(tx: Tx, heard: Heard[], clock: Date, options: ResolveOptions): Promise<Desk> {
    const ids = [...new Set(heard.map(({ id }) => id))];
    const authorizationIds = [...new Set(heard.map(({ authorizationId }) => authorizationId))];
    const [locked, submitted, operations] = await Promise.all([lockAuthorizations(tx, authorizationIds), submissionsById(tx, ids), operationsById(tx, ids)]);
    // Whoever changed them last may have a clock that is ahead of ours: within an object time never goes back.
    const now = locked.reduce((latest, { updatedAt }) => (updatedAt > latest ? updatedAt : latest), clock);
    return new Desk(tx, options, now, byId(locked), byId(operations), byId(submitted));
  }

  /** Decides by what those before it in the group have made of it. */
  hear(heard: Heard): Outcome<Effect> {
    const [a, submission, operation] = [this.authorizations.get(heard.authorizationId), this.submissions.get(heard.id), this.operations.get(heard.id)];
    if (!a || !submission || submission.authorizationId !== a.id) return { ok: false, error: notFound('nothing was sent of that') };
    if (isStale(heard, submission)) return { ok: true, answer: { changed: false } };
    const said = operation?.cause === 'expiry' ? { ...heard, verdict: expiredThere(heard.verdict) } : heard;
    const decision = decide(stageOf(a, operation), submission, said, this.now, this.o.limits(submission.connector), this.o.jitter());
    if (decision.submission) {
      this.submissions.set(submission.id, { ...submission, ...decision.submission });
      this.changed.submissions.add(submission.id);
    }
    if (decision.end && operation) this.endOperation(a, operation, decision.end, heard.source);
    else if (decision.end) this.endAuthorization(a, decision.end, heard.source);
    if (decision.isVoid && !operation && remainder(a) > 0n) this.put({ ...a, expiresAt: this.now, lapseAt: this.now }); // what remains is let go here, too
    if (decision.incident) this.incidents.push({ objectId: heard.id, operation, a, ...decision.incident });
    return { ok: true, answer: { changed: Object.keys(decision).length > 0 } };
  }

  private endAuthorization(a: Authorization, end: NonNullable<Decision['end']>, cause: string): void {
    const state = authorizationMachine.moves[a.state][end.isDone ? 'approve' : 'refuse'];
    assert(state, `${a.state} has an end`);
    const expiresAt = end.isDone ? new Date(this.now.getTime() + this.o.validMs) : null;
    const patch = end.isDone
      ? { retrievalReferenceNumber: end.rrn, authorizationCode: end.authCode, expiresAt, lapseAt: expiresAt }
      : { errorCode: end.errorCode, errorMessage: end.errorMessage };
    const to = { ...authorizationMachine.stamp({ ...a, ...patch, state, seq: a.seq + 1 }, this.now), version: a.version };
    this.put(to);
    this.told.push({ a: to, from: a.state, make: (at) => eventOf(this.tx, authorizationMachine, a.state, to, cause, at, this.o.ids) });
  }

  private endOperation(a: Authorization, operation: Operation, end: NonNullable<Decision['end']>, cause: string): void {
    const refusal = end.isDone ? {} : { errorCode: end.errorCode, errorMessage: end.errorMessage };
    const closed: Operation = { ...operation, state: end.isDone ? 'done' : 'failed', ...refusal, ...(end.isDone ? { retrievalReferenceNumber: end.rrn } : {}) };
    const to = { ...ended(a, operation, end.isDone), seq: a.seq + 1 };
    if (!end.isDone && operation.cause === 'expiry') {
      to.lapseAt = new Date(this.now.getTime() + LAPSE_AGAIN_MS);
      this.incidents.push({
        objectId: a.id,
        operation: undefined,
        a,
        kind: 'expiry_declined',
        detail: `what remains of it is not let go: ${end.errorMessage}`,
      });
    }
    this.put(to);
    this.operations.set(operation.id, closed);
    this.changed.operations.set(operation.id, closed);
    this.facts.push({ id: operation.id, operation, a: to, what: end.isDone ? 'done' : 'failed' });
    const what = end.isDone ? { capture: 'captured', cancel: 'cancelled', refund: 'refunded' }[operation.kind] : `${operation.kind}_failed`;
    this.told.push({
      ...{ a: to, from: a.state },
      make: (at) => ({
        ...{ id: this.o.ids.uuid(), objectId: to.id, objectSeq: to.seq, fromState: a.state, toState: to.state },
        cause: operation.cause === 'expiry' ? 'expiry' : cause,
        ...walletEvent(this.tx.merchantId, what, to, at, { operationAmount: Number(operation.amount), ...refusal }),
      }),
    });
  }

  private put(a: Authorization): void {
    this.authorizations.set(a.id, a);
    this.changed.authorizations.set(a.id, a);
  }

  async write(hand: Hand | undefined): Promise<void> {
    await this.openIncidents();
    const submissions = [...this.changed.submissions].map((id) => this.submissions.get(id) as Submission);
    const stored = submissions.length > 0 ? storeSubmissions(this.tx, submissions) : Promise.resolve(0);
    const [posted, count] = await Promise.all([this.post(), stored]);
    assert(count === submissions.length, 'every submission was stored');
    const at = posted?.books.at ?? this.now;
    const authorizations = [...this.changed.authorizations.values()].map((a) => ({ ...a, version: a.version + 1, updatedAt: at }));
    const operations = [...this.changed.operations.values()].map((one) => ({ ...one, finalAt: at }));
    const [a, o] = await Promise.all([
      authorizations.length > 0 ? storeAuthorizations(this.tx, authorizations) : 0,
      operations.length > 0 ? storeOperations(this.tx, operations) : 0,
      posted?.books.write(),
      posted?.sharing?.write(at, this.o.ids, hand),
      tell(
        this.tx,
        this.told.map(({ make }) => make(at)),
        at,
        hand,
      ),
    ]);
    assert(a === authorizations.length && o === operations.length, 'every authorization and operation stood where it was expected');
  }

  /** Locks what will be posted to, and posts it; of what was captured, the shares of others as well. */
  private async post(): Promise<{ books: Books; sharing: Sharing | undefined } | undefined> {
    const accounts = this.facts.flatMap(postingOf).flatMap(({ from, to }) => [from, to]);
    if (accounts.length === 0) return undefined;
    const sharing = await Sharing.open(this.tx, this.facts.flatMap(incomeOf));
    const books = await Books.lock(this.tx, [...accounts, ...(sharing?.accounts ?? [])], this.now);
    for (const fact of this.facts) for (const posting of postingOf(fact)) books.post(posting);
    sharing?.share(books);
    return { books, sharing };
  }

  /** One of a kind for an object. Only those that say the processor moved money otherwise than our books have a posting. */
  private async openIncidents(): Promise<void> {
    for (const { objectId, operation, a, kind, detail } of this.incidents) {
      const id = this.o.ids.uuid();
      const isNew = await this.tx.run(sql`
        insert into incident as i (merchant_id, id, object_id, kind, detail, opened_at)
        select m.merchant_id, ${id}::uuid, ${objectId}::uuid, ${kind}, ${detail}, ${this.now}::timestamptz from merchant m where m.merchant_id = ${this.tx.merchantId}
        on conflict (merchant_id, object_id, kind) do nothing`);
      if (isNew && operation && (kind === 'executed_after_refusal' || kind === 'declined_after_settlement')) this.facts.push({ id, operation, a, what: kind });
    }
  }
}

/** What a fact moves. Cancels move nothing: what they let go was never in the books. */
function postingOf({ id, operation: { kind, amount }, a: { connector, currency }, what }: Fact): Parameters<Books['post']>[0][] {
  const [available, held, suspense] = [account('available', currency), account('held', currency), account('suspense', currency)];
  const bank = clearing(connector, currency);
  if (kind === 'cancel') return [];
  if (what === 'executed_after_refusal' || what === 'declined_after_settlement') {
    // A capture that was carried out, or a refund that was not, leaves the processor owing us more than our books have.
    const owesMore = (what === 'executed_after_refusal') === (kind === 'capture');
    return [{ objectId: id, kind: 'suspense', from: owesMore ? bank : suspense, to: owesMore ? suspense : bank, amount }];
  }
  if (kind === 'capture') return what === 'done' ? [{ objectId: id, kind: 'capture', from: bank, to: available, amount }] : [];
  return [{ objectId: id, kind: what === 'done' ? 'settle' : 'release', from: held, to: what === 'done' ? bank : available, amount }];
}

/** What a capture brings, which others may have a share in. */
const incomeOf = ({ operation: { kind, amount }, a, what }: Fact): Incoming[] =>
  kind === 'capture' && what === 'done' ? [{ orderReference: a.orderReference, paymentId: a.id, currency: a.currency, amount }] : [];

/** Code 54, expired: the processor let go of it by itself before we asked for that, and what we asked for has happened. @source ISO 8583, field 39 */
const expiredThere = (verdict: WalletVerdict): WalletVerdict => (verdict.kind === 'declined' && verdict.code === '54' ? { kind: 'done', rrn: null } : verdict);

const stageOf = (a: Authorization, operation: Operation | undefined): Stage => {
  if (operation) return operation.state === 'pending' ? 'open' : operation.state;
  if (a.state === 'success') return 'done';
  return a.state === 'failed' ? 'failed' : 'open';
};

/** A worker that woke up too late may still bring proof, but may not disturb the try of whoever took over. */
const isStale = ({ tries, verdict }: Heard, submission: Submission): boolean =>
  tries !== undefined && tries !== submission.tries && !['authorized', 'done', 'declined', 'voided'].includes(verdict.kind);

const byId = <T extends { id: string }>(rows: T[]): Map<string, T> => new Map(rows.map((row) => [row.id, row]));
