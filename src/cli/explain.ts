import type { Tx } from '../db/db.ts';
import { distributionsById } from '../distributions/distribution.ts';
import { assert, notFound } from '../errors.ts';
import { sql } from '../db/sql.ts';
import { isUuid } from '../ids.ts';
import { toDecimal } from '../money.ts';
import type { House } from '../main.ts';
import { payoutsById } from '../payouts/payout.ts';
import type { Outgoing } from '../sending/outgoing.ts';
import { say, withHouse } from './context.ts';

/** Everything that the house knows of a payout or a distribution, in the order of time. */
export async function explain(id: string): Promise<void> {
  await withHouse(async (house) => {
    const merchantId = isUuid(id) ? await ownerOf(house, id) : undefined;
    if (!merchantId) throw notFound(`no payout or distribution ${id}`);
    for (const line of await storyOf(house, merchantId, id)) say(line);
  });
}

const ownerOf = async ({ db }: House, id: string): Promise<string | undefined> =>
  (
    await db.scan<{ merchant: string }>(
      sql`select p.merchant_id as merchant from payout p where p.id = ${id}::uuid union all select d.merchant_id from distribution d where d.id = ${id}::uuid`,
    )
  )[0]?.merchant;

interface Happened {
  at: Date;
  what: string;
}

async function storyOf({ db }: House, merchantId: string, id: string): Promise<string[]> {
  return db.merchant(merchantId, async (tx) => {
    const { head, currency } = await subjectOf(tx, id);
    const money = (amount: bigint) => `${toDecimal(amount, currency)} ${currency}`;
    const events = await tx.rows<Happened>(
      sql`select e.at, 'state    ' || coalesce(e.from_state || ' → ', '') || e.to_state || '  by ' || e.cause as what from event e where e.merchant_id = ${merchantId} and e.object_id = ${id}::uuid`,
    );
    const transfers = await tx.rows<{ at: Date; kind: string; from: string; to: string; amount: bigint; balance: bigint }>(sql`
      select t.at, t.kind, t.from_account as "from", t.to_account as "to", t.amount, t.from_balance as balance from transfer t where t.merchant_id = ${merchantId} and t.object_id = ${id}`);
    const submissions = await tx.rows<{
      preparedAt: Date;
      sentAt: Date | null;
      resolvedAt: Date | null;
      reference: string;
      outcome: string;
      evidence: string | null;
      tries: number;
      note: string | null;
      nextAt: Date | null;
    }>(sql`
      select s.prepared_at as "preparedAt", s.sent_at as "sentAt", s.resolved_at as "resolvedAt", s.reference, s.outcome, s.evidence, s.tries, s.note, s.next_at as "nextAt" from submission s where s.merchant_id = ${merchantId} and s.payout_id = ${id}::uuid`);
    const attempts = await tx.rows<Happened>(sql`
      select a.at, 'webhook  ' || e.type || ' try ' || a.try || ': ' || coalesce(a.status::text, a.error, 'no answer') as what
      from attempt a join event e on e.merchant_id = a.merchant_id and e.number = a.event_number where a.merchant_id = ${merchantId} and e.merchant_id = ${merchantId} and e.object_id = ${id}::uuid`);
    const files = await tx.rows<{ messageId: string; state: string; createdAt: Date; status: string | null }>(sql`
      select b.message_id as "messageId", b.state, b.created_at as "createdAt", b.bank_status as status
      from bank_batch_item i join bank_batch b on b.merchant_id = i.merchant_id and b.id = i.batch_id where i.merchant_id = ${merchantId} and b.merchant_id = ${merchantId} and i.payout_id = ${id}::uuid`);
    const lines = await tx.rows<{
      seenAt: Date;
      direction: string;
      amount: bigint;
      bookedOn: string | null;
      bankReference: string | null;
      statementId: string;
      matched: string;
    }>(sql`
      select l.seen_at as "seenAt", l.direction, l.amount, l.booked_on::text as "bookedOn", l.bank_reference as "bankReference", l.statement_id as "statementId", l.matched from bank_line l where l.object_id = ${id}::uuid`);
    const happened: Happened[] = [
      ...files.map((f) => ({ at: f.createdAt, what: `file     ${f.messageId}, ${f.state}${f.status ? `; the bank says ${f.status}` : ''}` })),
      ...lines.map((l) => ({
        at: l.seenAt,
        what: `bank     booked ${l.direction} of ${money(l.amount)} on ${l.bookedOn ?? 'no day'} as ${l.bankReference ?? 'nothing'}, statement ${l.statementId}: ${l.matched}`,
      })),
      ...events,
      ...attempts,
      ...transfers.map((t) => ({ at: t.at, what: `posting  ${t.kind}: ${t.from} → ${t.to}  ${money(t.amount)}  (${t.from} is then ${money(t.balance)})` })),
      ...submissions.flatMap((s) => [
        { at: s.preparedAt, what: `bank     prepared as ${s.reference}` },
        ...(s.sentAt ? [{ at: s.sentAt, what: `bank     sent (taken ${s.tries} times in all)` }] : []),
        ...(s.resolvedAt ? [{ at: s.resolvedAt, what: `bank     ${s.outcome}${s.evidence ? `, by ${s.evidence}` : ''}` }] : []),
      ]),
    ];
    const open = submissions
      .filter(({ resolvedAt }) => !resolvedAt)
      .map((s) => `now      ${s.outcome}${s.note ? `: ${s.note}` : ''}; looked after ${s.nextAt ? `at ${s.nextAt.toISOString()}` : 'by nobody'}`);
    const told = happened.toSorted((a, b) => a.at.getTime() - b.at.getTime()).map(({ at, what }) => `  ${at.toISOString()}  ${what}`);
    return [head, `merchant ${merchantId}`, ...told, ...open.map((line) => `  ${' '.repeat(24)}  ${line}`)];
  });
}

interface Subject {
  head: string;
  currency: string;
}

/** What it is, in a line. Of a recipient's account the last four characters are told. */
async function subjectOf(tx: Tx, id: string): Promise<Subject> {
  const [payout] = await payoutsById(tx, [id]);
  if (payout) return { currency: payout.currency, head: headOf('payout', payout, `${payout.brand} …${payout.last4}`) };
  const [distribution] = await distributionsById(tx, [id]);
  assert(distribution, 'an id that has an owner is a payout or a distribution');
  return { currency: distribution.currency, head: headOf('distribution', distribution, `${distribution.bic} …${distribution.iban.slice(-4)}`) };
}

function headOf(
  what: string,
  { id, state, amount, fee, currency, orderReference, errorCode, errorMessage }: Outgoing & { orderReference: string | null },
  to: string,
): string {
  const money = (some: bigint) => `${toDecimal(some, currency)} ${currency}`;
  return [
    `${what} ${id}: ${state}, ${money(amount)}${fee > 0n ? ` and a fee of ${money(fee)}` : ''} to ${to}`,
    ...(orderReference ? [`reference ${orderReference}`] : []),
    ...(errorCode ? [`${errorCode}: ${errorMessage ?? ''}`] : []),
  ].join(', ');
}
