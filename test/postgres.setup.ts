/**
 * postgres.setup.ts: one embedded PostgreSQL for a whole run of the tests, as the product starts it but for durability, in a
 * temporary directory that is gone afterwards. TEST_DATABASE_URL names another server (a superuser's URL) instead.
 */
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { exists } from '../src/embedded/alive.ts';
import { startEmbedded } from '../src/embedded/embedded.ts';
import { readPidFile, serves } from '../src/embedded/postmaster.ts';
import { scratch } from './scratch.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the superuser; a test makes databases of its own there. */
    postgres: string;
  }
}

const prefix = 'tolem-test-';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { TEST_DATABASE_URL } = process.env;
  const { url, stop } = TEST_DATABASE_URL ? { url: TEST_DATABASE_URL, stop: async () => {} } : await start();
  try {
    await prepare(url);
  } catch (error) {
    await stop();
    throw error;
  }
  project.provide('postgres', url);
  return stop;
}

async function start(): Promise<{ url: string; stop(): Promise<void> }> {
  sweep();
  const directory = mkdtempSync(join(scratch, `${prefix}${process.pid}-`));
  chmodSync(directory, 0o711); // so that the account that runs PostgreSQL gets through when we are root
  // An interrupted run has no time for a teardown: what must not stay is removed on the way out, without waiting for anything.
  const atExit = (): void => remove(directory);
  process.once('exit', atExit);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1)); // else no exit handler runs
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300', autovacuum: 'off' };
  const lines: string[] = [];
  const server = await startEmbedded({ dataDir: join(directory, 'data'), settings, log: (line) => void lines.push(line) });
  void server.died.then((why) => process.stderr.write(`${why}\n`));
  const stop = async (): Promise<void> => {
    await server.stop();
    process.removeListener('exit', atExit);
    rmSync(directory, { recursive: true, force: true });
  };
  return { url: server.url, stop };
}

/** test/harness/template.ts, where there is one, makes the template database that tests copy. */
async function prepare(url: string): Promise<void> {
  const file = new URL('./harness/template.ts', import.meta.url);
  if (!existsSync(file)) return;
  const { prepareTemplate } = (await import(/* @vite-ignore */ file.href)) as { prepareTemplate(url: string): Promise<void> };
  await prepareTemplate(url);
}

/** What runs that were killed have left. */
function sweep(): void {
  for (const name of readdirSync(scratch)) {
    const [, pid] = /^tolem-test-(\d+)-/.exec(name) ?? [];
    if (pid && !exists(Number(pid))) remove(join(scratch, name));
  }
}

function remove(directory: string): void {
  const data = join(directory, 'data/postgres/data');
  try {
    const { pid } = readPidFile(data) ?? {};
    if (pid && serves(pid, data)) killAndWait(pid);
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  } catch {
    // Another user's, or gone meanwhile.
  }
}

/** Immediate shutdown, waited for without the event loop, which an exit handler has no more. */
function killAndWait(pid: number): void {
  process.kill(pid, 'SIGQUIT');
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (let tick = 0; tick < 100 && exists(pid); tick++) Atomics.wait(cell, 0, 0, 20);
}
