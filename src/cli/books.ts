import pg from 'pg';
import { readConfig } from '../config.ts';
import { toDecimal } from '../money.ts';
import { balanceAsOf, type Entry, statement } from '../ledger/statement.ts';
import { invalid } from '../errors.ts';
import { say, withDatabase, withHouse } from './context.ts';
import { migrateDatabase } from './database.ts';
import { heard } from './heard.ts';
import { findMerchant } from './merchants.ts';

export type Format = 'hledger' | 'ledger' | 'beancount';

interface Line {
  merchant: string;
  at: Date;
  object: string;
  kind: string;
  currency: string;
  amount: string;
  from: string;
  to: string;
}

/**
 * Writes the whole journal in the form of a plain-text accounting program, and after it the balances that we say the accounts
 * have, as assertions: the other program adds up for itself and refuses the file where it finds something else.
 */
export async function exportBooks(format: Format): Promise<void> {
  await withDatabase(readConfig(process.env), async ({ owner }) => {
    await migrateDatabase(owner);
    const client = new pg.Client({ connectionString: owner, application_name: 'tolem books' });
    await client.connect();
    try {
      await client.query(`begin isolation level repeatable read read only; set local role auditor; set local search_path = tolem`);
      if (format === 'beancount') await openings(client);
      let last = new Date(0);
      await client.query(`declare lines no scroll cursor for
        select t.merchant_id as merchant, t.at, t.object_id as object, t.kind, t.currency, t.amount, t.from_account as "from", t.to_account as "to"
        from transfer t order by t.merchant_id, t.at, t.object_id, t.kind, t.line`);
      for (;;) {
        const { rows } = await client.query<Line>('fetch 1000 from lines');
        if (rows.length === 0) break;
        for (const row of rows) {
          say(format === 'beancount' ? beancount(row) : journal(row));
          if (row.at > last) last = row.at;
        }
        await heard(); // the journal is long, and a reader may be slow: no more of it is kept than this
      }
      await closings(client, format, last);
    } finally {
      await client.end();
    }
  });
}

const day = (at: Date) => at.toISOString().slice(0, 10);
const merchantName = (merchant: string) => merchant.replaceAll('-', '');

/** The name of an account where colons part its levels. */
const ledgerAccount = (merchant: string, id: string) => `m${merchantName(merchant)}:${id.split('/')[0]?.replace(':', '-')}`;

async function closings(client: pg.Client, format: Format, last: Date): Promise<void> {
  const { rows } = await client.query<{ merchant: string; id: string; currency: string; balance: string }>(
    `select a.merchant_id as merchant, a.id, a.currency, a.balance from account a order by 1, 2`,
  );
  if (rows.length === 0) return;
  const tomorrow = day(new Date(last.getTime() + 86_400_000));
  if (format !== 'beancount') say(`${tomorrow} balances`);
  for (const { merchant, id, currency, balance } of rows) {
    const value = toDecimal(BigInt(balance), currency);
    // "~ 0": to the minor unit; by itself beancount lets one pass.
    say(
      format === 'beancount'
        ? `${tomorrow} balance ${beanAccount(merchant, id)}  ${value} ~ 0 ${currency}`
        : `    ${ledgerAccount(merchant, id)}    0 ${currency} = ${value} ${currency}`,
    );
  }
}

function journal({ merchant, at, object, kind, currency, amount, from, to }: Line): string {
  const value = toDecimal(BigInt(amount), currency);
  return `${day(at)} ${kind} ${object}\n    ${ledgerAccount(merchant, to)}    ${value} ${currency}\n    ${ledgerAccount(merchant, from)}    -${value} ${currency}\n`;
}

/** In beancount, accounts begin with one of five words; what merchants have is our liability. */
const beanAccount = (merchant: string, id: string) =>
  `Liabilities:M${merchantName(merchant)}:${(id.split('/')[0] as string)
    .split(':')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('-')}`;

async function openings(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ merchant: string; id: string; currency: string }>(
    `select a.merchant_id as merchant, a.id, a.currency from account a order by 1, 2`,
  );
  const accounts = new Map<string, Set<string>>();
  for (const { merchant, id, currency } of rows) {
    const name = beanAccount(merchant, id);
    accounts.set(name, (accounts.get(name) ?? new Set()).add(currency));
  }
  for (const [name, currencies] of accounts) say(`1970-01-01 open ${name} ${[...currencies].join(',')}`);
  say();
}

function beancount({ merchant, at, object, kind, currency, amount, from, to }: Line): string {
  const value = toDecimal(BigInt(amount), currency);
  return `${day(at)} * "${kind}" "${object}"\n  ${beanAccount(merchant, to)}  ${value} ${currency}\n  ${beanAccount(merchant, from)}  -${value} ${currency}\n`;
}

/** Prints the statement of an account as of a time. */
export async function printStatement({ merchant, account, asOf, limit }: { merchant: string; account: string; asOf?: string; limit: bigint }): Promise<void> {
  await withHouse(async ({ db, clock }) => {
    await findMerchant(db, merchant);
    const until = asOf ? new Date(asOf) : clock.now();
    if (Number.isNaN(until.getTime())) throw invalid(`--as-of: "${asOf}" is not a time such as 2026-01-31T23:59:59Z`);
    const currency = account.split('/')[1] ?? 'KZT';
    const [entries, balance] = await db.merchant(
      merchant,
      async (tx) => [await statement(tx, account, until, Number(limit)), await balanceAsOf(tx, account, until)] as const,
    );
    say(`${account} of ${merchant} as of ${until.toISOString()}: ${toDecimal(balance, currency)} ${currency}`);
    for (const entry of entries) say(entryLine(entry, currency));
  });
}

/** An entry of a statement: its number, when, what, how much, the balance after it, with whom and why. */
export const entryLine = ({ entry, at, kind, amount, balance, counterparty, objectId }: Entry, currency: string): string =>
  `  ${String(entry).padStart(8)}  ${at.toISOString()}  ${kind.padEnd(8)} ${toDecimal(amount, currency).padStart(18)}  ${toDecimal(balance, currency).padStart(18)}  ${counterparty.padEnd(24)} ${objectId}`;
