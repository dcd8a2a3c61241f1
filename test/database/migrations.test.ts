import { expect, inject, test } from 'vitest';
import { withOwner } from '../../src/db/session.ts';
import { emptyDatabase, migrated, ourMigrations, sharded, tenantTables } from './migrations.fixture.ts';

const empty = () => emptyDatabase(inject('postgres'));

test('ten processes may migrate at once: all end well, and each file is applied once', async () => {
  const url = await empty();
  const applied = await Promise.all(Array.from({ length: 10 }, () => migrated(url)));
  const names = (await ourMigrations()).map(({ name }) => name);
  expect(applied.flat().toSorted()).toEqual(names);
  expect(await migrated(url)).toEqual([]);
});

test('a file that was changed after it had been applied is refused by name', async () => {
  const url = await empty();
  await migrated(url);
  const [first, ...rest] = await ourMigrations();
  const changed = [{ ...(first as NonNullable<typeof first>), checksum: 'other' }, ...rest];
  await expect(migrated(url, changed)).rejects.toThrow(/0001_base\.sql was changed/);
});

test('a database of a newer version is refused', async () => {
  const url = await empty();
  await migrated(url);
  const older = (await ourMigrations()).slice(0, -1);
  await expect(migrated(url, older)).rejects.toThrow(/does not know: start the newer version/);
});

test('a file that fails leaves nothing behind', async () => {
  const url = await empty();
  const bad = { name: '9999_bad.sql', text: 'create table tolem.half (id int primary key); select 1/0', checksum: 'x' };
  await expect(migrated(url, [...(await ourMigrations()), bad])).rejects.toThrow(/division by zero/);
  expect(await withOwner(url, (session) => session.rows(`select to_regclass('tolem.half') as half`))).toEqual([{ half: null }]);
  expect(await migrated(url)).toEqual([]);
});

test('every table of a merchant could be sharded by merchant: keys, unique constraints and references carry it', async () => {
  const url = await empty();
  await migrated(url, await sharded());
  const rows = await withOwner(url, (session) =>
    session.rows<{ name: string }>(`select oid::regclass::text as name from pg_class where relkind = 'p' order by 1`),
  );
  expect(rows.map(({ name }) => name)).toEqual((await tenantTables()).toSorted());
  expect(rows.length).toBeGreaterThanOrEqual(20);
});

test.each([
  ['a key', 'id uuid primary key'],
  ['a unique constraint', 'id uuid not null,\n  name text unique,\n  primary key (merchant_id, id)'],
])('…and one that could not would be found: %s without the merchant', async (_, columns) => {
  const url = await empty();
  await expect(migrated(url, await sharded(`-- tenant\ncreate table tolem.wrong (\n  merchant_id text not null,\n  ${columns}\n);`))).rejects.toThrow(
    /partition/,
  );
});
