/** migrations.fixture.ts: our migrations on databases that have nothing yet, as they are and as a sharded engine would see them. */
import { join } from 'node:path';
import { type Migration, migrate, readMigrations } from '../../src/db/migrate.ts';
import { withOwner } from '../../src/db/session.ts';
import { root } from '../../src/root.ts';
import { databaseUrl } from '../harness/template.ts';

export const ourMigrations = (): Promise<Migration[]> => readMigrations(join(root, 'migrations'));

let made = 0;
/** @param server URL of a superuser; @returns that of a database without anything */
export async function emptyDatabase(server: string): Promise<string> {
  const name = `m_${process.pid}_${++made}`;
  await withOwner(server, (session) => session.exec(`create database ${name}`));
  return databaseUrl(server, name);
}

/** @returns the names that were applied now */
export const migrated = async (url: string, migrations?: Migration[]): Promise<string[]> =>
  withOwner(url, async (session) => migrate(session, migrations ?? (await ourMigrations())));

/** Makes each table that is named a tenant's a table in partitions by merchant, which is what a sharded engine asks of keys. */
function asIfSharded(text: string): string {
  return text.replace(
    /(-- tenant[^\n]*\n(?:--[^\n]*\n)*)create table ([a-z_.]+) \((.*?)\n\)( with \([^)]*\))?;/gs,
    (_all, comment: string, table: string, body: string) =>
      `${comment}create table ${table} (${body}\n) partition by hash (merchant_id);\ncreate table ${table}_0 partition of ${table} for values with (modulus 2, remainder 0);\ncreate table ${table}_1 partition of ${table} for values with (modulus 2, remainder 1);`,
  );
}

/** The tables as if sharded; views stand on them unchanged. @param more a migration that follows */
export async function sharded(more?: string): Promise<Migration[]> {
  const all = (await ourMigrations()).map((migration) => ({ ...migration, text: asIfSharded(migration.text) }));
  return more ? [...all, { name: '9999_more.sql', text: asIfSharded(more), checksum: 'x' }] : all;
}

/** The tables that the migrations name a tenant's. */
export const tenantTables = async (): Promise<string[]> =>
  (await ourMigrations()).flatMap(({ text }) =>
    [...text.matchAll(/-- tenant[^\n]*\n(?:--[^\n]*\n)*create table ([a-z_.]+)/g)].map(([, table]) => table as string),
  );
