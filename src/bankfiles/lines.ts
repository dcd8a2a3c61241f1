import type { StatementLine } from '../connectors/iso20022/camt.ts';
import type { Queries } from '../db/db.ts';
import { column, shape, sql, table, planned } from '../db/sql.ts';
import type { Minor } from '../money.ts';

/**
 * What a movement on the operator's account is taken for: a `payment` that went, its `return`, money for an `invoice`, a `fee` of the bank
 * itself, or `pending`, not booked yet. The rest are exceptions, which a person looks at: `paid_again` and `back_again` for a second
 * one, `reversal` for a debit that takes a return back, `credit` for money with our reference that does not say that it comes back.
 */
export type Match =
  | 'payment'
  | 'return'
  | 'invoice'
  | 'fee'
  | 'pending'
  | 'amount_differs'
  | 'unknown_reference'
  | 'paid_again'
  | 'back_again'
  | 'reversal'
  | 'credit'
  | 'invoice_cancelled'
  | 'unmatched';

/** A movement as it is kept. Amounts in minor units. */
export interface Line {
  lineKey: string;
  account: string;
  statementId: string;
  status: string;
  amount: Minor;
  currency: string;
  direction: 'credit' | 'debit';
  bookedOn: string | null;
  bankReference: string | null;
  endToEndId: string | null;
  remittance: string;
  returnCode: string | null;
  matched: Match;
  merchant: string | null;
  objectId: string | null;
}

export const lineOf = (line: StatementLine, matched: Match, owner: { merchant: string; objectId: string } | undefined): Line => ({
  lineKey: line.lineKey,
  account: line.account,
  statementId: line.statementId,
  status: line.entry.status,
  amount: line.amount,
  currency: line.currency,
  direction: line.direction,
  bookedOn: line.entry.bookedOn,
  bankReference: line.bankReference,
  endToEndId: line.endToEndId,
  remittance: line.remittance.slice(0, 500),
  returnCode: line.returned?.code ?? null,
  matched,
  merchant: owner?.merchant ?? null,
  objectId: owner?.objectId ?? null,
});

const lineShape = shape<Line>(
  ['line_key', 'text', 'lineKey'],
  ['account', 'text', 'account'],
  ['statement_id', 'text', 'statementId'],
  ['status', 'text', 'status'],
  ['amount', 'bigint', 'amount'],
  ['currency', 'text', 'currency'],
  ['direction', 'text', 'direction'],
  ['booked_on', 'date', 'bookedOn'],
  ['bank_reference', 'text', 'bankReference'],
  ['end_to_end_id', 'text', 'endToEndId'],
  ['remittance', 'text', 'remittance'],
  ['return_code', 'text', 'returnCode'],
  ['matched', 'text', 'matched'],
  ['merchant', 'text', 'merchant'],
  ['object_id', 'uuid', 'objectId'],
);

/** Keeps movements, each once; one that was pending is booked by what comes later. */
export const storeLines = (queries: Queries, lines: Line[], file: Buffer, at: Date): Promise<number> =>
  queries.run(sql`
    insert into bank_line as l (line_key, account, statement_id, status, amount, currency, direction, booked_on, bank_reference, end_to_end_id, remittance, return_code, matched, merchant, object_id, file_sha256, seen_at)
    select u.*, ${file}::bytea, ${at}::timestamptz from ${table(lines, lineShape)}
    on conflict (line_key) do update set status = excluded.status, booked_on = excluded.booked_on, matched = excluded.matched, merchant = excluded.merchant, object_id = excluded.object_id
    where l.matched = 'pending' and excluded.matched <> 'pending'`);

/** Movements that are booked already: what is told again changes nothing. One by one, each by its key, whatever a planner believes of an empty table. */
export const bookedLines = async (queries: Queries, keys: string[]): Promise<Set<string>> =>
  new Set(
    column(
      await queries.rows<{ lineKey: string }>(
        planned(
          sql`select l.line_key as "lineKey" from unnest(${keys}::text[]) as u (line_key) cross join lateral (select * from bank_line l where l.line_key = u.line_key offset 0) l where l.matched <> 'pending'`,
        ),
      ),
      'lineKey',
    ),
  );

/** How often each of these payments was debited and came back, by what is kept. */
export const movementsOf = (queries: Queries, objectIds: string[]): Promise<{ objectId: string; matched: Match; count: bigint }[]> =>
  queries.rows(
    planned(sql`
    select l.object_id as "objectId", l.matched, count(*) as count
    from (select distinct u.id from unnest(${objectIds}::uuid[]) as u (id)) u cross join lateral (select * from bank_line l where l.object_id = u.id offset 0) l
    where l.matched in ('payment', 'return', 'paid_again', 'back_again') group by l.object_id, l.matched`),
  );
