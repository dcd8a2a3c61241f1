/**
 * What is asked of the database: each statement of the hot path names the merchant for each table that it touches (scaling.md,
 * rules 2, 3, 5, 6, 7), and takes time and chance from outside. All statements of the source are read; those of a payout's
 * whole walk are also caught on their way.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { root } from '../../src/root.ts';
import { openTestHouse } from '../harness/house.ts';
import { ourMigrations, tenantTables } from './migrations.fixture.ts';

const tenants = (await tenantTables()).map((name) => name.replace(/^tolem\./, ''));
const others = (await ourMigrations()).flatMap(({ text }) =>
  [...text.matchAll(/-- (?:look-up|reference)[^\n]*\n(?:--[^\n]*\n)*create table (?:tolem\.)?([a-z_.]+)/g)].map(([, name]) => name as string),
);

interface Named {
  table: string;
  alias: string;
  written: boolean;
}

const KEYWORDS = new Set([
  'where',
  'set',
  'on',
  'order',
  'group',
  'limit',
  'for',
  'join',
  'left',
  'cross',
  'values',
  'select',
  'union',
  'returning',
  'using',
  'offset',
  'full',
  'inner',
]);

/** The tables of ours that a statement names, with the names that they have in it. */
function named(text: string, tables: string[]): Named[] {
  return [...text.matchAll(/(?:\b(from|join|update|into|using)\s+|,\s*(?:lateral\s+)?)([a-z_.]+)(?:\s+as)?(?:\s+([a-z]\w*))?/g)].flatMap(
    ([, word, table = '', next = '']) =>
      tables.includes(table.replace(/^tolem\./, '')) && (word || next)
        ? [{ table, alias: next && !KEYWORDS.has(next) ? next : table, written: word === 'into' }]
        : [],
  );
}

