/** users.ts: who uses the server. The last one to leave stops it, so a short command cannot take it away from a running platform. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lives, self } from './alive.ts';
import type { Life } from './alive.ts';

/** Notes in `directory` that this process uses the server. @returns the function that takes the note away */
export function enter(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${process.pid}.${randomBytes(4).toString('hex')}`);
  writeFileSync(file, JSON.stringify(self()));
  return () => rmSync(file, { force: true });
}

/** The living processes that use the server. Notes of those that were killed are removed. Call it under the lock. */
export function usersIn(directory: string): number[] {
  mkdirSync(directory, { recursive: true });
  return readdirSync(directory).flatMap((name) => {
    const life = read(join(directory, name));
    if (life && lives(life)) return [life.pid];
    rmSync(join(directory, name), { force: true });
    return [];
  });
}

function read(file: string): Life | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Life;
  } catch {
    return undefined; // cut short by a kill or a full disk: nobody who lives wrote it
  }
}
