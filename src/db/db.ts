import type { Sql } from './sql.ts';

/** What can be asked of the database inside a transaction. */
export interface Queries {
  rows<R>(query: Sql): Promise<R[]>;
  /** Exactly one row. A setting that got lost shows as no rows, so none is an error of ours. */
  one<R>(query: Sql): Promise<R>;
  maybe<R>(query: Sql): Promise<R | undefined>;
  /** @returns how many rows were written */
  run(query: Sql): Promise<number>;
}

/** A transaction of one merchant: row-level security shows and takes that merchant's rows only. */
export interface Tx extends Queries {
  readonly merchantId: string;
}

/**
 * The database. A transaction belongs to one merchant and has no network in it. It may be run again after a deadlock, so
 * what it does outside the database must not matter.
 */
export interface Db {
  /**
   * One transaction of one merchant, at READ COMMITTED.
   * @throws {CommitUnknown} when the connection was lost and nobody knows whether it was committed: ask before acting
   */
  merchant<T>(merchantId: string, work: (tx: Tx) => Promise<T>): Promise<T>;
  /** A transaction over look-up and reference tables alone. */
  lookup<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  /** Which merchants have something due: reads over all merchants, of the few columns that the scanning role may see. */
  scan<R>(query: Sql): Promise<R[]>;
  close(): Promise<void>;
}

/** The answer to COMMIT, or to a write before it, never came. What was asked may have happened or not. */
export class CommitUnknown extends Error {
  constructor(cause: unknown) {
    super('the database did not say whether the transaction was committed', { cause });
    this.name = 'CommitUnknown';
  }
}

/** Judged by SQLSTATE alone; messages and constraint names differ among engines. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined; // EPIPE is none
}

/** Deadlock or serialization failure: nothing happened, run the whole transaction again. */
export const isRetryable = (error: unknown): boolean => ['40001', '40P01'].includes(sqlState(error) ?? '');
/** Waited for a lock for longer than we wait. */
export const isLockTimeout = (error: unknown): boolean => sqlState(error) === '55P03';
export const isUniqueViolation = (error: unknown): boolean => sqlState(error) === '23505';
/** The codes of a socket that broke, or was never opened. */
const SOCKET = new Set(['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOENT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);
/** What the driver says in words alone. */
const WORDS = /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed)|not queryable/i;

/** The database or the way to it is gone, for now. */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlState(error);
  if (state) return state.startsWith('08') || state.startsWith('57P') || state.startsWith('53') || state === 'XX000';
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return (typeof code === 'string' && SOCKET.has(code)) || (typeof message === 'string' && WORDS.test(message));
}
