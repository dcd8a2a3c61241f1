import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What the migrator needs of a connection: plain text, several statements at once. */
export interface Session {
  exec(text: string): Promise<void>;
  rows<R>(text: string): Promise<R[]>;
}

export interface Migration {
  name: string;
  text: string;
  checksum: string;
}

/** The migrations of a folder, in order. Forward only: a file that was applied never changes. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_[a-z_]+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/** Something about the database that only its operator can put right. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

const LOCK = 0x70_6c_65_6d; // any number, the same for all versions: one migrator at a time, the others wait

const ROLES: [name: string, attributes: string][] = [
  ['tolem_owner', 'nologin'],
  ['tolem_scan', 'nologin'],
  ['tolem_vault', 'login noinherit'],
  ['tolem_app', 'login noinherit'], // noinherit: it may become tolem_scan for one statement, but is not it
  ['auditor', 'login'],
];

/**
 * Brings a database to this version. Any number of processes may call it at once.
 * @returns the names that were applied now
 * @throws {MigrationError} when an applied file was changed, the database is newer than this code, or roles cannot be made
 */
export async function migrate(session: Session, migrations: Migration[]): Promise<string[]> {
  await session.exec(`select pg_advisory_lock(${LOCK})`);
  try {
    await makeRoles(session);
    const [{ database }] = (await session.rows<{ database: string }>('select quote_ident(current_database()) as database')) as [{ database: string }];
    await session.exec(`grant create on database ${database} to tolem_owner`);
    await session.exec(`set role tolem_owner;
      create schema if not exists tolem; create schema if not exists vault; create schema if not exists audit_v1;
      create table if not exists tolem.migration (name text primary key, checksum text not null, applied_at timestamptz not null default clock_timestamp());
      reset role`);
    return await apply(session, migrations);
  } finally {
    await session.exec(`select pg_advisory_unlock(${LOCK})`);
  }
}

async function apply(session: Session, migrations: Migration[]): Promise<string[]> {
  const applied = new Map(
    (await session.rows<{ name: string; checksum: string }>('select name, checksum from tolem.migration')).map((row) => [row.name, row.checksum]),
  );
  const known = new Set(migrations.map((migration) => migration.name));
  for (const name of applied.keys()) {
    if (!known.has(name)) throw new MigrationError(`the database has the migration ${name}, which this version does not know: start the newer version`);
  }
  const done: string[] = [];
  for (const { name, text, checksum } of migrations) {
    const before = applied.get(name);
    if (before === checksum) continue;
    if (before) throw new MigrationError(`the migration ${name} was changed after it had been applied: put the file back, and add a new one`);
    await session.exec(`begin; set local role tolem_owner; set local search_path = tolem; set local lock_timeout = '10s'`);
    try {
      await session.exec(text);
      await session.exec(`insert into tolem.migration (name, checksum) values ('${name}', '${checksum}'); commit`);
    } catch (error) {
      await session.exec('rollback');
      throw error;
    }
    done.push(name);
  }
  return done;
}

/** Roles belong to the cluster: another database of it may be making them at this very moment. */
async function makeRoles(session: Session): Promise<void> {
  const there = new Set((await session.rows<{ name: string }>('select rolname as name from pg_roles')).map((row) => row.name));
  for (const [name, attributes] of ROLES.filter(([name]) => !there.has(name))) {
    try {
      await session.exec(`do $$ begin create role ${name} ${attributes}; exception when duplicate_object or unique_violation then null; end $$`);
    } catch (error) {
      throw new MigrationError(
        `the database's user may not make the role ${name}: run "create role ${name} ${attributes}" as an administrator, or give that user CREATEROLE`,
        { cause: error },
      );
    }
  }
  await session.exec(`do $$ begin
    grant tolem_scan to tolem_app;
    if not (select rolsuper from pg_roles where rolname = current_user) then
      execute format('grant tolem_owner, tolem_app, tolem_vault, tolem_scan, auditor to %I', current_user);
    end if;
    exception when unique_violation then null; -- the same grant, at the same time, from another database
  end $$`);
}
