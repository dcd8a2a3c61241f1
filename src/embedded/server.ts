/** server.ts: starts the server, watches it, and stops it. */
import { spawn } from 'node:child_process';
import { chmodSync, closeSync, existsSync, fchownSync, openSync, readFileSync, readSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { as } from './account.ts';
import type { Account } from './account.ts';
import { bornOf, exists } from './alive.ts';
import type { Life } from './alive.ts';
import { environment } from './binaries.ts';
import type { Binaries } from './binaries.ts';
import { EmbeddedError, diskFull, isFull, saysDiskFull } from './errors.ts';
import type { Home } from './home.ts';
import { ask, readPidFile } from './postmaster.ts';
import type { Postmaster } from './postmaster.ts';
import { serverArgs } from './settings.ts';
import { makeSocketDir, port } from './socket.ts';

/** All that a start needs to know. */
export interface Plan {
  home: Home;
  binaries: Binaries;
  account: Account | undefined;
  settings: Record<string, string>;
}

/** How a server was started. */
export interface Launch extends Life {
  command: string;
}

/** How the server would be started. Where it is the same as last time, no restart is needed. */
export const commandOf = ({ home, binaries, settings }: Plan): string =>
  [binaries.postgres, binaries.version, ...serverArgs(home.data, '', port, settings)].join(' ');

/** The note of the last start, if a kill or a full disk let us write it. */
export function lastLaunch(home: Home): Launch | undefined {
  try {
    return JSON.parse(readFileSync(home.launched, 'utf8')) as Launch;
  } catch {
    return undefined;
  }
}

/** Another server got there first, or processes of a killed one still hold its memory: worth another look in a moment. */
export class Occupied extends EmbeddedError {}

/**
 * Starts the server and waits until it answers, however long it recovers.
 * @throws {Occupied} when the data is taken; {EmbeddedError} when it stops while starting
 */
export async function launch(plan: Plan, waiting: (what: string) => void): Promise<Postmaster> {
  const { home, binaries, account, settings } = plan;
  const socketDir = makeSocketDir(home, account);
  const log = openLog(home, account);
  const begin = statSync(home.log).size;
  // Detached, so that a Ctrl-C, which goes to the whole process group, does not stop the database before those who still write to it.
  const child = spawn(binaries.postgres, serverArgs(home.data, socketDir, port, settings), {
    ...as(account),
    cwd: '/',
    env: environment(),
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  let ended: string | undefined;
  child.on('error', (error) => (ended = error.message));
  child.on('exit', (code, signal) => (ended = signal ? `it was killed by ${signal}` : `exit code ${code}`));
  child.unref();
  const { pid = 0 } = child;
  writeFileSync(home.launched, JSON.stringify({ pid, born: bornOf(pid), command: commandOf(plan) }));
  for (;;) {
    const found = readPidFile(home.data);
    const answer = found?.pid === pid && found.status.startsWith('ready') ? await ask(found, home.data) : 'starting';
    if (found && answer === 'ours') return found;
    if (ended) throw failure(home, ended, linesSince(home.log, begin));
    waiting(`PostgreSQL (pid ${pid}) is not ready yet: ${linesSince(home.log, begin).at(-1) ?? answer}`);
    await sleep(20);
  }
}

/** Ours to open, and the server's to write. A start that finds 10 MB keeps them once, as postgres.log.1. */
function openLog(home: Home, account: Account | undefined): number {
  if (existsSync(home.log) && statSync(home.log).size > 10_000_000) renameSync(home.log, `${home.log}.1`);
  const log = openSync(home.log, 'a', 0o600);
  if (account) fchownSync(log, account.uid, account.gid);
  chmodSync(home.log, 0o600);
  return log;
}

function failure(home: Home, how: string, lines: string[]): EmbeddedError {
  const text = lines.join('\n');
  if (saysDiskFull(text) || isFull(home.data)) return diskFull(home.data);
  if (/lock file ".*" already exists|pre-existing shared memory block/.test(text)) {
    return new Occupied(`The database in ${home.data} is still in use by processes of another PostgreSQL. End them and start again. PostgreSQL says:\n${text}`);
  }
  return new EmbeddedError(
    `PostgreSQL stopped while starting (${how}). The end of its log, ${home.log}:\n${lines.slice(-20).join('\n') || '(it said nothing)'}`,
  );
}

/** The log's last lines, at most 16 kB, and only from byte `begin` on. */
export function linesSince(file: string, begin = 0): string[] {
  if (!existsSync(file)) return [];
  const { size } = statSync(file);
  const from = Math.max(begin, size - 16_384);
  const buffer = Buffer.alloc(Math.max(0, size - from));
  const fd = openSync(file, 'r');
  try {
    readSync(fd, buffer, 0, buffer.length, from);
  } finally {
    closeSync(fd);
  }
  return buffer
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** Resolves, with a sentence, when the server has ended without `left` having been aborted. */
export async function death(home: Home, { pid }: Postmaster, left: AbortSignal): Promise<string> {
  // Asked twice a second rather than told, since a server that was taken over is nobody's child. It keeps no process alive.
  while (!left.aborted && exists(pid)) await sleep(500, undefined, { signal: left, ref: false }).catch(() => {});
  if (left.aborted) return new Promise(() => {});
  const last = linesSince(home.log).slice(-10).join('\n');
  const why = saysDiskFull(last) ? ` ${diskFull(home.data).message}` : '';
  return `PostgreSQL (pid ${pid}) has ended unexpectedly.${why} The end of its log, ${home.log}:\n${last}`;
}

/**
 * Fast shutdown: connections are cut, what is committed is on disk, and the next start needs no recovery. A server that takes over
 * half a minute, or that does not answer, is told to drop everything: that loses nothing either, the next start recovers. Not
 * answering, it is recovering from a crash of its own, and PostgreSQL 18.4 may hang for ever when it is told to shut down meanwhile.
 * @throws {EmbeddedError} when it does not end
 */
export async function shutDown(home: Home, server: Postmaster, waiting: (what: string) => void): Promise<void> {
  const { pid } = server;
  const life = bornOf(pid);
  const answers = life !== undefined && (await ask(server, home.data)) === 'ours';
  for (const [signal, seconds] of answers
    ? ([
        ['SIGINT', 30],
        ['SIGQUIT', 20],
      ] as const)
    : ([['SIGQUIT', 20]] as const)) {
    if (!life || bornOf(pid) !== life) return;
    process.kill(pid, signal);
    for (let tick = 0; tick < seconds * 40; tick++) {
      if (!exists(pid)) return;
      waiting(`PostgreSQL (pid ${pid}) is shutting down`);
      await sleep(25);
    }
  }
  throw new EmbeddedError(
    `PostgreSQL (pid ${pid}) does not end. Look at its log and at the disk; kill -9 is a last resort, after which the next start recovers.`,
  );
}
