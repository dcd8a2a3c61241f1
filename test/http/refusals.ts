import { expect } from 'vitest';
import { errorTable } from '../../src/errors.ts';
import { withOwner } from '../../src/db/session.ts';
import type { TestHouse } from '../harness/house.ts';

export type Heard = Awaited<ReturnType<TestHouse['request']>>;

/** What HTTP has a status for, and the API's table no code. */
const UNREADABLE = [405, 408, 413, 415, 431];

/** Words that belong into a log: of PostgreSQL, of Node, of our own files and of secrets. */
const LEAKS =
  /\bat \S+ \(|\.[cm]?[jt]s:\d|node_modules|\/src\/|\b(select|insert into|update|delete from|relation|column|constraint|syntax error|violates|postgres)\b|Error:|(pr|tk)_(test|live)_|whsec_|whk_/;

/** That an answer is a refusal in the one format that there is. @returns its message */
export function expectRefusal(
  heard: Pick<Heard, 'status' | 'text' | 'headers'>,
  status: number,
  message?: string | RegExp,
): { code: number; message: string; source: string; details?: { field: string; message: string }[] } {
  expect(heard.status, heard.text).toBe(status);
  const body = JSON.parse(heard.text) as Record<string, unknown>;
  expect(
    Object.keys(body).filter((name) => name !== 'details'),
    heard.text,
  ).toEqual(['code', 'message', 'source', 'type']);
  const {
    code,
    message: said,
    source,
    type,
    details,
  } = body as { code: keyof typeof errorTable; message: string; source: string; type: string; details?: { field: string; message: string }[] };
  const row = errorTable[code];
  expect(row, heard.text).toBeDefined();
  expect(UNREADABLE.includes(status) ? 3 : code).toBe(code);
  expect(UNREADABLE.includes(status) || row.status === status, `code ${code} with ${status}`).toBe(true);
  expect(type).toBe(row.type);
  expect(said.startsWith(row.message), said).toBe(true);
  expect(source).toMatch(/^[a-zA-Z]+$/);
  expect(said).not.toMatch(LEAKS);
  if (details !== undefined) {
    expect(details.length).toBeGreaterThan(0);
    for (const detail of details) expect(Object.keys(detail)).toEqual(['field', 'message']);
  }
  expect(String(heard.headers['content-type'])).toBe('application/json; charset=utf-8');
  if (status === 429 || status === 503) expect(String(heard.headers['retry-after'])).toMatch(/^[1-9]\d*$/);
  if (status === 405) expect(String(heard.headers.allow)).toMatch(/^[A-Z]+(, [A-Z]+)*$/);
  if (message instanceof RegExp) expect(said).toMatch(message);
  else if (message !== undefined) expect(said).toContain(message);
  return body as never;
}

/** What of a table counts as something done. Accounts are made when they are looked at; a page's look-up is written before it is known whether there will be a page. */
const COUNTED: Record<string, string> = {
  'tolem.account': 'where balance <> 0',
  'tolem.page_owner': 'where exists (select from tolem.card_session s where s.hash = page_owner.hash)',
};

/** How many rows every table of a house has: what a refusal must leave as it was. */
export async function rowsOf({ url }: Pick<TestHouse, 'url'>): Promise<Record<string, number>> {
  return withOwner(url, async (session) => {
    const tables = await session.rows<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
    );
    const [counts] = await session.rows<{ counts: Record<string, number> }>(
      `select jsonb_object_agg(name, rows) as counts from (${tables.map(({ name }) => `select '${name}' as name, count(*) as rows from ${name} ${COUNTED[name] ?? ''}`).join(' union all ')}) as t`,
    );
    return counts?.counts ?? {};
  });
}
