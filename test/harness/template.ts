import { join } from 'node:path';
import { migrate, readMigrations } from '../../src/db/migrate.ts';
import { withOwner } from '../../src/db/session.ts';
import { root } from '../../src/root.ts';

export const TEMPLATE = 'tolem_template';

/** The URL of another database of the same server. */
export function databaseUrl(url: string, database: string, user?: string): string {
  const target = new URL(url);
  target.pathname = `/${database}`;
  if (user) target.username = user;
  return target.href;
}

/** Migrates a database once; test files get copies of it. */
export async function prepareTemplate(url: string): Promise<void> {
  await withOwner(url, async (session) => {
    await session.exec(`drop database if exists ${TEMPLATE}`);
    await session.exec(`create database ${TEMPLATE}`);
  });
  const migrations = await readMigrations(join(root, 'migrations'));
  await withOwner(databaseUrl(url, TEMPLATE), (session) => migrate(session, migrations));
}

let made = 0;

/** A migrated database of its own, made in some tens of milliseconds. @returns its owner's URL */
export async function freshDatabase(url: string): Promise<string> {
  const name = `t_${process.pid}_${Math.floor(performance.now() * 1000)}_${++made}`;
  await withOwner(url, (session) => session.exec(`create database ${name} template ${TEMPLATE}`));
  return databaseUrl(url, name);
}
