/** postmaster.ts: the server that runs on a data directory, as its pid file and the process itself tell. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { exists } from './alive.ts';
import { EmbeddedError } from './errors.ts';
import type { Home } from './home.ts';

/** What postmaster.pid says, line by line; the later lines are written as the server comes up. */
export interface Postmaster {
  pid: number;
  port: number;
  socketDir: string;
  status: string;
}

export function readPidFile(data: string): Postmaster | undefined {
  let text: string;
  try {
    text = readFileSync(join(data, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // a server that starts over a dead one's file removes it first
    throw error;
  }
  const lines = text.split('\n').map((line) => line.trim());
  return { pid: Number(lines[0]), port: Number(lines[3]), socketDir: lines[4] ?? '', status: lines[7] ?? '' };
}

/** The URL of the superuser. Port and TLS are said, so that PGPORT and PGSSLMODE in the environment change nothing. */
export const urlOf = (socketDir: string, port: number): string =>
  `postgresql://postgres@localhost:${port}/postgres?host=${encodeURIComponent(socketDir)}&sslmode=disable`;

/**
 * The server that already runs on the home's data and answers, after waiting for one that is coming up or going down.
 * @throws {EmbeddedError} when one runs that does not answer
 */
export async function findRunning(home: Home, waiting: (what: string) => void): Promise<Postmaster | undefined> {
  for (const began = performance.now(); ;) {
    const found = readPidFile(home.data);
    if (!found) return undefined;
    if (!exists(found.pid) || !serves(found.pid, home.data)) return disown(home.data);
    const answer = found.status.startsWith('ready') ? await ask(found, home.data) : found.status || 'starting';
    if (answer === 'ours') return found;
    waiting(`waiting for PostgreSQL (pid ${found.pid}) in ${home.data}: ${answer}`);
    if (found.status.startsWith('ready') && performance.now() - began > 10_000) {
      throw new EmbeddedError(
        `A PostgreSQL (pid ${found.pid}) serves ${home.data} and cannot be reached through ${found.socketDir || 'a Unix socket'}: ${answer}. Stop it (kill -INT ${found.pid}) and start again.`,
      );
    }
    await sleep(100);
  }
}

/** Whether the process is a postmaster on this data: it makes the data its working directory. */
export function serves(pid: number, data: string): boolean {
  try {
    if (process.platform === 'linux') return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(data);
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes(data);
  } catch {
    return false; // it has just ended, or is not ours to look at
  }
}

/**
 * Readies a stale pid file to be overwritten. PostgreSQL refuses to start while the process that it names can be signalled, be it
 * a zombie or another program that got the number. The file is not deleted: it also names the shared memory by which a
 * new server notices that processes of the old one are still at work. Only the number is replaced, by one that no process can have.
 */
function disown(data: string): undefined {
  const file = join(data, 'postmaster.pid');
  if (existsSync(file)) writeFileSync(file, readFileSync(file, 'utf8').replace(/^-?\d+/, '2147483647'));
}

/** 'ours' when the server answers and its data directory is this one; otherwise what it answered. */
export async function ask({ socketDir, port }: Postmaster, data: string): Promise<string> {
  const client = new pg.Client({ connectionString: urlOf(socketDir, port), connectionTimeoutMillis: 5000, application_name: 'tolem start' });
  client.on('error', () => {}); // it may go down while we ask; the answer says so
  try {
    await client.connect();
    const { rows } = await client.query('show data_directory');
    const directory = String(rows[0].data_directory);
    return realpathSync(directory) === realpathSync(data) ? 'ours' : `it serves ${directory}`;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code === '53300' ? 'ours' : message; // too many connections: very much alive
  } finally {
    await client.end().catch(() => {});
  }
}
