/** socket.ts: the directory of the Unix socket, which is the only way in. */
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canEnter } from './account.ts';
import type { Account } from './account.ts';
import { EmbeddedError } from './errors.ts';
import type { Home } from './home.ts';

/** A name, rather than a port, on a socket; the default, so that psql -h DIRECTORY finds it. */
export const port = 5432;

/** Bytes of a socket's path that the kernel takes, its final zero aside. */
const longest = process.platform === 'darwin' ? 103 : 107;

/** PostgreSQL reads a comma-separated list of directories, quoted with double quotes. */
const fits = (directory: string): boolean => Buffer.byteLength(join(directory, `.s.PGSQL.${port}`)) <= longest && !/[,"\n]/.test(directory);

/**
 * Makes the socket's directory, mode 0700 and owned by the account, beside the data; or, when that path is too long for a socket, in
 * the temporary directory under a name made from the data's path. To be called when no server runs: what an earlier one left is removed.
 * @throws {EmbeddedError} when the name in the temporary directory is taken by another user
 */
export function makeSocketDir(home: Home, account: Account | undefined): string {
  const directory = fits(home.run) ? home.run : shortDirectory(home, account);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const { uid } = lstatSync(directory);
  const us = process.getuid?.();
  // In a shared directory the name may be waiting for us. Root's own is one that we made and were killed before handing over.
  if (!lstatSync(directory).isDirectory() || (uid !== us && uid !== account?.uid)) {
    throw new EmbeddedError(
      `The socket of the database belongs in ${directory}, which another user (uid ${uid}) has taken. Remove it, or choose a DATA_DIR with a path of less than 80 bytes.`,
    );
  }
  if (account) chownSync(directory, account.uid, account.gid);
  chmodSync(directory, 0o700);
  for (const name of readdirSync(directory)) if (name.startsWith('.s.PGSQL.')) rmSync(join(directory, name));
  return directory;
}

function shortDirectory(home: Home, account: Account | undefined): string {
  const name = `tolem-${createHash('sha256').update(home.data).digest('hex').slice(0, 16)}`;
  const temporary = [tmpdir(), '/tmp'].find((directory) => fits(join(directory, name)) && (!account || canEnter(account, directory)));
  return join(temporary ?? '/tmp', name);
}

/** Leaves nothing in the temporary directory. */
export function removeSocketDir(home: Home, directory: string): void {
  if (directory === home.run) return;
  try {
    rmdirSync(directory);
  } catch {
    // The next start takes it as it is.
  }
}
