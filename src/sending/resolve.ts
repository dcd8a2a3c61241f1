import type { ProcessorLimits } from '../connectors/connector.ts';
import type { Tx } from '../db/db.ts';
import { column, sql, planned } from '../db/sql.ts';
import { assert, notFound } from '../errors.ts';
import type { Outcome } from '../groups.ts';
import type { Ids } from '../ids.ts';
import { account, Books, clearing } from '../ledger/books.ts';
import { advance, type Change } from '../machine.ts';
import { type Hand, tell } from '../webhooks/events.ts';
import { type Decision, decide, type Heard } from './decide.ts';
import { byKind, type Outgoing, type OutgoingKind, type OutgoingMove, outgoingMoves, type OutgoingState, type Return } from './outgoing.ts';
import { storeSubmissions, type Submission, submissionsOf } from './submission.ts';

/** Whether something changed because of what was heard. */
export interface Effect {
  changed: boolean;
  state: OutgoingState;
}

/**
 * The only door to a final state, for call, inquiry, callback and operator alike: the state, the postings, the history, the
 * events and the submission of a group, in one transaction. What is heard twice changes something once.
 */
export async function resolveGroup(
  tx: Tx,
  kinds: OutgoingKind[],
  heard: Heard[],
  clock: Date,
  ids: Ids,
  limits: (connector: string) => ProcessorLimits,
  jitter: () => number,
  hand?: Hand,
): Promise<Outcome<Effect>[]> {
  const payoutIds = [...new Set(heard.map(({ payoutId }) => payoutId))];
  const [locked, submitted, applied] = await Promise.all([lockAll(tx, kinds, payoutIds), submissionsOf(tx, payoutIds), appliedCallbacks(tx, heard)]);
  // Whoever changed them last may have a clock that is ahead of ours: within an object time never goes back.
  const now = [...locked.values()].reduce((latest, { payout: { updatedAt } }) => (updatedAt > latest ? updatedAt : latest), clock);
  const submissions = new Map(submitted.map((submission) => [submission.payoutId, submission])); // ordered: the last attempt stays

  const decided: Decided[] = [];
  const fresh: { callback: NonNullable<Heard['callback']>; effects: number }[] = [];
  const effects = heard.map((one): Outcome<Effect> => {
    const subject = locked.get(one.payoutId);
    const submission = submissions.get(one.payoutId);
    // A processor speaks for what was sent by it, and a bank's files for what left in files.
    if (!subject || !submission || (one.callback && one.callback.processor !== submission.connector))
      return { ok: false, error: notFound(`no payout ${one.payoutId} was sent`) };
    const { payout, kind } = subject;
    if (one.callback && applied.has(nameOf(one.callback))) return { ok: true, answer: { changed: false, state: payout.state } };
    const decision = isStale(one, submission) ? {} : decide(payout, submission, one, now, limits(submission.connector), jitter());
    const changed = Object.keys(decision).length > 0;
    if (changed) decided.push({ payout, kind, submission, heard: one, decision });
    if (one.callback) {
      applied.add(nameOf(one.callback));
      fresh.push({ callback: one.callback, effects: changed ? 1 : 0 });
    }
    // What follows in this group is decided by what this made of it.
    const state = decision.move ? (outgoingMoves[payout.state][decision.move.move] as OutgoingState) : payout.state;
    locked.set(payout.id, { kind, payout: { ...payout, state } });
    submissions.set(payout.id, { ...submission, ...decision.submission });
    return { ok: true, answer: { changed, state } };
  });
  await recordCallbacks(tx, fresh, now, ids);
  await write(tx, decided, submissions, now, ids, hand);
  return effects;
}

interface Decided {
  payout: Outgoing;
  kind: OutgoingKind;
  submission: Submission;
  heard: Heard;
  decision: Decision;
}

/** The subjects of these ids, locked kind by kind: all processes in the same order. */
async function lockAll(tx: Tx, kinds: OutgoingKind[], ids: string[]): Promise<Map<string, { payout: Outgoing; kind: OutgoingKind }>> {
  const rows = await Promise.all(kinds.map(async (kind) => (await kind.lock(tx, ids)).map((payout) => [payout.id, { payout, kind }] as const)));
  return new Map(rows.flat());
}