/** What is wrong with a statement of a merchant's transaction. */
function complaints(raw: string): string[] {
  const text = raw.replaceAll(/--.*$/gm, '').replaceAll(/\s+/g, ' ').trim();
  const wrong: string[] = [];
  for (const { table, alias, written } of named(text, tenants)) {
    if (written) {
      if (!new RegExp(`insert into ${table} as [a-z]+ \\(merchant_id\\b`).test(text))
        wrong.push(`the insert into ${table} has no alias, or does not begin with merchant_id`);
    } else if (!new RegExp(`\\b${alias.replace('.', '\\.')}\\.merchant_id = (?:\\$\\d+|tenant\\b)`).test(text))
      wrong.push(`${table} ${alias} is read without its merchant`);
  }
  if (
    /\binsert into\b.*\bselect\b/.test(text) &&
    /\bselect (?!\(?\s*(?:[a-z]+\.)?merchant_id|count|\()/.test(text.split(/\binsert into\b/)[1]?.split(/\bfrom\b/)[0] ?? '')
  )
    wrong.push('an insert takes the merchant from elsewhere than a row of it');
  return [...wrong, ...always(text)];
}

/** What no statement may have, whoever's it is. */
function always(text: string): string[] {
  const wrong: string[] = [];
  if (
    /\b(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|gen_random_uuid|random|nextval|set_config|txid_current|pg_current_xact_id)\s*\(|\bcurrent_(?:timestamp|date|time)\b|\blocaltime/i.test(
      text,
    )
  )
    wrong.push('time, chance or a setting is taken from the database');
  if (/\bcase (?!when\b)/i.test(text)) wrong.push('a CASE that is not searched');
  if (/\bmerge into\b|\bcopy\b|\bpg_(?:try_)?advisory|\bnotify\b|\blisten\b/i.test(text)) wrong.push('MERGE, COPY, an advisory lock or NOTIFY');
  if (/\b(?:delete from|truncate) (?!vault\.)/i.test(text)) wrong.push('something of a merchant is deleted');
  return wrong;
}

interface Found {
  file: string;
  line: number;
  text: string;
  /** what stands before it */
  before: string;
}

/** All sql`…` of the source, with a parameter in the place of each value. */
function statements(): Found[] {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => /\.tsx?$/.test(name) && !/\.(test|fixture|bench)\.|testing\.ts$/.test(name),
  );
  return files.flatMap((file) => {
    const source = readFileSync(join(root, 'src', file), 'utf8');
    return [...source.matchAll(/\bsql`/g)].flatMap(({ index }) => {
      if (/^\s*(\/\*\*|\*|\/\/).*$/.test(source.slice(source.lastIndexOf('\n', index) + 1, index))) return [];
      return [
        { file, line: source.slice(0, index).split('\n').length, text: textAt(source, index + 4), before: source.slice(Math.max(0, index - 160), index) },
      ];
    });
  });
}

function textAt(source: string, from: number): string {
  let text = '';
  for (let at = from; source[at] !== '`'; at++) {
    if (source[at] === '$' && source[at + 1] === '{') {
      let depth = 1;
      const begin = at + 2;
      for (at = begin; depth > 0; at++) depth += source[at] === '{' ? 1 : source[at] === '}' ? -1 : 0;
      at--;
      const value = source.slice(begin, at);
      text += /^(?:this\.)?(?:tx\.|o\.)?merchant(?:Id)?$/.test(value) ? 'tenant' : /^table\(/.test(value) ? 'unnest($1) as u (x)' : '$1';
    } else text += source[at];
  }
  return text;
}

const all = statements();
const where = ({ file, line }: Found) => `src/${file}:${line}`;
/** Asked as the scanning role, which sees no more than what is due where; or by the operator, of his own few tables. */
const isScan = ({ before }: Found) => /(?:\.scan(?:<[^()]*>)?\(|due: \(now\) =>) ?(?:[a-z]+\( ?)?$/.test(before.replaceAll(/\s+/g, ' '));
const isLookup = ({ text }: Found) => named(text, tenants).length === 0;

test('the statements of the source are found', () => {
  expect(all.length).toBeGreaterThan(100);
  expect(all.filter(isScan).length).toBeGreaterThanOrEqual(4);
  expect(new Set(all.filter((one) => !isScan(one)).flatMap(({ text }) => named(text, tenants).map(({ table }) => table))).size).toBeGreaterThanOrEqual(20);
});

/** The vault's own rounds over all merchants: which there are, and under which key. It reads nothing else of them. */
const rounds = /^\s*(?:select distinct k\.merchant_id as "merchantId"|select k\.kek_id as "kekId" from vault\.data_key k union)/;

test('each statement of a merchant’s transaction names the merchant for each table', () => {
  const wrong = all
    .filter((one) => !isScan(one) && !isLookup(one) && !rounds.test(one.text))
    .flatMap((one) => complaints(one.text).map((what) => `${where(one)}: ${what}`));
  expect(wrong).toEqual([]);
});

test('no statement takes time or chance from the database, wherever it is asked', () => {
  expect(all.flatMap((one) => always(one.text.replaceAll(/\s+/g, ' ')).map((what) => `${where(one)}: ${what}`))).toEqual([]);
});

test.each([
  ['select p.id from payout p where p.id = $1', 'payout p is read without its merchant'],
  ['select p.id from payout p join submission s on s.payout_id = p.id where p.merchant_id = $1', 'submission s is read without its merchant'],
  ['update account as a set balance = $1 where a.id = $2', 'account a is read without its merchant'],
  [
    'select 1 from card_token t where t.merchant_id = $1 and exists (select 1 from customer c where c.id = t.customer_id)',
    'customer c is read without its merchant',
  ],
  ['insert into store (merchant_id, id) values ($1, $2)', 'the insert into store has no alias, or does not begin with merchant_id'],
  [
    'insert into store as s (merchant_id, id) select u.merchant, u.id from unnest($1) u (merchant, id)',
    'an insert takes the merchant from elsewhere than a row of it',
  ],
  ['update payout as p set at = now() where p.merchant_id = $1', 'time, chance or a setting is taken from the database'],
  ['update payout as p set state = case p.state when $2 then $3 end where p.merchant_id = $1', 'a CASE that is not searched'],
  ['delete from payout p where p.merchant_id = $1', 'something of a merchant is deleted'],
])('…and it would be said of: %s', (text, what) => expect(complaints(text)).toContain(what));

test('a payout’s whole walk, as it goes over the wire', async () => {
  const caught: { opening: string; text: string }[] = [];
  const openings = new WeakMap<object, string>();
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function caughtQuery(this: object, ...args: [string | { text: string }]) {
    const text = typeof args[0] === 'string' ? args[0] : args[0].text;
    if (text.startsWith('begin')) openings.set(this, text);
    else if (text !== 'commit' && text !== 'rollback') caught.push({ opening: openings.get(this) ?? '', text });
    return (query as (...all: unknown[]) => unknown).apply(this, args);
  } as never;
  const th = await openTestHouse();
  try {
    const m = await th.merchant({ available: 1000_00n, terms: { dailyLimit: 900_00n, cardDailyLimit: 900_00n, feeFixed: 1n } });
    await th.post('/v1/webhook-endpoints', m, { url: 'http://127.0.0.1:9/hook' });
    caught.length = 0;
    th.bank.script = {
      send: ({ amount }) =>
        amount === 2_00n ? { kind: 'declined', code: '05', message: 'no' } : amount === 3_00n ? { kind: 'unknown', why: 'no answer' } : (undefined as never),
    };
    const ids = [];
    for (const amount of [1, 2, 3])
      ids.push((await th.post('/v1/payout', m, { tokenId: m.cardToken, amount }, { 'idempotency-key': `k${amount}` })).body.id as string);
    await th.work(m);
    for (const verdict of [
      { kind: 'executed', rrn: null, executedAt: null },
      { kind: 'returned', rrn: null, code: '14' },
    ] as const)
      await th.house.sending.outcomes.submit(m.merchantId, {
        payoutId: ids[2] as string,
        verdict,
        source: 'callback',
        callback: { processor: 'processor', dedupeKey: verdict.kind },
      });
    await th.work(m);
    expect(await th.told(m, ids[2] as string)).toEqual(['transaction.new', 'transaction.processing', 'transaction.settled']);
    await th.get(`/v1/events`, m);
    await th.get(`/v1/payout`, m);
  } finally {
    pg.Client.prototype.query = query;
    await th.close();
  }
  expect(caught.length).toBeGreaterThan(40);
  for (const { opening, text } of caught) {
    if (opening.includes('tolem_scan')) continue;
    // A merchant's transaction says whose it is, in a literal; one that does not, reads look-ups alone.
    if (/^begin; set local tolem\.merchant = '[0-9a-f-]{36}'$/.test(opening)) expect(complaints(text), text).toEqual([]);
    else expect([opening, named(text, tenants), named(text, others).length > 0]).toEqual(['begin', [], true]);
  }
});
