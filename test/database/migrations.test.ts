import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { migrate, readMigrations } from '../../src/db/migrate.ts';
import { withOwner } from '../../src/db/session.ts';
import { root } from '../../src/root.ts';
import { databaseUrl } from '../harness/template.ts';

const folder = join(root, 'migrations');
let made = 0;
async function emptyDatabase(): Promise<string> {
  const name = `m_${process.pid}_${++made}`;
  await withOwner(inject('postgres'), (session) => session.exec(`create database ${name}`));
  return databaseUrl(inject('postgres'), name);
}
const migrated = async (url: string, migrations = readMigrations(folder)) => withOwner(url, async (session) => migrate(session, await migrations));

test('ten processes may migrate at once: all end well, and each file is applied once', async () => {
  const url = await emptyDatabase();
  const applied = await Promise.all(Array.from({ length: 10 }, () => migrated(url)));
  const names = (await readMigrations(folder)).map(({ name }) => name);
  expect(applied.flat().toSorted()).toEqual(names);
  expect(await migrated(url)).toEqual([]);
});

test('a file that was changed after it had been applied is refused by name', async () => {
  const url = await emptyDatabase();
  await migrated(url);
  const [first, ...rest] = await readMigrations(folder);
  const changed = [{ ...(first as NonNullable<typeof first>), checksum: 'other' }, ...rest];
  await expect(migrated(url, Promise.resolve(changed))).rejects.toThrow(/0001_base\.sql was changed/);
});

test('a database of a newer version is refused', async () => {
  const url = await emptyDatabase();
  await migrated(url);
  await expect(
    migrated(
      url,
      readMigrations(folder).then((all) => all.slice(0, -1)),
    ),
  ).rejects.toThrow(/does not know: start the newer version/);
});

test('a file that fails leaves nothing behind', async () => {
  const url = await emptyDatabase();
  const bad = { name: '9999_bad.sql', text: 'create table tolem.half (id int primary key); select 1/0', checksum: 'x' };
  await expect(
    migrated(
      url,
      readMigrations(folder).then((all) => [...all, bad]),
    ),
  ).rejects.toThrow(/division by zero/);
  const [{ there }] = (await withOwner(url, (session) => session.rows<{ there: boolean }>(`select to_regclass('tolem.half') is not null as there`))) as [
    { there: boolean },
  ];
  expect(there).toBe(false);
  expect(await migrated(url)).toEqual([]);
});

/** Makes each table that is named a tenant's a table in partitions by merchant, which is what a sharded engine asks of keys. */
function asIfSharded(text: string): string {
  return text.replace(
    /(-- tenant[^\n]*\n(?:--[^\n]*\n)*)create table ([a-z_.]+) \((.*?)\n\)( with \([^)]*\))?;/gs,
    (_all, comment: string, table: string, body: string) =>
      `${comment}create table ${table} (${body}\n) partition by hash (merchant_id);\ncreate table ${table}_0 partition of ${table} for values with (modulus 2, remainder 0);\ncreate table ${table}_1 partition of ${table} for values with (modulus 2, remainder 1);`,
  );
}
const sharded = async (more = '') => {
  const all = (await readMigrations(folder))
    .filter(({ name }) => !name.startsWith('0007') && !name.startsWith('0008'))
    .map((migration) => ({ ...migration, text: asIfSharded(migration.text) }));
  return more ? [...all, { name: '9999_more.sql', text: asIfSharded(more), checksum: 'x' }] : all;
};

test('every table of a merchant could be sharded by merchant: keys, unique constraints and references carry it', async () => {
  const url = await emptyDatabase();
  await migrated(url, sharded());
  const rows = await withOwner(url, (session) =>
    session.rows<{ name: string }>(
      `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('tolem', 'vault') and c.relkind = 'p'`,
    ),
  );
  expect(rows.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['account', 'transfer', 'event', 'payout', 'submission', 'delivery', 'idempotency', 'card_token', 'card', 'merchant']),
  );
  expect(rows.length).toBeGreaterThanOrEqual(20);
});

test('…and one that could not would be found', async () => {
  const url = await emptyDatabase();
  await expect(migrated(url, sharded('-- tenant\ncreate table tolem.wrong (\n  merchant_id text not null,\n  id uuid primary key\n);'))).rejects.toThrow(
    /partition/,
  );
});

test('no sequence, no identity, nothing deferrable', async () => {
  const url = await emptyDatabase();
  await migrated(url);
  const odd = await withOwner(url, (session) =>
    session.rows(`select c.relname as what from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('tolem', 'vault') and c.relkind = 'S'
      union all select attrelid::regclass::text from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('tolem', 'vault') and a.attidentity <> ''
      union all select conname from pg_constraint k join pg_namespace n on n.oid = k.connamespace where n.nspname in ('tolem', 'vault') and k.condeferrable`),
  );
  expect(odd).toEqual([]);
});