const nameOf = ({ processor, dedupeKey }: NonNullable<Heard['callback']>): string => `${processor}/${dedupeKey}`;

/** Callbacks that an earlier transaction answered for. */
async function appliedCallbacks(tx: Tx, heard: Heard[]): Promise<Set<string>> {
  const callbacks = heard.flatMap(({ callback }) => (callback ? [callback] : []));
  if (callbacks.length === 0) return new Set();
  const rows = await tx.rows<{ processor: string; dedupeKey: string }>(
    planned(sql`
    select c.processor, c.dedupe_key as "dedupeKey" from unnest(${column(callbacks, 'processor')}::text[], ${column(callbacks, 'dedupeKey')}::text[]) as u (processor, dedupe_key)
    cross join lateral (select * from callback c where c.merchant_id = ${tx.merchantId} and c.processor = u.processor and c.dedupe_key = u.dedupe_key offset 0) c`),
  );
  return new Set(rows.map(nameOf));
}

async function recordCallbacks(tx: Tx, fresh: { callback: NonNullable<Heard['callback']>; effects: number }[], now: Date, ids: Ids): Promise<void> {
  if (fresh.length === 0) return;
  const written = await tx.run(sql`
    insert into callback as c (merchant_id, id, processor, dedupe_key, received_at, applied_at, effects)
    select m.merchant_id, u.id, u.processor, u.dedupe_key, ${now}::timestamptz, ${now}::timestamptz, u.effects
    from merchant m, unnest(${fresh.map(() => ids.uuid())}::uuid[], ${fresh.map(({ callback }) => callback.processor)}::text[], ${fresh.map(({ callback }) => callback.dedupeKey)}::text[], ${column(fresh, 'effects')}::int[]) as u (id, processor, dedupe_key, effects)
    where m.merchant_id = ${tx.merchantId}`);
  assert(written === fresh.length, 'every callback was recorded');
}

/** A worker that woke up too late may still bring proof, but may not disturb the try of whoever took over. */
const isStale = ({ tries, verdict }: Heard, submission: Submission): boolean =>
  tries !== undefined && tries !== submission.tries && !['executed', 'declined', 'cancelled', 'returned'].includes(verdict.kind);

async function write(tx: Tx, decided: Decided[], submissions: Map<string, Submission>, now: Date, ids: Ids, hand: Hand | undefined): Promise<void> {
  const changed = new Map(decided.filter(({ decision }) => decision.submission).map(({ payout }) => [payout.id, submissions.get(payout.id) as Submission]));
  const moves = decided.flatMap(({ payout, kind, submission, heard, decision }) =>
    decision.move ? [{ payout, kind, connector: submission.connector, cause: heard.source, ...decision.move }] : [],
  );
  const returns = await newReturns(tx, decided, ids);
  const incidents = await newIncidents(tx, decided, now, ids);

  const stored = changed.size > 0 ? storeSubmissions(tx, [...changed.values()]) : Promise.resolve(0);
  const accounts = [
    ...moves.flatMap((move) => accountsOf(move)),
    ...returns.flatMap(({ payout, kind, connector }) => [kind.source(payout), clearing(connector, payout.currency)]),
    ...incidents.flatMap(({ payout, connector }) => [account('suspense', payout.currency), clearing(connector, payout.currency)]),
  ];
  if (accounts.length > 0) {
    const [books] = await Promise.all([Books.lock(tx, accounts, now), stored]); // together: one that fails leaves none that nobody awaits
    for (const move of moves) postMove(books, move);
    for (const { id, payout, kind, connector } of returns)
      books.post({ objectId: id, kind: 'return', from: clearing(connector, payout.currency), to: kind.source(payout), amount: payout.amount });
    for (const incident of incidents) postSuspense(books, incident);
    await Promise.all([
      books.write(),
      ...byKind(moves).map(([kind, own]) => move(tx, kind, own, books.at, ids, hand)),
      ...byKind(returns).map(([kind, own]) => kind.insertReturns(tx, own, books.at)),
      tell(
        tx,
        returns.map((row) => row.kind.returnEvent(tx, row, books.at, ids)),
        books.at,
      ),
    ]);
  }
  assert((await stored) === changed.size, 'every submission was stored');
}

