import { randomFillSync } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Clock, Random } from './ports.ts';

/** The clock of this machine. A test platform may be advanced: `now` then runs ahead of the world by the offset. */
export interface SystemClock extends Clock {
  /** @param ms by how much the platform's time is ahead of the world's */
  setOffset(ms: number): void;
}

const LONGEST_TIMER = 2 ** 31 - 1; // a longer one would fire at once

export function systemClock(): SystemClock {
  let offset = 0;
  return {
    now: () => new Date(Date.now() + offset),
    wall: () => new Date(),
    monotonic: () => performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const done = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, Math.min(ms, LONGEST_TIMER));
        signal?.addEventListener('abort', done);
      }),
    setOffset: (ms) => {
      offset = ms;
    },
  };
}

const POOL = 16 * 1024;

/** Chance from the operating system's generator, drawn in large pieces: one small call costs as much as a thousand bytes. */
export function systemRandom(): Random {
  const pool = Buffer.alloc(POOL);
  let at = POOL;
  const bytes = (count: number): Buffer => {
    if (count > POOL / 16) return randomFillSync(Buffer.alloc(count));
    if (at + count > POOL) {
      randomFillSync(pool);
      at = 0;
    }
    const taken = Buffer.from(pool.subarray(at, at + count));
    pool.fill(0, at, at + count); // what was given out stays nowhere else
    at += count;
    return taken;
  };
  return { bytes, fraction: () => bytes(6).readUIntBE(0, 6) / 2 ** 48 };
}
