import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import type { Sql } from '../../src/db/sql.ts';
import { migrate, readMigrations } from '../../src/db/migrate.ts';
import { root } from '../../src/root.ts';
import { execute, query, read } from './wire.ts';

/** What a statement came to. */
export interface Result {
  rows: unknown[];
  rowCount: number;
  /** BEGIN, COMMIT, ROLLBACK, SELECT … */
  command: string;
  /** of the bytes that PostgreSQL answered: equal for equal answers */
  crc: number;
}

/** What PostgreSQL refused, as node-postgres throws it. */
export class DatabaseError extends Error {
  readonly code: string;
  constructor(message: string, code: string) {
    super(message);
    this.name = 'error';
    this.code = code;
  }
}

/**
 * PostgreSQL in this process and in memory: PGlite, spoken to in the wire protocol and without a single await, so that a
 * statement happens at the moment that the simulation chooses. One connection, logged in as a superuser.
 */
export class Store {
  private readonly lite: PGlite;
  /** the columns of statements that are prepared, by name */
  private readonly prepared = new Map<string, Column[]>();

  private constructor(lite: PGlite) {
    this.lite = lite;
  }

  /** Opens a migrated database. The first time it is made and kept; a change of a migration makes it anew. */
  static async open(): Promise<Store> {
    const migrations = await readMigrations(join(root, 'migrations'));
    const key = createHash('sha256')
      .update(migrations.map(({ checksum }) => checksum).join())
      .update(migrate.toString())
      .digest('hex')
      .slice(0, 16);
    const file = join(root, 'dist', `.sim-${key}.tar`);
    if (!existsSync(file)) await makeDump(file, migrations);
    const lite = await PGlite.create({ loadDataDir: new Blob([readFileSync(file)]) });
    const store = new Store(lite);
    store.exec(`set timezone = 'UTC'; set search_path = tolem; set jit = off; set plan_cache_mode = force_generic_plan`);
    return store;
  }

  /** Everything out but the schema, as if freshly migrated. */
  reset(): void {
    const tables = this.all<{
      name: string;
    }>(`select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and n.nspname in ('tolem', 'vault') and c.relname <> 'migration' order by 1`);
    this.exec(
      `deallocate all; set session_replication_role = replica; truncate ${tables.map(({ name }) => name).join(', ')}; set session_replication_role = origin; insert into tolem.platform default values`,
    );
    this.prepared.clear();
  }

  /** One prepared statement. @throws {DatabaseError} */
  run({ name, text, values }: Sql): Result {
    const columns = this.prepared.get(name) ?? [];
    const isNew = name === '' || !this.prepared.has(name);
    const result = this.send(execute(name, isNew ? text : undefined, values.map(written)), columns);
    if (name !== '') this.prepared.set(name, columns);
    return result;
  }

  /** Text of one or more statements. @returns what the last one came to @throws {DatabaseError} */
  exec(text: string): Result {
    return this.send(query(text));
  }

  all<R>(text: string): R[] {
    return this.exec(text).rows as R[];
  }

  close(): Promise<void> {
    return this.lite.close();
  }

  /** @param columns of the rows to come; those that are told are put in */
  private send(message: Uint8Array, columns: Column[] = []): Result {
    const answer = this.exchange(message);
    const result: Result = { rows: [], rowCount: 0, command: '', crc: crc32(answer) };
    let refused: DatabaseError | undefined;
    read(answer, {
      columns(told) {
        result.rows = [];
        columns.splice(0, Infinity, ...told.map(({ name, type }) => ({ name, parse: parserOf(type) })));
      },
      row(values) {
        const row: Record<string, unknown> = {};
        columns.forEach(({ name, parse }, i) => (row[name] = values[i] === null ? null : parse(values[i] as string)));
        result.rows.push(row);
      },
      done(tag) {
        result.command = tag.split(' ', 1)[0] ?? '';
        result.rowCount = Number(/ (\d+)$/.exec(tag)?.[1] ?? 0);
      },
      refused(code, message) {
        refused ??= new DatabaseError(message, code);
      },
    });
    if (refused) throw refused;
    return result;
  }

  /** The call for streams is the one that leaves the answer alone; without a file system to write to, it does all of it before it returns. */
  private exchange(message: Uint8Array): Buffer {
    const pieces: Uint8Array[] = [];
    void this.lite.execProtocolRawStream(message, { syncToFs: false, onRawData: (bytes) => void pieces.push(bytes.slice()) });
    return pieces.length === 1 ? Buffer.from((pieces[0] as Uint8Array).buffer) : Buffer.concat(pieces);
  }
}

/** A column of an answer, and how its text is read. */
interface Column {
  name: string;
  parse(text: string): unknown;
}

async function makeDump(file: string, migrations: Awaited<ReturnType<typeof readMigrations>>): Promise<void> {
  const lite = await PGlite.create();
  await migrate({ exec: async (text) => void (await lite.exec(text)), rows: async <R>(text: string) => (await lite.query<R>(text)).rows }, migrations);
  await lite.exec('checkpoint');
  const dump = await lite.dumpDataDir('none');
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, Buffer.from(await dump.arrayBuffer()));
  renameSync(`${file}.${process.pid}`, file); // whole or not at all
  await lite.close();
}

const parsers = new Map<number, (text: string) => unknown>([
  [20, BigInt],
  [114, String],
  [3802, String],
]);

/** As src/db/postgres.ts: bigint as bigint, json as its own text, the rest as the driver does. */
function parserOf(oid: number): (text: string) => unknown {
  let parser = parsers.get(oid);
  if (!parser) parsers.set(oid, (parser = pg.types.getTypeParser(oid as never, 'text') as (text: string) => unknown));
  return parser;
}

/** A parameter as it goes over the wire. */
function written(value: unknown): string | Uint8Array | null {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return value;
  return Array.isArray(value) ? arrayText(value) : scalarText(value);
}

const scalarText = (value: unknown): string =>
  value instanceof Date ? value.toISOString() : Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : String(value);

function arrayText(values: unknown[]): string {
  const item = (value: unknown): string => {
    if (value === null || value === undefined) return 'NULL';
    return Array.isArray(value) ? arrayText(value) : `"${scalarText(value).replace(/["\\]/g, '\\$&')}"`;
  };
  return `{${values.map(item).join(',')}}`;
}
