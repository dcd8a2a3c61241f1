/** processes.ts: the parts of a platform as processes that may be killed at any time and are started again. Only what was started here is ever touched. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { bornOf, exists, type Life, lives } from '../../src/embedded/alive.ts';
import { type EmbeddedPostgres, startEmbedded } from '../../src/embedded/embedded.ts';
import { readPidFile, serves } from '../../src/embedded/postmaster.ts';
import { root } from '../../src/root.ts';

export const cli = join(root, 'dist', 'src', 'cli', 'main.js');
const prefix = 'tolem-torture-';

/** A folder for one run. What runs that were killed have left behind is cleared away first. */
export function openFolder(): string {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = /^tolem-torture-(\d+)-/.exec(name) ?? [];
    if (pid && !exists(Number(pid))) clear(join(tmpdir(), name));
  }
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
  chmodSync(folder, 0o711); // so that the account that runs PostgreSQL gets through when we are root
  return folder;
}

const startedIn = (folder: string): string => join(folder, 'processes');
const dataIn = (folder: string): string => join(folder, 'platform/postgres/data');

/** Ends what was started for a folder, waiting for nothing, and removes it. */
export function clear(folder: string): void {
  try {
    const text = existsSync(startedIn(folder)) ? readFileSync(startedIn(folder), 'utf8') : '';
    for (const line of text.split('\n').filter(Boolean)) {
      const life = JSON.parse(line) as Life;
      if (lives(life)) process.kill(life.pid, 'SIGKILL');
    }
    const { pid } = readPidFile(dataIn(folder)) ?? {};
    if (pid && serves(pid, dataIn(folder))) {
      process.kill(pid, 'SIGQUIT');
      const cell = new Int32Array(new SharedArrayBuffer(4)); // an exit handler has no event loop any more
      for (let tick = 0; tick < 150 && exists(pid); tick++) Atomics.wait(cell, 0, 0, 20);
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  } catch {
    // another user's, or gone meanwhile
  }
}

/** A port of loopback that is free now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });

export interface PartOptions {
  /** of the run, where its log goes */
  folder: string;
  args: string[];
  env(): Record<string, string>;
}

/** One process of the platform, kept alive: whenever it ends it is started again, until it is stopped. */
export class Part {
  /** ends that nobody here caused, after the process had said that it is ready */
  readonly crashes: string[] = [];
  starts = 0;
  private child: ChildProcess | undefined;
  private ready = false;
  private frozen = false;
  private stopping = false;
  private expected = false;
  private restartMs = 0;
  private running: Promise<void> | undefined;

  constructor(
    readonly name: string,
    private readonly o: PartOptions,
  ) {}

  /** It runs, is ready, and is not frozen. */
  get isUp(): boolean {
    return this.ready && !this.frozen;
  }

  /** Begins to keep it alive; resolves when it is ready for the first time. */
  async start(): Promise<void> {
    this.running = this.keep();
    await this.untilUp(60_000);
  }

  async untilUp(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (!this.isUp) {
      if (performance.now() > end) throw new Error(`${this.name} is not ready after ${ms / 1000} s; see its log`);
      await sleep(20);
    }
  }

  /** @param restartMs how long it stays away */
  kill(signal: 'SIGKILL' | 'SIGTERM', restartMs: number): void {
    this.expected = true;
    this.restartMs = restartMs;
    this.child?.kill(signal);
    if (signal === 'SIGKILL') this.ready = false;
  }

  /** Stops it in its tracks, as a machine does that swaps or whose virtual machine is moved. */
  async freeze(ms: number): Promise<void> {
    const child = this.child;
    if (!child || this.frozen) return;
    this.frozen = true;
    child.kill('SIGSTOP');
    await sleep(ms);
    child.kill('SIGCONT');
    this.frozen = false;
  }

