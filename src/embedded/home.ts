/** home.ts: where the database lives: in DATA_DIR, or elsewhere when the account that runs PostgreSQL cannot get there. */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { barrier, canEnter } from './account.ts';
import type { Account } from './account.ts';
import { EmbeddedError } from './errors.ts';

/** The folder that holds one database: `data` (the cluster), `run` (its socket), `postgres.log`. */
export interface Home {
  directory: string;
  data: string;
  run: string;
  log: string;
  /** What we last started, to be compared with what we would start now. */
  launched: string;
}

const homeIn = (directory: string): Home => ({
  directory,
  data: join(directory, 'data'),
  run: join(directory, 'run'),
  log: join(directory, 'postgres.log'),
  launched: join(directory, 'launched.json'),
});

/** DATA_DIR/postgres, made when missing. Root's is passable, not readable, so that PostgreSQL's account gets to its data. */
export function openBase(dataDir: string): string {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  for (const directory of [dataDir, join(dataDir, 'postgres')]) {
    if (existsSync(directory)) continue;
    mkdirSync(directory, { recursive: true, mode });
    chmodSync(directory, mode); // whatever the umask took away
  }
  return realpathSync(join(dataDir, 'postgres'));
}

/**
 * The home that exists already. An empty one is never made in the place of one that is only out of reach: an operator would
 * see a platform without its money.
 * @throws {EmbeddedError} when it is noted to be somewhere and is not there, or belongs to another DATA_DIR
 */
export function knownHome(base: string): Home | undefined {
  const pointer = pointerIn(base);
  if (!existsSync(pointer)) return existsSync(homeIn(base).data) ? homeIn(base) : undefined;
  const { home } = readNote(pointer);
  if (!home || !existsSync(home)) {
    throw new EmbeddedError(
      `The database of this DATA_DIR is in ${home} (so says ${pointer}), and that is not there. Bring it back; or, to begin with an empty database, delete ${pointer}.`,
    );
  }
  settleOwner(base, home);
  return homeIn(home);
}

/** A moved DATA_DIR keeps its database; a copied one must not share it with the original. */
function settleOwner(base: string, home: string): void {
  const note = join(home, 'belongs-to.json');
  const { base: owner } = existsSync(note) ? readNote(note) : {};
  if (owner === base) return;
  if (owner && existsSync(pointerIn(owner)) && readNote(pointerIn(owner)).home === home) {
    throw new EmbeddedError(`${base} is a copy of ${owner} and names the same database, ${home}. To begin with an empty one here, delete ${pointerIn(base)}.`);
  }
  writeNote(note, { base });
}

/** The home for a new database: the base, or a folder under `outside` when the account cannot enter the base. */
export function newHome(base: string, account: Account | undefined, outside: string, log: (line: string) => void): Home {
  if (!account || canEnter(account, base)) return homeIn(base);
  // The path keys the name so that people recognise it. Chance keeps apart what was there before: who deletes DATA_DIR starts anew.
  const key = createHash('sha256').update(base).digest('hex').slice(0, 8);
  const home = join(outside, `${basename(join(base, '..')).replace(/[^\w-]/g, '') || 'data'}-${key}-${randomBytes(3).toString('hex')}`);
  mkdirSync(home, { recursive: true });
  for (const directory of [outside, home]) chmodSync(directory, 0o711);
  writeNote(join(home, 'belongs-to.json'), { base });
  writeNote(pointerIn(base), {
    home,
    why: `PostgreSQL runs as "${account.name}", who cannot enter ${barrier(account, base)}. Do not delete this file: it says where the database is.`,
  });
  log(`The database is kept in ${home}, since PostgreSQL (as ${account.name}) cannot enter ${barrier(account, base)}`);
  return homeIn(home);
}

/** @throws {EmbeddedError} when the account cannot get to an existing home */
export function checkReach(home: Home, account: Account | undefined): void {
  if (!account || canEnter(account, home.directory)) return;
  throw new EmbeddedError(
    `The database in ${home.data} is run as ${account.name}, who cannot enter ${barrier(account, home.directory)}. Let others pass (chmod o+x ${barrier(account, home.directory)}), or move DATA_DIR to where they can.`,
  );
}

/** uid that owns the data, undefined when there is none yet. */
export function ownerOf(home: Home | undefined): number | undefined {
  if (!home || !existsSync(home.data)) return undefined;
  try {
    if (readdirSync(home.data).length === 0) return undefined;
  } catch {
    // Not ours to read, so somebody's.
  }
  return statSync(home.data).uid;
}

const pointerIn = (base: string): string => join(base, 'elsewhere.json');

const readNote = (file: string): { home?: string; base?: string } => JSON.parse(readFileSync(file, 'utf8'));

/** Whole or not at all, so that a kill does not leave half a note. */
function writeNote(file: string, note: Record<string, string>): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(note, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}
