/**
 * embedded.ts: runs a real PostgreSQL in DATA_DIR, so that nothing has to be installed for a first payout. In DATA_DIR/postgres lie
 * `data` (the database), `run` (its socket), `postgres.log`, and who starts it (`lock`) and uses it (`users`).
 * It outlives us: a server that was left behind by a kill -9 is taken over by whoever comes next, and of several processes
 * that use it, the last to leave stops it.
 */
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountFor } from './account.ts';
import { lives } from './alive.ts';
import { findBinaries } from './binaries.ts';
import { ensureCluster } from './cluster.ts';
import { explain } from './errors.ts';
import { checkReach, knownHome, newHome, openBase, ownerOf } from './home.ts';
import type { Home } from './home.ts';
import { takeLock } from './lock.ts';
import { findRunning, urlOf } from './postmaster.ts';
import type { Postmaster } from './postmaster.ts';
import { Occupied, commandOf, death, lastLaunch, launch, shutDown } from './server.ts';
import type { Plan } from './server.ts';
import { removeSocketDir } from './socket.ts';
import { enter, usersIn } from './users.ts';

export { EmbeddedError } from './errors.ts';

export interface EmbeddedPostgres {
  /** Connection of the superuser through the socket, as `pg` takes it for connectionString. */
  url: string;
  socketDir: string;
  port: number;
  /** Of the postmaster. */
  pid: number;
  /** It was running already: left behind by a kill, or in use by another process. */
  adopted: boolean;
  /** Resolves with a sentence for the operator if the server ends while we use it; never resolves after stop(). */
  died: Promise<string>;
  /** Leaves the server, and stops it (fast shutdown) if nobody else uses it. Waits; a second call waits for the first. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Tolem's DATA_DIR; made when missing. */
  dataDir: string;
  /** Takes what an operator may want to see: one line, no newline. */
  log(line: string): void;
  /** PostgreSQL's settings, over ours. */
  settings?: Record<string, string>;
  /** Root only: where binaries and data go that PostgreSQL's account cannot reach in place. */
  outside?: string;
}

/**
 * Starts the embedded PostgreSQL of a DATA_DIR, or takes over the one that runs, and waits until it answers.
 * @throws {EmbeddedError} with what to do about it
 */
export async function startEmbedded({ dataDir, log, settings = {}, outside = '/var/lib/tolem' }: EmbeddedOptions): Promise<EmbeddedPostgres> {
  try {
    const base = openBase(dataDir);
    const patience = slowly(log);
    const other = (pid: number): void => patience(`waiting for another process (pid ${pid}) that starts or stops the database`);
    const release = await takeLock(join(base, 'lock'), other);
    try {
      const known = knownHome(base);
      const account = accountFor(ownerOf(known), known?.data ?? base);
      const home = known ?? newHome(base, account, outside, log);
      checkReach(home, account);
      const binaries = await findBinaries(account, account ? outside : base, log);
      await ensureCluster(home, binaries, account, settings.fsync !== 'off', log);
      const { server, adopted } = await findOrStart(base, { home, binaries, account, settings }, log);
      return inUse(base, home, server, adopted, log);
    } finally {
      release();
    }
  } catch (error) {
    throw explain(error, dataDir);
  }
}

interface Found {
  server: Postmaster;
  adopted: boolean;
}

async function findOrStart(base: string, plan: Plan, log: (line: string) => void): Promise<Found> {
  const { home, binaries } = plan;
  const patience = slowly(log);
  for (const began = performance.now(); ;) {
    const running = await findRunning(home, patience);
    if (running && !outdated(base, plan, running)) {
      log(`PostgreSQL (pid ${running.pid}) is running already: using it`);
      return { server: running, adopted: true };
    }
    if (running) {
      log(`PostgreSQL (pid ${running.pid}) was left running with other settings: starting it again`);
      await shutDown(home, running, patience);
    }
    try {
      const server = await launch(plan, patience);
      log(`PostgreSQL ${binaries.version} is running (pid ${server.pid})`);
      return { server, adopted: false };
    } catch (error) {
      // What a killed server's processes are doing may take them some seconds to notice that it is gone.
      if (!(error instanceof Occupied) || performance.now() - began > 15_000) throw error;
      await sleep(250);
    }
  }
}

/** Left behind by us, used by nobody, and started otherwise than we would: an older version, or without fsync. */
function outdated(base: string, plan: Plan, running: Postmaster): boolean {
  const last = lastLaunch(plan.home);
  return last?.pid === running.pid && lives(last) && last.command !== commandOf(plan) && usersIn(join(base, 'users')).length === 0;
}

function inUse(base: string, home: Home, server: Postmaster, adopted: boolean, log: (line: string) => void): EmbeddedPostgres {
  const { pid, port } = server;
  const socketDir = realpathSync(server.socketDir);
  const users = join(base, 'users');
  const leave = enter(users);
  const left = new AbortController();
  const stop = async (): Promise<void> => {
    const patience = slowly(log);
    left.abort();
    const release = await takeLock(join(base, 'lock'));
    try {
      leave();
      const others = usersIn(users);
      if (others.length > 0) return log(`PostgreSQL (pid ${pid}) stays: it is in use by pid ${others.join(', ')}`);
      await shutDown(home, server, patience);
      removeSocketDir(home, socketDir);
    } finally {
      release();
    }
  };
  let stopped: Promise<void> | undefined;
  return { url: urlOf(socketDir, port), socketDir, port, pid, adopted, died: death(home, server, left.signal), stop: () => (stopped ??= stop()) };
}

/** Passes on a line when ten seconds have gone without one: nobody wants to read about a wait of one second. */
function slowly(log: (line: string) => void): (line: string) => void {
  let last = performance.now();
  return (line) => {
    if (performance.now() - last < 10_000) return;
    last = performance.now();
    log(line);
  };
}
