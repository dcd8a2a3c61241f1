/** lock.ts: an exclusive lock between the processes of one machine that a kill -9 cannot leave behind. */
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exists, lives, self } from './alive.ts';
import type { Life } from './alive.ts';

/**
 * Takes the lock that the folder `directory` stands for, waiting as long as a living process holds it.
 *
 * Node has no flock, and a lock *file* that is deleted when its owner is found dead can be deleted twice: the second time
 * it is somebody's new lock. So nothing is deleted that could be the lock. Each holder owns a file with the next higher number,
 * made by link(2), which is atomic with its content; the highest number is the lock, and it is free when its owner is dead or
 * has emptied the file.
 * @param waiting called every 50 ms while another holds it
 * @returns the function that gives it back
 */
export async function takeLock(directory: string, waiting: (holder: number) => void = () => {}): Promise<() => void> {
  mkdirSync(directory, { recursive: true });
  const mine = join(directory, `.${process.pid}.${randomBytes(6).toString('hex')}`);
  writeFileSync(mine, JSON.stringify(self()));
  try {
    for (;;) {
      const last = highest(directory);
      const holder = holderOf(join(directory, String(last)));
      if (holder) {
        waiting(holder.pid);
        await sleep(50);
      } else if (claim(directory, mine, last + 1)) {
        sweep(directory, last + 1);
        return () => giveBack(join(directory, String(last + 1)));
      }
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

const numbers = (directory: string): number[] =>
  readdirSync(directory)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

const highest = (directory: string): number => Math.max(0, ...numbers(directory));

/** The living process that holds the lock file, if any. An empty file was given back. */
function holderOf(file: string): Life | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    const life = text === '' ? undefined : (JSON.parse(text) as Life);
    return life && lives(life) ? life : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function claim(directory: string, mine: string, number: number): boolean {
  const file = join(directory, String(number));
  try {
    linkSync(mine, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  // Whoever looked long ago claims a number that has come and gone meanwhile; the higher one is the lock.
  if (highest(directory) === number) return true;
  rmSync(file, { force: true });
  return false;
}

/** Emptying needs no room, so a full disk does not keep the lock. */
function giveBack(file: string): void {
  if (existsSync(file)) truncateSync(file); // else somebody removed the whole data directory under us
}

/** Removes what earlier holders, and dead processes that waited, left. The highest number always stays. */
function sweep(directory: string, number: number): void {
  for (const name of readdirSync(directory)) {
    const [, waiter] = /^\.(\d+)\./.exec(name) ?? [];
    const done = waiter ? !exists(Number(waiter)) : Number(name) < number;
    if (done) rmSync(join(directory, name), { force: true });
  }
}
