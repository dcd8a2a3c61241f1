import type { Socket } from 'node:net';
import pg from 'pg';
import { AssertionError, assert } from '../errors.ts';
import { CommitUnknown, type Db, type Queries, type Tx, isConnectionLost, isRetryable } from './db.ts';
import { arrayLiteral } from './array.ts';
import type { Sql } from './sql.ts';

const INT8 = 20;
const TIMESTAMPTZ = 1184;
const JSON_TYPES = new Set([114, 3802]);
const parseMoment = pg.types.getTypeParser(TIMESTAMPTZ);
/** Sessions run in UTC, so a moment of our years is one that the engine reads natively; what looks otherwise is left to the driver. */
const moment = (text: string): Date =>
  /^\d{4}-.{6}\d\d:\d\d:\d\d(\.\d+)?\+00$/.test(text) ? new Date(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`) : (parseMoment(text) as Date);
/** bigint as bigint, json as its own text; the rest as the driver does. */
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === INT8) return BigInt;
    if (oid === TIMESTAMPTZ) return moment;
    if (JSON_TYPES.has(oid)) return String;
    return pg.types.getTypeParser(oid as never, format as never);
  },
};

export interface PostgresOptions {
  url: string;
  /** The role that statements run as. With a URL that logs in as this role, nothing is switched. */
  role: string;
  poolSize: number;
  /** Milliseconds to wait for a lock before the transaction is given up (55P03). */
  lockTimeoutMs?: number;
  /** Milliseconds a statement may run. */
  statementTimeoutMs?: number;
  onError?(error: Error): void;
}

/** The real database: node-postgres, with statements of a transaction sent without waiting for one another's answers. */
export function openPostgres(options: PostgresOptions): Db {
  const settings = [
    `role=${options.role}`,
    'search_path=tolem',
    `lock_timeout=${options.lockTimeoutMs ?? 5_000}`,
    `statement_timeout=${options.statementTimeoutMs ?? 15_000}`,
    'idle_in_transaction_session_timeout=30000',
    'timezone=UTC',
  ];
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    types: types as never,
    pipeline: true,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    allowExitOnIdle: false,
    application_name: options.role,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
  } as pg.PoolConfig);
  pool.on('error', (error) => options.onError?.(error)); // of connections that nobody uses
  pool.on('connect', (client) => client.on('error', () => undefined)); // in use: the statement in hand says so; with nobody listening, the process would end

  async function transaction<T>(opening: string, work: (queries: Queries) => Promise<T>): Promise<T> {
    for (let run = 1; ; run++) {
      const client = await pool.connect();
      let broken = false;
      try {
        return await once(client, opening, work);
      } catch (error) {
        broken = isConnectionLost(error) || error instanceof CommitUnknown;
        if (run < 5 && isRetryable(error)) continue; // nothing happened: PostgreSQL undid all of it
        throw error;
      } finally {
        client.release(broken);
      }
    }
  }

  return {
    merchant: (merchantId, work) => transaction(opening(merchantId), (queries) => work({ merchantId, ...queries } as Tx)),
    lookup: (work) => transaction('begin', work),
    scan: (query) => transaction('begin read only; set local role tolem_scan', (queries) => queries.rows(query)),
    close: () => pool.end(),
  };
}

/** A parameter as it is sent; what is not here the driver writes as well. */
const asText = (value: unknown): unknown => (Array.isArray(value) ? arrayLiteral(value) : value instanceof Date ? value.toISOString() : value);

/** A literal, not a parameter: sharded engines carry a literal SET to where the rows are. */
function opening(merchantId: string): string {
  assert(/^[0-9a-f-]{36}$/.test(merchantId), 'a merchant id is a UUID');
  return `begin; set local tolem.merchant = '${merchantId}'`;
}

/** Lets statements that are asked for at the same moment leave in one write: fewer system calls, and fewer wake-ups of the server. */
function together(client: pg.PoolClient): void {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  if (stream.writableCorked > 0) return;
  stream.cork();
  queueMicrotask(() => stream.uncork());
}

async function once<T>(client: pg.PoolClient, opening: string, work: (queries: Queries) => Promise<T>): Promise<T> {
  together(client);
  const begun = client.query(opening);
  begun.catch(() => undefined); // the first statement fails with it, and is awaited
  let result: T;
  try {
    const run = async (query: Sql) => {
      together(client);
      return client.query({ ...query, values: query.values.map(asText) });
    };
    const rows = async <R>(query: Sql) => (await run(query)).rows as R[];
    result = await work({
      rows,
      one: async <R>(query: Sql) => exactlyOne(await rows<R>(query)),
      maybe: async <R>(query: Sql) => (await rows<R>(query))[0],
      run: async (query) => (await run(query)).rowCount ?? 0,
    });
    await begun;
  } catch (error) {
    // COMMIT was never sent, so whatever went wrong, PostgreSQL undoes it, with or without hearing this.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
  let tag: string;
  try {
    tag = (await client.query('commit')).command;
  } catch (error) {
    throw isConnectionLost(error) ? new CommitUnknown(error) : error;
  }
  // A transaction that failed answers COMMIT with ROLLBACK, and no error.
  if (tag !== 'COMMIT') throw new AssertionError(`the database answered COMMIT with ${tag}`);
  return result;
}

function exactlyOne<R>(rows: R[]): R {
  assert(rows.length === 1, `one row must be there, found ${rows.length}`);
  return rows[0] as R;
}
