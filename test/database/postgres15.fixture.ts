/** postgres15.fixture.ts: the oldest PostgreSQL that we promise to run on, where the machine has one (PGBIN15 names its binaries). */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { accountFor } from '../../src/embedded/account.ts';
import { scratch } from '../scratch.ts';

const bin = process.env.PGBIN15 ?? '/usr/lib/postgresql/15/bin';
export const has15 = existsSync(join(bin, 'postgres'));

export interface Server15 {
  /** of the superuser */
  url: string;
  stop(): Promise<void>;
}

export async function start15(): Promise<Server15> {
  // Named and laid out as the run's own server is, so that what a killed run leaves behind is found by the next.
  const directory = mkdtempSync(join(scratch, `tolem-test-${process.pid}-15-`));
  const data = join(directory, 'data/postgres/data');
  mkdirSync(data, { recursive: true });
  const account = accountFor(undefined, data);
  const { uid, gid } = account ?? {};
  chmodSync(directory, 0o711);
  if (account) for (const path of [directory, data]) chownSync(path, account.uid, account.gid);
  const made = spawnSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], {
    uid,
    gid,
    cwd: '/',
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(made.stderr);
  const settings = {
    listen_addresses: '',
    unix_socket_directories: directory,
    port: '5432',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    autovacuum: 'off',
    max_connections: '60',
  };
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])], {
    uid,
    gid,
    cwd: '/',
    stdio: 'ignore',
  });
  const url = `postgresql://postgres@localhost:5432/postgres?host=${encodeURIComponent(directory)}`;
  await answers(url, server);
  return {
    url,
    async stop() {
      const ended = new Promise((resolve) => server.once('close', resolve));
      server.kill('SIGQUIT');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function answers(url: string, server: ChildProcess): Promise<void> {
  while (server.exitCode === null) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      return await client.end();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error('PostgreSQL 15 ended by itself');
}
