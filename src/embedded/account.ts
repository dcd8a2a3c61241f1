/** account.ts: whom PostgreSQL runs as. It refuses to run as root, so root hands it to an account without rights. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { EmbeddedError, otherwise } from './errors.ts';

/** An entry of /etc/passwd. PostgreSQL looks its own up, so a bare number will not do. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/**
 * The account to run PostgreSQL as; undefined when it runs as we do.
 * @param owner uid that owns the existing data, if there is any: PostgreSQL serves only data of its own
 * @throws {EmbeddedError} when the data is not ours, or root finds no account to use
 */
export function accountFor(owner: number | undefined, data: string): Account | undefined {
  const uid = process.getuid?.();
  if (uid !== 0) {
    if (owner === undefined || owner === uid) return undefined;
    throw new EmbeddedError(
      `The database in ${data} belongs to ${nameOf(owner)}, and Tolem runs as ${nameOf(uid)}. Start Tolem as the user that started it first (perhaps root), or choose another DATA_DIR.`,
    );
  }
  if (owner === 0)
    throw new EmbeddedError(`The database in ${data} belongs to root, as whom PostgreSQL refuses to run. Give it back: chown -R ${standIn().name} ${data}`);
  if (owner === undefined) return standIn();
  const account = accounts().find((one) => one.uid === owner);
  if (!account)
    throw new EmbeddedError(
      `The database in ${data} belongs to uid ${owner}, which has no account on this machine. Create one, or: chown -R ${standIn().name} ${data}`,
    );
  return account;
}

function standIn(): Account {
  const all = accounts();
  const account = all.find(({ name }) => name === 'postgres') ?? all.find(({ name }) => name === 'nobody');
  if (account) return account;
  throw new EmbeddedError(
    `PostgreSQL refuses to run as root, and this machine has neither an account "postgres" nor "nobody" to run it as. Start Tolem as an ordinary user, ${otherwise}.`,
  );
}

function accounts(): Account[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [name = '', , uid = '', gid = ''] = line.split(':');
      return Number(uid) > 0 && Number(gid) > 0 ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
    });
}

function nameOf(uid: number | undefined): string {
  return uid === 0 ? 'root' : (accounts().find((one) => one.uid === uid)?.name ?? `uid ${uid}`);
}

/** What spawn needs to run something as the account. libuv drops root's supplementary groups with it. */
export const as = (account: Account | undefined): { uid?: number; gid?: number } => (account ? { uid: account.uid, gid: account.gid } : {});

/**
 * Whether the account can enter `directory`, found by trying: modes, ACLs, mounts and everything else have their say.
 * @throws {EmbeddedError} when we are not even allowed to become the account (root in a narrow container)
 */
export function canEnter(account: Account, directory: string): boolean {
  const { status, error } = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', directory], { ...as(account), cwd: '/', env: {}, stdio: 'ignore' });
  if (error) throw cannotBecome(account, error);
  return status === 0;
}

export function cannotBecome(account: Account, cause: Error): EmbeddedError {
  return new EmbeddedError(
    `PostgreSQL refuses to run as root, and Tolem may not run it as ${account.name} here (${(cause as NodeJS.ErrnoException).code}). Start Tolem as an ordinary user, ${otherwise}.`,
    { cause },
  );
}

/** The topmost directory on the way to `directory` that the account cannot enter. */
export function barrier(account: Account, directory: string): string {
  const parent = dirname(directory);
  return parent === directory || canEnter(account, parent) ? directory : barrier(account, parent);
}