interface Move {
  payout: Outgoing;
  kind: OutgoingKind;
  connector: string;
  move: OutgoingMove;
  cause: string;
  rrn?: string | null;
  errorCode?: string;
  errorMessage?: string;
}

function accountsOf({ payout, kind, connector, move }: Move): string[] {
  const { currency } = payout;
  const held = account('held', currency);
  return move === 'settle' ? [held, clearing(connector, currency), account('fees', currency)] : [held, kind.source(payout)];
}

/** Settled: what was held goes to the processor, and the fee to us. Rejected or failed: all of it back to where it was taken from. */
function postMove(books: Books, { payout, kind: { source }, connector, move }: Move): void {
  const { id, amount, fee, currency } = payout;
  const settled = move === 'settle';
  const kind = settled ? 'settle' : 'release';
  const from = account('held', currency);
  books.post({ objectId: id, kind, from, to: settled ? clearing(connector, currency) : source(payout), amount });
  if (fee > 0n) books.post({ objectId: id, kind, line: 2, from, to: settled ? account('fees', currency) : source(payout), amount: fee });
}

/** The moves of one kind. What failed or was rejected is undone in its room, too. */
async function move(tx: Tx, kind: OutgoingKind, moves: Move[], at: Date, ids: Ids, hand: Hand | undefined): Promise<void> {
  const changes = moves.map(({ payout, move, cause, rrn, errorCode, errorMessage }): Change<Outgoing, OutgoingMove> => ({
    row: payout,
    move,
    cause,
    patch: { ...(rrn ? { retrievalReferenceNumber: rrn } : {}), ...(errorCode ? { errorCode, errorMessage: errorMessage ?? null } : {}) },
  }));
  const released = moves.filter((one) => one.move !== 'settle').map(({ payout }) => payout);
  await Promise.all([released.length > 0 ? kind.released(tx, released) : undefined, advance(tx, kind.machine, changes, at, ids, hand)]);
}

interface Returning extends Return {
  kind: OutgoingKind;
}

/** Returns that are not in the books yet: the bank may tell of one several times. */
async function newReturns(tx: Tx, decided: Decided[], ids: Ids): Promise<Returning[]> {
  const returned = new Map(decided.filter(({ decision }) => decision.returned).map((one) => [one.payout.id, one]));
  for (const [kind, own] of byKind([...returned.values()])) {
    const known = await kind.returned(
      tx,
      own.map(({ payout }) => payout.id),
    );
    for (const id of known) returned.delete(id);
  }
  return [...returned.values()].map(({ payout, kind, submission, decision }) => ({
    ...{ id: ids.uuid(), payout, kind },
    connector: submission.connector,
    code: decision.returned?.code ?? null,
  }));
}

interface Incident {
  id: string;
  payout: Outgoing;
  connector: string;
  kind: string;
}

/** Opens incidents, one of a kind for an object; only those that say the bank moved money otherwise than our books have a posting. */
async function newIncidents(tx: Tx, decided: Decided[], now: Date, ids: Ids): Promise<Incident[]> {
  const opened: Incident[] = [];
  for (const { payout, submission, decision } of decided) {
    if (!decision.incident) continue;
    const id = ids.uuid();
    const { kind, detail } = decision.incident;
    const isNew = await tx.run(sql`
      insert into incident as i (merchant_id, id, object_id, kind, detail, opened_at)
      select m.merchant_id, ${id}::uuid, ${payout.id}::uuid, ${kind}, ${detail}, ${now}::timestamptz from merchant m where m.merchant_id = ${tx.merchantId}
      on conflict (merchant_id, object_id, kind) do nothing`);
    if (isNew && (kind === 'executed_after_refusal' || kind === 'declined_after_settlement'))
      opened.push({ id, payout, connector: submission.connector, kind });
  }
  return opened;
}

/** The difference between the bank's account and ours, until a person has settled it. No balance of the merchant changes. */
function postSuspense(books: Books, { id, payout: { amount, currency }, connector, kind }: Incident): void {
  const [bank, suspense] = [clearing(connector, currency), account('suspense', currency)];
  const paidTooMuch = kind === 'executed_after_refusal';
  books.post({ objectId: id, kind: 'suspense', from: paidTooMuch ? suspense : bank, to: paidTooMuch ? bank : suspense, amount });
}
