import { BANK_FILES } from '../bankfiles/batcher.ts';
import { sql } from '../db/sql.ts';
import { clearing } from '../ledger/books.ts';
import type { House } from '../main.ts';
import { type Minor, toDecimal } from '../money.ts';
import { age, say, withHouse } from './context.ts';

/** Amounts in minor units: what left the operator's account and what came back to it. */
interface Side {
  currency: string;
  out: Minor;
  back: Minor;
}

interface Exception {
  lineKey: string;
  matched: string;
  amount: Minor;
  currency: string;
  direction: string;
  bookedOn: string | null;
  endToEndId: string | null;
  bankReference: string | null;
  seenAt: Date;
}

const WORDS: Record<string, string> = {
  amount_differs: 'the amount is not that of the payment',
  unknown_reference: 'no payment of ours has this reference',
  unmatched: 'no reference: a fee, interest, or money from somebody',
  paid_again: 'the payment was debited a second time',
  back_again: 'it takes back a second debit, or came back twice',
  reversal: 'the bank took back what had come back',
  credit: 'our reference, and no word that it comes back',
  pending: 'the bank has not booked it yet',
};

/**
 * What the bank says of the operator's account beside what the books say was paid through it: the same, or what is left over has
 * a name and an age.
 */
export async function reconcile({ json }: { json?: boolean }): Promise<void> {
  await withHouse(async (house) => {
    const [bank, ours, exceptions, waiting] = await Promise.all([bankSide(house), ourSide(house), exceptionsOf(house), inFiles(house)]);
    const currencies = [...new Set([...bank, ...ours].map(({ currency }) => currency))].sort();
    const rows = currencies.map((currency) => {
      const [b, o] = [bank, ours].map((side) => side.find((one) => one.currency === currency) ?? { currency, out: 0n, back: 0n }) as [Side, Side];
      return { currency, bank: b, ours: o, difference: { out: b.out - o.out, back: b.back - o.back } };
    });
    const isLeft = exceptions.some(({ matched }) => matched !== 'pending') || rows.some(({ difference }) => difference.out !== 0n || difference.back !== 0n);
    process.exitCode = isLeft ? 1 : 0;
    if (json) return say(JSON.stringify({ rows, exceptions, waiting }, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)));
    if (rows.length === 0) say('nothing has moved on the account yet');
    for (const { currency, bank: b, ours: o, difference } of rows) {
      const line = (name: string, theirs: Minor, own: Minor, rest: Minor) =>
        say(
          `  ${name.padEnd(12)} ${toDecimal(theirs, currency).padStart(18)} ${toDecimal(own, currency).padStart(18)} ${toDecimal(rest, currency).padStart(18)}`,
        );
      say(`${currency.padEnd(14)} ${'bank'.padStart(18)} ${'books'.padStart(18)} ${'difference'.padStart(18)}`);
      line('paid', b.out, o.out, difference.out);
      line('came back', b.back, o.back, difference.back);
    }
    if (waiting.length > 0) say();
    for (const { currency, count, amount } of waiting) say(`with the bank, not booked yet: ${count} payments, ${toDecimal(amount, currency)} ${currency}`);
    say(exceptions.length === 0 ? '\nno exceptions' : `\n${exceptions.length} exceptions, oldest first:`);
    const now = house.clock.now().getTime();
    for (const one of exceptions)
      say(
        `  ${age(now, one.seenAt).padStart(8)}  ${one.direction.padEnd(6)} ${toDecimal(one.amount, one.currency).padStart(14)} ${one.currency}  ${one.bookedOn ?? 'no date   '}  ${one.bankReference ?? '-'}  ${one.endToEndId ?? '-'}  ${WORDS[one.matched] ?? one.matched}`,
      );
  });
}

const bankSide = ({ db }: House): Promise<Side[]> =>
  db.lookup((q) =>
    q.rows(sql`
      select l.currency, coalesce(sum(l.amount) filter (where l.matched = 'payment'), 0)::bigint as out, coalesce(sum(l.amount) filter (where l.matched = 'return'), 0)::bigint as back
      from bank_line l where l.matched in ('payment', 'return') group by l.currency`),
  );

/** By the books: what was settled by files, and what came back, over all merchants. */
const ourSide = ({ db }: House): Promise<Side[]> =>
  db.scan(sql`
    select t.currency, coalesce(sum(t.amount) filter (where t.kind = 'settle'), 0)::bigint as out, coalesce(sum(t.amount) filter (where t.kind = 'return'), 0)::bigint as back
    from transfer t where t.kind in ('settle', 'return') and (t.to_account like ${clearing(BANK_FILES, '%')} or t.from_account like ${clearing(BANK_FILES, '%')}) group by t.currency`);

const inFiles = ({ db }: House): Promise<{ currency: string; count: bigint; amount: Minor }[]> =>
  db.scan(sql`
    select d.currency, count(*) as count, sum(d.amount)::bigint as amount
    from submission s join distribution d on d.merchant_id = s.merchant_id and d.id = s.payout_id
    where s.connector = ${BANK_FILES} and s.phase = 'sent' and s.resolved_at is null group by d.currency`);

const exceptionsOf = ({ db }: House): Promise<Exception[]> =>
  db.lookup((q) =>
    q.rows(sql`
      select l.line_key as "lineKey", l.matched, l.amount, l.currency, l.direction, l.booked_on::text as "bookedOn", l.end_to_end_id as "endToEndId", l.bank_reference as "bankReference", l.seen_at as "seenAt"
      from bank_line l where l.matched not in ('payment', 'return') order by l.seen_at, l.line_key limit 1000`),
  );
