/** alive.ts: tells a process from a later one that got the same number, so that a file which names a process can be believed. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** A process that was alive once. */
export interface Life {
  pid: number;
  /** When it began, in the system's own words. Comparable, not readable. */
  born: string;
}

const proc = existsSync('/proc/self/stat');

/** This process. */
export const self = (): Life => ({ pid: process.pid, born: bornOf(process.pid) ?? '' });

/** The same process, and not a later one with its number, still runs. */
export const lives = (life: Life): boolean => bornOf(life.pid) === life.born;

/**
 * When process `pid` began; undefined when there is none. A zombie counts as none: it has ended, but in a container whose
 * first process does not collect its children it would answer `kill -0` for ever.
 */
export function bornOf(pid: number): string | undefined {
  return proc ? bornByProc(pid) : bornByPs(pid);
}

function bornByProc(pid: number): string | undefined {
  try {
    // pid (name) state ppid … starttime: the name may hold spaces and brackets, so fields are counted from its last bracket.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${bootId()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

/** Start times are counted from the boot, so they only compare within one. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}

function bornByPs(pid: number): string | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8', env: { LC_ALL: 'C' } }).trim();
    return line === '' || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '');
  } catch {
    return undefined;
  }
}

/** Cheap enough to ask often: is there a process `pid`, zombies aside? */
export function exists(pid: number): boolean {
  if (proc) return bornByProc(pid) !== undefined;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
