import type { Tx } from '../../db/db.ts';
import { column, sql } from '../../db/sql.ts';
import { notFound } from '../../errors.ts';
import { balanceOf, balances, statement } from '../../ledger/statement.ts';
import { type Minor, toDecimal } from '../../money.ts';
import { entryLine } from '../books.ts';
import { moneyOf, type Story } from './story.ts';

/** How many of what holds money are listed, and how many postings. */
const OLDEST = 20;
const LAST = 10;
/** Later than any posting: an account's time may be ahead of this process's clock. */
const ALWAYS = new Date('9999-12-31T00:00:00Z');

/**
 * What an account stands at, and why: its postings by kind, which sum to it, what holds it where it is held, and what came last.
 * @param account as a statement names it, with its currency
 */
export async function balanceStory(tx: Tx, account: string): Promise<Story> {
  const { balance, at } = await balanceOf(tx, account);
  const currency = account.split('/')[1];
  if (!at || !currency)
    throw notFound(`no merchant account ${account}; there are ${column(await balances(tx), 'account').join(', ') || 'none yet'}, and beneficiary:ID/KZT`);
  const byKind = await postingsByKind(tx, account, balance, currency);
  const held = account === `held/${currency}` ? await holders(tx, balance, currency) : { lines: [], broken: [] };
  const last = await statement(tx, account, ALWAYS, LAST);
  return {
    lines: [
      `${account}: ${moneyOf(balance, currency)}`,
      `merchant ${tx.merchantId}`,
      ...byKind.lines,
      ...held.lines,
      '',
      last.length < LAST ? `all ${last.length} postings, newest first` : `the last ${LAST} postings, newest first`,
      ...last.map((entry) => entryLine(entry, currency)),
    ],
    broken: [...byKind.broken, ...held.broken],
  };
}

async function postingsByKind(tx: Tx, account: string, balance: Minor, currency: string): Promise<Story> {
  const kinds = await tx.rows<{ kind: string; count: bigint; came: Minor; went: Minor }>(sql`
    select m.kind, count(*) as count, sum(m.came)::bigint as came, sum(m.went)::bigint as went from (
      select t.kind, t.amount as came, 0 as went from transfer t where t.merchant_id = ${tx.merchantId} and t.to_account = ${account}
      union all select t.kind, 0, t.amount from transfer t where t.merchant_id = ${tx.merchantId} and t.from_account = ${account}
    ) m group by m.kind order by m.kind`);
  const [count, came, went] = (['count', 'came', 'went'] as const).map((of) => sumOf(column(kinds, of))) as [bigint, Minor, Minor];
  const money = (amount: Minor) => toDecimal(amount, currency);
  const row = (...[name, many, incoming, outgoing]: [string, string, string, string]) =>
    `  ${name.padEnd(14)} ${many.padStart(9)} ${incoming.padStart(20)} ${outgoing.padStart(20)}`;
  const isRight = came - went === balance;
  return {
    lines: [
      '',
      row('postings', 'how many', 'in', 'out'),
      ...kinds.map((one) => row(one.kind, String(one.count), money(one.came), money(one.went))),
      row('sum', String(count), money(came), money(went)),
      `  in ${money(came)} - out ${money(went)} = ${moneyOf(came - went, currency)}${isRight ? ', which is the balance' : ''}`,
    ],
    broken: isRight ? [] : [`the postings sum to ${moneyOf(came - went, currency)}, but the balance is ${moneyOf(balance, currency)}`],
  };
}

/** What is open, and what each takes: a payout with its fee, a distribution, a refund. */
async function holders(tx: Tx, balance: Minor, currency: string): Promise<Story> {
  const open = await tx.rows<{ kind: string; id: string; state: string; amount: Minor; since: Date }>(sql`
    select h.kind, h.id, h.state, h.amount, h.since from (
      select 'payout' as kind, p.id, p.state, p.amount + p.fee as amount, p.created_at as since from payout p
      where p.merchant_id = ${tx.merchantId} and p.currency = ${currency} and p.state in ('new', 'processing')
      union all select 'distribution', d.id, d.state, d.amount, d.created_at from distribution d
      where d.merchant_id = ${tx.merchantId} and d.currency = ${currency} and d.state in ('new', 'processing')
      union all select 'refund', o.id, o.state, o.amount, o.created_at
      from wallet_operation o join wallet_authorization a on a.merchant_id = o.merchant_id and a.id = o.authorization_id
      where o.merchant_id = ${tx.merchantId} and a.merchant_id = ${tx.merchantId} and a.currency = ${currency} and o.kind = 'refund' and o.state = 'pending'
    ) h order by h.since, h.id`);
  const sum = sumOf(column(open, 'amount'));
  const row = (name: string, some: { amount: Minor }[]) =>
    `  ${name.padEnd(14)} ${String(some.length).padStart(9)} ${toDecimal(sumOf(column(some, 'amount')), currency).padStart(20)}`;
  const kinds = ['payout', 'distribution', 'refund'].map((kind) => [kind, open.filter((one) => one.kind === kind)] as const);
  const rest = open.slice(OLDEST);
  return {
    lines: [
      '',
      `  ${'held by'.padEnd(14)} ${'how many'.padStart(9)} ${'amount'.padStart(20)}`,
      ...kinds.filter(([, some]) => some.length > 0).map(([kind, some]) => row(kind, some)),
      `${row('sum', open)} ${currency}${sum === balance ? ', which is the balance' : ''}`,
      ...(open.length > 0 ? ['', 'oldest first'] : []),
      ...open
        .slice(0, OLDEST)
        .map(
          ({ kind, id, state, amount, since }) => `  ${since.toISOString()}  ${kind.padEnd(12)} ${toDecimal(amount, currency).padStart(18)}  ${id}  ${state}`,
        ),
      ...(rest.length > 0 ? [`  and ${rest.length} more, ${moneyOf(sumOf(column(rest, 'amount')), currency)}`] : []),
    ],
    broken: sum === balance ? [] : [`what is open holds ${moneyOf(sum, currency)}, but the balance is ${moneyOf(balance, currency)}`],
  };
}

const sumOf = (amounts: bigint[]): bigint => amounts.reduce((sum, amount) => sum + amount, 0n);
