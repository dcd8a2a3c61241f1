/** errors.ts: what can go wrong around the embedded PostgreSQL, as sentences that an operator can act on. */
import { statfsSync } from 'node:fs';

/** The database could not be started (or stopped), and the message says what to do. Anything else that is thrown is a bug. */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError';
}

/** The way out that always exists: a PostgreSQL that somebody else runs. */
export const otherwise = 'or set DATABASE_URL to a PostgreSQL 15 or newer that you run yourself';

const meanings: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a directory',
};

/** Turns what the file system answered about `path` into an EmbeddedError; what is not the operator's to mend stays as it is. */
export function explain(error: unknown, path: string): unknown {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(path, error);
  const meaning = meanings[code];
  if (error instanceof EmbeddedError || !meaning) return error;
  const where = (error as NodeJS.ErrnoException).path ?? path;
  const who = process.getuid?.() === 0 ? 'root' : `the user that runs Tolem (uid ${process.getuid?.()})`;
  return new EmbeddedError(
    `The embedded database cannot use ${where}: ${meaning} (${code}) for ${who}. Give that user the directory, choose another with DATA_DIR, ${otherwise}.`,
    { cause: error },
  );
}

/** What PostgreSQL and initdb print when the disk, or the quota on it, is used up. */
export const saysDiskFull = (output: string): boolean => /No space left on device|Disk quota exceeded|wrote only \d+ of \d+ bytes/.test(output);

/** The disk under `path` has no room to write even a message about it, which is why PostgreSQL's log may be silent. */
export function isFull(path: string): boolean {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize < 64 * 1024;
}

export function diskFull(path: string, cause?: unknown): EmbeddedError {
  return new EmbeddedError(
    `The disk that holds ${path} is full (No space left on device). Free some space, at least 200 MB, and start again: nothing that was committed is lost.`,
    { cause },
  );
}
