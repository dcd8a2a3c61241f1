import type { Db, Tx } from '../../db/db.ts';
import { column, sql } from '../../db/sql.ts';
import { type Minor, toDecimal } from '../../money.ts';

/** What is told of one thing, line by line, and what of its numbers does not add up. */
export interface Story {
  lines: string[];
  broken: string[];
}

export interface Happened {
  at: Date;
  what: string;
}

export interface Posting {
  at: Date;
  kind: string;
  from: string;
  to: string;
  amount: Minor;
  currency: string;
  /** of the account that it was taken from, afterwards */
  balance: Minor;
}

/** Reads a merchant's books as they were at one moment: while we add them up, others go on posting. */
export const inSnapshot = <T>(db: Db, merchantId: string, read: (tx: Tx) => Promise<T>): Promise<T> =>
  db.merchant(merchantId, async (tx) => {
    await tx.run(sql`set transaction isolation level repeatable read, read only`);
    return read(tx);
  });

export const moneyOf = (amount: Minor, currency: string): string => `${toDecimal(amount, currency)} ${currency}`;

/**
 * What happened to an object and to those that belong to it: a return and an operation have postings and events under ids of
 * their own, and what waits in suspense has its postings under the id of the incident.
 * @param others ids of what belongs to it
 */
export async function traceOf(tx: Tx, id: string, others: string[]): Promise<{ happened: Happened[]; postings: Posting[] }> {
  const ids = [id, ...others];
  const incidents = await tx.rows<{ id: string; kind: string; detail: string; openedAt: Date; closedAt: Date | null }>(sql`
    select i.id, i.kind, i.detail, i.opened_at as "openedAt", i.closed_at as "closedAt" from incident i where i.merchant_id = ${tx.merchantId} and i.object_id = any(${ids}::uuid[])`);
  const events = await tx.rows<{ at: Date; id: string; type: string; from: string | null; to: string; cause: string }>(sql`
    select e.at, e.object_id as id, e.type, e.from_state as "from", e.to_state as "to", e.cause from event e where e.merchant_id = ${tx.merchantId} and e.object_id = any(${ids}::uuid[]) order by e.number`);
  const attempts = await tx.rows<Happened>(sql`
    select a.at, 'webhook  ' || e.type || ' try ' || a.try || ': ' || coalesce(a.status::text, a.error, 'no answer') as what
    from attempt a join event e on e.merchant_id = a.merchant_id and e.number = a.event_number
    where a.merchant_id = ${tx.merchantId} and e.merchant_id = ${tx.merchantId} and e.object_id = any(${ids}::uuid[]) order by a.at, e.number`);
  // What came of an end that was posted at the same moment comes after it.
  const postings = await tx.rows<Posting>(sql`
    select t.at, t.kind, t.from_account as "from", t.to_account as "to", t.amount, t.currency, t.from_balance as balance from transfer t
    where t.merchant_id = ${tx.merchantId} and t.object_id = any(${[...ids, ...column(incidents, 'id')]}::text[]) order by t.at, t.kind in ('return', 'suspense'), t.object_id, t.kind, t.line`);
  return {
    postings,
    happened: [
      ...events.map(({ at, id: object, type, from, to, cause }) => ({
        at,
        what: object === id && from !== to ? `state    ${from ? `${from} → ` : ''}${to}  by ${cause}` : `event    ${type}  by ${cause}`,
      })),
      ...attempts,
      ...postings.map((p) => ({
        at: p.at,
        what: `posting  ${p.kind}: ${p.from} → ${p.to}  ${moneyOf(p.amount, p.currency)}  (${p.from} is then ${moneyOf(p.balance, p.currency)})`,
      })),
      ...incidents.flatMap(({ kind, detail, openedAt, closedAt }) => [
        { at: openedAt, what: `incident ${kind}: ${detail}` },
        ...(closedAt ? [{ at: closedAt, what: `incident ${kind}: closed` }] : []),
      ]),
    ],
  };
}

/** What was asked of a processor, and what is known of its answer, of whatever room. */
interface Asked {
  reference: string;
  outcome: string;
  evidence: string | null;
  preparedAt: Date;
  sentAt: Date | null;
  resolvedAt: Date | null;
  tries: number;
  nextAt: Date | null;
  note: string | null;
}

/** @param what what was asked for, where it has to be said */
export const askedOf = ({ reference, outcome, evidence, preparedAt, sentAt, resolvedAt, tries }: Asked, what = ''): Happened[] => [
  { at: preparedAt, what: `bank     ${what}prepared as ${reference}` },
  ...(sentAt ? [{ at: sentAt, what: `bank     ${what}sent (taken ${tries} times in all)` }] : []),
  ...(resolvedAt ? [{ at: resolvedAt, what: `bank     ${what}${outcome}${evidence ? `, by ${evidence}` : ''}` }] : []),
];

/** What is not known yet, and who looks after it. */
export const openOf = ({ resolvedAt, outcome, note, nextAt }: Asked, what = ''): string[] =>
  resolvedAt ? [] : [`now      ${what}${outcome}${note ? `: ${note}` : ''}; looked after ${nextAt ? `at ${nextAt.toISOString()}` : 'by nobody'}`];

/** In the order of time, and what is so now after all that has happened. */
export const inOrder = (happened: Happened[], now: string[]): string[] => [
  ...happened.toSorted((a, b) => a.at.getTime() - b.at.getTime()).map(({ at, what }) => `  ${at.toISOString()}  ${what}`),
  ...now.map((line) => `  ${' '.repeat(24)}  ${line}`),
];
