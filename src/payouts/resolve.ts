import type { ProcessorLimits } from '../connectors/connector.ts';
import type { Tx } from '../db/db.ts';
import { column, sql } from '../db/sql.ts';
import { assert, notFound } from '../errors.ts';
import type { Outcome } from '../groups.ts';
import type { Ids } from '../ids.ts';
import { account, Books, clearing } from '../ledger/books.ts';
import { advance, type Change } from '../machine.ts';
import { dayIn, theMerchant } from '../merchants/merchants.ts';
import type { Minor } from '../money.ts';
import { type Transaction, transactionEvent, transactionView } from '../transactions/view.ts';
import { type Hand, type NewEvent, tell } from '../webhooks/events.ts';
import { type Decision, decide, type Heard } from './decide.ts';
import { giveBackUsage, lockPayouts, type Payout, payoutMachine, type PayoutMove } from './payout.ts';
import { storeSubmissions, type Submission, submissionsOf } from './submission.ts';

/** Whether something changed because of what was heard. */
export interface Effect {
  changed: boolean;
  state: Payout['state'];
}

/**
 * The only door to a final state, for call, inquiry, callback and operator alike: the state, the postings, the history, the
 * events and the submission of a group, in one transaction. What is heard twice changes something once.
 */
export async function resolveGroup(
  tx: Tx,
  heard: Heard[],
  clock: Date,
  ids: Ids,
  limits: (connector: string) => ProcessorLimits,
  jitter: () => number,
  hand?: Hand,
): Promise<Outcome<Effect>[]> {
  const payoutIds = [...new Set(heard.map(({ payoutId }) => payoutId))];
  const [locked, submitted, applied] = await Promise.all([lockPayouts(tx, payoutIds), submissionsOf(tx, payoutIds), appliedCallbacks(tx, heard)]);
  // Whoever changed them last may have a clock that is ahead of ours: within an object time never goes back.
  const now = locked.reduce((latest, { updatedAt }) => (updatedAt > latest ? updatedAt : latest), clock);
  const payouts = new Map(locked.map((payout) => [payout.id, payout]));
  const submissions = new Map(submitted.map((submission) => [submission.payoutId, submission])); // ordered: the last attempt stays

  const decided: Decided[] = [];
  const fresh: { callback: NonNullable<Heard['callback']>; effects: number }[] = [];
  const effects = heard.map((one): Outcome<Effect> => {
    const payout = payouts.get(one.payoutId);
    const submission = submissions.get(one.payoutId);
    if (!payout || !submission) return { ok: false, error: notFound(`no payout ${one.payoutId} was sent`) };
    if (one.callback && applied.has(nameOf(one.callback))) return { ok: true, answer: { changed: false, state: payout.state } };
    const decision = isStale(one, submission) ? {} : decide(payout, submission, one, now, limits(submission.connector), jitter());
    const changed = Object.keys(decision).length > 0;
    if (changed) decided.push({ payout, submission, heard: one, decision });
    if (one.callback) {
      applied.add(nameOf(one.callback));
      fresh.push({ callback: one.callback, effects: changed ? 1 : 0 });
    }
    // What follows in this group is decided by what this made of it.
    const state = decision.move ? (payoutMachine.moves[payout.state][decision.move.move] as Payout['state']) : payout.state;
    payouts.set(payout.id, { ...payout, state });
    submissions.set(payout.id, { ...submission, ...decision.submission });
    return { ok: true, answer: { changed, state } };
  });
  await recordCallbacks(tx, fresh, now, ids);
  await write(tx, decided, submissions, now, ids, hand);
  return effects;
}

interface Decided {
  payout: Payout;
  submission: Submission;
  heard: Heard;
  decision: Decision;
}

const nameOf = ({ processor, dedupeKey }: NonNullable<Heard['callback']>): string => `${processor}/${dedupeKey}`;