  /** Ends it for good, at once or by asking. */
  async stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.stopping = true;
    this.child?.kill('SIGCONT');
    this.child?.kill(signal);
    const late = setTimeout(() => this.child?.kill('SIGKILL'), 20_000);
    await this.running;
    clearTimeout(late);
  }

  private async keep(): Promise<void> {
    while (!this.stopping) {
      const how = await this.life();
      if (this.stopping) return;
      if (!this.expected && this.ready) this.crashes.push(how);
      this.ready = false;
      await sleep(this.expected ? this.restartMs : 300);
      this.expected = false;
    }
  }

  /** One life of the process. @returns how it ended */
  private life(): Promise<string> {
    const { folder, args, env } = this.o;
    const log = openSync(join(folder, 'logs', `${this.name}.log`), 'a');
    // Detached, so that a Ctrl-C is ours to answer; told by the channel when we are gone.
    const child = spawn(process.execPath, ['--enable-source-maps', cli, ...args], { env: env(), detached: true, stdio: ['ignore', log, log, 'ipc'] });
    this.child = child;
    this.starts++;
    if (child.pid)
      appendFileSync(startedIn(folder), `${JSON.stringify({ pid: child.pid, born: bornOf(child.pid) } satisfies { pid: number; born: string | undefined })}\n`);
    child.once('message', () => (this.ready = true));
    return new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
    });
  }
}

/** The embedded PostgreSQL, as the product starts it: durable. */
export class Database {
  private server: EmbeddedPostgres | undefined;
  private restarting: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly folder: string) {}

  get isUp(): boolean {
    return this.server !== undefined && this.restarting === undefined;
  }

  /** @param user of the platform's roles, or the superuser */
  url(user = 'postgres'): string {
    return Object.assign(new URL(this.url_), { username: user }).href;
  }
  private url_ = '';

  async start(): Promise<void> {
    const log = (line: string) => appendFileSync(join(this.folder, 'logs', 'database.log'), `${line}\n`);
    const before = this.server;
    // The commit times are a witness: what the bank saw, was it committed before?
    this.server = await startEmbedded({ dataDir: join(this.folder, 'platform'), log, settings: { track_commit_timestamp: 'on' } });
    this.url_ = this.server.url;
    await before?.stop(); // leaves the one that was killed; this one is in use by us
  }

  /** kill -9 of the postmaster, and a start that recovers. */
  kill(restartMs: number): void {
    if (!this.server || this.restarting) return;
    process.kill(this.server.pid, 'SIGKILL');
    this.restarting = sleep(restartMs).then(() => (this.stopped ? undefined : this.start()));
    void this.restarting.then(() => (this.restarting = undefined));
  }

  /** A connection's own process, killed: PostgreSQL then ends all of them and recovers by itself. @returns whether there was one */
  async killBackend(gently: boolean, choose: (pids: number[]) => number): Promise<boolean> {
    const pids = await this.ask<{ pid: number }>(
      `select pid from pg_stat_activity where application_name like 'tolem_%' and backend_type = 'client backend'`,
    ).then(
      (rows) => rows.map(({ pid }) => pid),
      () => [],
    );
    if (pids.length === 0 || !this.server) return false;
    const pid = choose(pids);
    if (gently)
      return this.ask(`select pg_terminate_backend(${pid})`).then(
        () => true,
        () => false,
      );
    if (!isChildOf(pid, this.server.pid)) return false;
    process.kill(pid, 'SIGKILL');
    return true;
  }

  /** One question in a connection of its own. */
  async ask<R extends object>(text: string, values: unknown[] = []): Promise<R[]> {
    return this.asked((query) => query<R>(text, values));
  }

  /** Questions in one connection. Rejects when the database goes away meanwhile. @param before what is run first */
  async asked<T>(work: (query: <R extends object>(text: string, values?: unknown[]) => Promise<R[]>) => Promise<T>, before = ''): Promise<T> {
    const client = new pg.Client({ connectionString: this.url(), connectionTimeoutMillis: 5_000, application_name: 'torture' });
    client.on('error', () => {}); // the question in hand is rejected too
    await client.connect();
    try {
      if (before) await client.query(before);
      return await work(async <R extends object>(text: string, values: unknown[] = []) => (await client.query(text, values)).rows as R[]);
    } finally {
      await client.end().catch(() => {});
    }
  }

  async untilUp(ms: number): Promise<void> {
    await this.restarting;
    for (const end = performance.now() + ms; ;) {
      const up = await this.ask('select 1').then(
        () => true,
        () => false,
      );
      if (up) return;
      if (performance.now() > end) throw new Error(`PostgreSQL does not answer after ${ms / 1000} s`);
      await sleep(100);
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.restarting?.catch(() => {});
    await this.server?.stop();
  }
}

/** Its number may have been given to another process meanwhile, which is none of our business. */
function isChildOf(pid: number, parent: number): boolean {
  if (!existsSync('/proc/self/stat')) return true;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
  } catch {
    return false;
  }
}
