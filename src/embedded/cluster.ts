/** cluster.ts: the data itself: made once by initdb, and checked to be ours to serve. */
import { spawn } from 'node:child_process';
import { closeSync, chownSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { as } from './account.ts';
import type { Account } from './account.ts';
import { environment } from './binaries.ts';
import type { Binaries } from './binaries.ts';
import { EmbeddedError, diskFull, isFull, saysDiskFull } from './errors.ts';
import type { Home } from './home.ts';

/**
 * Access is `trust`, on the socket only. That is safe because whoever reaches the socket is already the one who owns the data: it
 * lies in a directory with mode 0700, so the kernel lets in the account that runs PostgreSQL, and root, and nobody else; a
 * password would have to lie in a file beside it, with the same mode. Over TCP every connection is rejected, even
 * if somebody makes the server listen.
 */
const options = ['--username=postgres', '--auth-local=trust', '--auth-host=reject', '--locale=C', '--encoding=UTF8', '--data-checksums', '--no-instructions'];

/**
 * Makes the cluster unless it is there. It is made in a folder beside and renamed when complete, so an initdb that was
 * killed leaves nothing that looks like a database.
 * @param durable false skips the sync to disk, for databases that live as long as a test
 * @throws {EmbeddedError} when it is of another major version, is no database, or initdb fails
 */
export async function ensureCluster(
  home: Home,
  binaries: Binaries,
  account: Account | undefined,
  durable: boolean,
  log: (line: string) => void,
): Promise<void> {
  for (const name of readdirSync(home.directory)) {
    if (name.startsWith('data.new')) rmSync(join(home.directory, name), { recursive: true, force: true, maxRetries: 3 });
  }
  if (existsSync(home.data) && readdirSync(home.data).length > 0) return checkVersion(home.data, binaries);
  log(`Creating the database in ${home.data} (PostgreSQL ${binaries.version}, once)`);
  const half = join(home.directory, `data.new.${process.pid}`);
  mkdirSync(half, { mode: 0o700 });
  if (account) chownSync(half, account.uid, account.gid);
  try {
    await initdb(binaries, half, account, durable);
    renameSync(half, home.data);
    syncDirectory(home.directory);
  } catch (error) {
    rmSync(half, { recursive: true, force: true, maxRetries: 3 });
    throw error;
  }
}

function checkVersion(data: string, { major, version }: Binaries): void {
  const file = join(data, 'PG_VERSION');
  if (!existsSync(file))
    throw new EmbeddedError(`${data} is not empty and is not a PostgreSQL database (it has no PG_VERSION). Move it away, or choose another DATA_DIR.`);
  const found = readFileSync(file, 'utf8').trim();
  if (found === String(major)) return;
  throw new EmbeddedError(
    `The database in ${data} was made by PostgreSQL ${found}, and this is PostgreSQL ${version}, which cannot read it. Name the bin directory of a PostgreSQL ${found} in PGBIN, or carry the data over with pg_upgrade or pg_dump.`,
  );
}

async function initdb(binaries: Binaries, data: string, account: Account | undefined, durable: boolean): Promise<void> {
  const args = [`--pgdata=${data}`, ...options, ...(durable ? [] : ['--no-sync'])];
  const { code, output } = await run(binaries.initdb, args, account);
  if (code === 0) return;
  if (saysDiskFull(output) || isFull(data)) throw diskFull(data);
  if (output.includes('could not look up effective user ID')) {
    throw new EmbeddedError(
      `PostgreSQL needs an account for the user it runs as, and uid ${process.getuid?.()} has none. Add it to /etc/passwd, or start Tolem as another user.`,
    );
  }
  throw new EmbeddedError(`${basename(binaries.initdb)} could not create the database in ${data}. It said:\n${output.trim()}`);
}

/** Not detached, unlike the server: who interrupts us interrupts initdb too. */
async function run(program: string, args: string[], account: Account | undefined): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, args, { ...as(account), cwd: '/', env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve, reject) => child.on('error', reject).on('close', (code) => resolve({ code, output })));
}

/** Makes a rename last through a power cut. */
function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