/** Callbacks that an earlier transaction answered for. */
async function appliedCallbacks(tx: Tx, heard: Heard[]): Promise<Set<string>> {
  const keys = heard.flatMap(({ callback }) => (callback ? [callback.dedupeKey] : []));
  if (keys.length === 0) return new Set();
  const rows = await tx.rows<{ processor: string; dedupeKey: string }>(
    sql`select c.processor, c.dedupe_key as "dedupeKey" from callback c where c.merchant_id = ${tx.merchantId} and c.dedupe_key = any(${keys}::text[])`,
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
  const moves = decided.flatMap(({ payout, submission, heard, decision }) =>
    decision.move ? [{ payout, connector: submission.connector, cause: heard.source, ...decision.move }] : [],
  );
  const returns = await newReturns(tx, decided, ids);
  const incidents = await newIncidents(tx, decided, now, ids);

  const stored = changed.size > 0 ? storeSubmissions(tx, [...changed.values()]) : Promise.resolve(0);
  const accounts = [
    ...moves.flatMap((move) => accountsOf(move)),
    ...returns.flatMap(({ payout, connector }) => [account('available', payout.currency), clearing(connector, payout.currency)]),
    ...incidents.flatMap(({ payout, connector }) => [account('suspense', payout.currency), clearing(connector, payout.currency)]),
  ];
  if (accounts.length > 0) {
    const [books] = await Promise.all([Books.lock(tx, accounts, now), stored]); // together: one that fails leaves none that nobody awaits
    for (const move of moves) postMove(books, move);
    for (const { id, payout, connector } of returns)
      books.post({
        objectId: id,
        kind: 'return',
        from: clearing(connector, payout.currency),
        to: account('available', payout.currency),
        amount: payout.amount,
      });
    for (const incident of incidents) postSuspense(books, incident);
    const changes = moves.map(({ payout, move, cause, rrn, errorCode, errorMessage }): Change<Payout, PayoutMove> => ({
      row: payout,
      move,
      cause,
      patch: { ...(rrn ? { retrievalReferenceNumber: rrn } : {}), ...(errorCode ? { errorCode, errorMessage: errorMessage ?? null } : {}) },
    }));
    await Promise.all([
      books.write(),
      giveBack(tx, moves),
      insertReturns(tx, returns, books.at),
      advance(tx, payoutMachine, changes, books.at, ids, hand),
      tell(
        tx,
        returns.map((row) => returnEvent(tx, row, books.at, ids)),
        books.at,
      ),
    ]);
  }
  assert((await stored) === changed.size, 'every submission was stored');
}

interface Move {
  payout: Payout;
  connector: string;
  move: PayoutMove;
  cause: string;
  rrn?: string | null;
  errorCode?: string;
  errorMessage?: string;
}

function accountsOf({ payout: { currency }, connector, move }: Move): string[] {
  const held = account('held', currency);
  return move === 'settle' ? [held, clearing(connector, currency), account('fees', currency)] : [held, account('available', currency)];
}

/** Settled: what was held goes to the processor, and the fee to us. Rejected or failed: all of it back. */
function postMove(books: Books, { payout: { id, amount, fee, currency }, connector, move }: Move): void {
  const settled = move === 'settle';
  const kind = settled ? 'settle' : 'release';
  const from = account('held', currency);
  books.post({ objectId: id, kind, from, to: settled ? clearing(connector, currency) : account('available', currency), amount });
  if (fee > 0n) books.post({ objectId: id, kind, line: 2, from, to: settled ? account('fees', currency) : account('available', currency), amount: fee });
}

/** What failed or was rejected no longer counts in the day that had accepted it. */
async function giveBack(tx: Tx, moves: Move[]): Promise<void> {
  const released = moves.filter(({ move }) => move !== 'settle');
  if (released.length === 0) return;
  const { timeZone } = await theMerchant(tx);
  const sums = new Map<string, Minor>();
  for (const { payout } of released) {
    const day = `${dayIn(timeZone, payout.createdAt)} ${payout.currency}`;
    sums.set(day, (sums.get(day) ?? 0n) + payout.amount);
  }
  for (const [day, amount] of [...sums].sort()) {
    const [date, currency] = day.split(' ') as [string, string];
    await giveBackUsage(tx, date, currency, amount);
  }
}

interface Return {
  id: string;
  payout: Payout;
  connector: string;
  code: string | null;
}

/** Returns that are not in the books yet: the bank may tell of one several times. */
async function newReturns(tx: Tx, decided: Decided[], ids: Ids): Promise<Return[]> {
  const returned = new Map(decided.filter(({ decision }) => decision.returned).map((one) => [one.payout.id, one]));
  if (returned.size === 0) return [];
  const known = await tx.rows<{ payoutId: string }>(
    sql`select r.payout_id as "payoutId" from payout_return r where r.merchant_id = ${tx.merchantId} and r.payout_id = any(${[...returned.keys()]}::uuid[])`,
  );
  for (const { payoutId } of known) returned.delete(payoutId);
  return [...returned.values()].map(({ payout, submission, decision }) => ({
    id: ids.uuid(),
    payout,
    connector: submission.connector,
    code: decision.returned?.code ?? null,
  }));
}

async function insertReturns(tx: Tx, returns: Return[], at: Date): Promise<void> {
  if (returns.length === 0) return;
  const rows = returns.map(({ id, payout, code }) => ({ id, payoutId: payout.id, amount: payout.amount, currency: payout.currency, code }));
  const written = await tx.run(sql`
    insert into payout_return as r (merchant_id, id, payout_id, amount, currency, code, created_at)
    select m.merchant_id, u.id, u.payout_id, u.amount, u.currency, u.code, ${at}::timestamptz
    from merchant m, unnest(${column(rows, 'id')}::uuid[], ${column(rows, 'payoutId')}::uuid[], ${column(rows, 'amount')}::bigint[], ${column(rows, 'currency')}::text[], ${column(rows, 'code')}::text[]) as u (id, payout_id, amount, currency, code)
    where m.merchant_id = ${tx.merchantId}`);
  assert(written === returns.length, 'every return was written');
}

/** A return is a transaction of its own, with the payout as its parent. */
export const returnTransaction = (id: string, payout: Payout, code: string | null, at: Date): Transaction => ({
  ...payout,
  ...{ id, type: 'return', state: 'returned', parentTransactionId: payout.id, errorCode: code, errorMessage: code ? 'returned by the bank' : null },
  ...{ createdAt: at, updatedAt: at, finalAt: at },
});

const returnEvent = (tx: Tx, { id, payout, code }: Return, at: Date, ids: Ids): NewEvent => ({
  ...{ id: ids.uuid(), objectId: id, objectSeq: 1, fromState: null, toState: 'returned', cause: 'callback' },
  ...transactionEvent(tx.merchantId, 'returned', JSON.stringify(transactionView(returnTransaction(id, payout, code, at))), at),
});

interface Incident {
  id: string;
  payout: Payout;
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
