import { BANK_FILES } from '../bankfiles/batcher.ts';
import { sql } from '../db/sql.ts';
import { clearing } from '../ledger/books.ts';
import type { House } from '../main.ts';
import { type Minor, toDecimal } from '../money.ts';
import { age, say, withHouse } from './context.ts';

/** What moved the operator's account, as the bank says and as the books say. Minor units; positive is money that came. */
interface Row {
  what: string;
  bank: Minor;
  books: Minor;
  /** bank less books */
  difference: Minor;
}

interface Account {
  currency: string;
  /** what both sides know, line by line */
  rows: Row[];
  /** what one side alone knows, by its name; with the differences of the rows they are the whole difference */
  remainders: { what: string; count: number; amount: Minor }[];
  total: Row;
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

interface Sum {
  currency: string;
  name: string;
  count: bigint;
  amount: Minor;
}

/** What both sides have a name for: the bank's matches, and the postings. */
const KNOWN = [
  ['paid', 'payment', 'settle'],
  ['came back', 'return', 'return'],
  ['invoices', 'invoice', 'receive'],
] as const;

const WORDS: Record<string, string> = {
  fee: 'the bank’s own fees',
  suspense: 'in suspense, for a person: the bank did otherwise than it had said',
  amount_differs: 'the amount is not that of the payment or the invoice',
  unknown_reference: 'no payment of ours has this reference',
  unmatched: 'no reference: interest, or money from somebody',
  paid_again: 'the payment was debited, or the invoice paid, a second time',
  back_again: 'it takes back a second debit, or came back twice',
  reversal: 'the bank took back what had come back',
  credit: 'our reference, and no word that it comes back',
  invoice_cancelled: 'for an invoice that was cancelled',
  pending: 'the bank has not booked it yet',
};

/**
 * What the bank says of the operator's account beside what the books say was moved on it: the same, or what is left over has a name,
 * a sum and an age. Ends with 1 where a person has something to do.
 */
export async function reconcile({ json }: { json?: boolean }): Promise<void> {
  await withHouse(async (house) => {
    const [bank, books, exceptions, waiting] = await Promise.all([bankSums(house), bookSums(house), exceptionsOf(house), inFiles(house)]);
    const accounts = [...new Set([...bank, ...books].map(({ currency }) => currency))].sort().map((currency) => accountOf(currency, bank, books));
    const open = bank.filter(({ name }) => name in WORDS && name !== 'fee' && name !== 'pending').reduce((sum, { count }) => sum + Number(count), 0);
    process.exitCode = open > 0 || accounts.some(({ rows }) => rows.some(({ difference }) => difference !== 0n)) ? 1 : 0;
    if (json)
      return say(
        JSON.stringify({ accounts, waiting, exceptions, exceptionCount: open }, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
      );
    if (accounts.length === 0) say('nothing has moved on the account yet');
    for (const account of accounts) sayAccount(account);
    const now = house.clock.now().getTime();
    for (const { currency, count, amount, oldest } of waiting)
      say(`\nwith the bank, not booked yet: ${count} payments, ${toDecimal(amount, currency)} ${currency}, the oldest for ${age(now, oldest)}`);
    say(
      exceptions.length === 0
        ? '\nno exceptions'
        : `\n${open} exceptions${exceptions.length < open ? `, the ${exceptions.length} oldest of them` : ''}, oldest first:`,
    );
    for (const one of exceptions)
      say(
        `  ${age(now, one.seenAt).padStart(8)}  ${one.direction.padEnd(6)} ${toDecimal(one.amount, one.currency).padStart(14)} ${one.currency}  ${one.bookedOn ?? 'no date   '}  ${one.bankReference ?? '-'}  ${one.endToEndId ?? '-'}  ${WORDS[one.matched] ?? one.matched}`,
      );
  });
}

function accountOf(currency: string, bank: Sum[], books: Sum[]): Account {
  const of = (side: Sum[], name: string) => side.find((one) => one.currency === currency && one.name === name);
  const row = (what: string, theirs: Minor, ours: Minor): Row => ({ what, bank: theirs, books: ours, difference: theirs - ours });
  const rows = KNOWN.map(([what, match, kind]) => row(what, of(bank, match)?.amount ?? 0n, of(books, kind)?.amount ?? 0n));
  const others = (side: Sum[], sign: bigint, known: readonly string[]) =>
    side
      .filter((one) => one.currency === currency && !known.includes(one.name) && one.name !== 'pending')
      .map(({ name, count, amount }) => ({ what: WORDS[name] ?? name, count: Number(count), amount: sign * amount }));
  const sum = (side: Sum[]) => side.reduce((all, one) => all + (one.currency === currency && one.name !== 'pending' ? one.amount : 0n), 0n);
  return {
    ...{ currency, rows },
    remainders: [...others(bank, 1n, KNOWN.map(([, match]) => match)), ...others(books, -1n, KNOWN.map(([, , kind]) => kind))], // prettier-ignore
    total: row('in all', sum(bank), sum(books)),
  };
}

function sayAccount({ currency, rows, remainders, total }: Account): void {
  const money = (amount: Minor) => toDecimal(amount, currency).padStart(18);
  const line = ({ what, bank, books, difference }: Row) => say(`  ${what.padEnd(12)} ${money(bank)} ${money(books)} ${money(difference)}`);
  say(`${currency.padEnd(14)} ${'bank'.padStart(18)} ${'books'.padStart(18)} ${'difference'.padStart(18)}`);
  for (const row of rows) line(row);
  for (const { what, count, amount } of remainders) say(`  ${''.padEnd(12)} ${''.padStart(18)} ${''.padStart(18)} ${money(amount)}  ${count} × ${what}`);
  line(total);
}

/** By what each movement was taken for. */
const bankSums = ({ db }: House): Promise<Sum[]> =>
  db.lookup((q) =>
    q.rows(sql`
      select l.currency, l.matched as name, count(*) as count, sum(case when l.direction = 'credit' then l.amount else -l.amount end)::bigint as amount
      from bank_line l group by l.currency, l.matched order by l.currency, l.matched`),
  );

/** By the books, over all merchants: what went to the bank's clearing is money that left. */
const bookSums = ({ db }: House): Promise<Sum[]> =>
  db.scan(sql`
    select t.currency, t.kind as name, count(*) as count, sum(case when t.to_account like ${clearing(BANK_FILES, '%')} then -t.amount else t.amount end)::bigint as amount
    from transfer t where t.to_account like ${clearing(BANK_FILES, '%')} or t.from_account like ${clearing(BANK_FILES, '%')} group by t.currency, t.kind order by t.currency, t.kind`);

const inFiles = ({ db }: House): Promise<{ currency: string; count: bigint; amount: Minor; oldest: Date }[]> =>
  db.scan(sql`
    select d.currency, count(*) as count, sum(d.amount)::bigint as amount, min(s.sent_at) as oldest
    from submission s join distribution d on d.merchant_id = s.merchant_id and d.id = s.payout_id
    where s.connector = ${BANK_FILES} and s.phase = 'sent' and s.resolved_at is null group by d.currency order by d.currency`);

const exceptionsOf = ({ db }: House): Promise<Exception[]> =>
  db.lookup((q) =>
    q.rows(sql`
      select l.line_key as "lineKey", l.matched, l.amount, l.currency, l.direction, l.booked_on::text as "bookedOn", l.end_to_end_id as "endToEndId", l.bank_reference as "bankReference", l.seen_at as "seenAt"
      from bank_line l where l.matched not in ('payment', 'return', 'invoice', 'fee', 'pending') order by l.seen_at, l.line_key limit 1000`),
  );
