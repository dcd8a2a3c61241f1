/**
 * No schedule of two parties breaks a rule. `npm test` plays a part of the schedules; INTERLEAVE=full plays all that there are,
 * in about two minutes: INTERLEAVE=full npx vitest run test/interleave/interleave.test.ts. INTERLEAVE_SEED draws other samples,
 * INTERLEAVE_PAIR plays the pairs whose names contain it.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { verify } from '../../src/audit/verify.ts';
import { explore, type Limits, type Report } from './explore.ts';
import { pairs } from './pairs.ts';
import { summary, write } from './report.ts';
import { World } from './world.ts';

const { INTERLEAVE, INTERLEAVE_SEED, INTERLEAVE_PAIR = '' } = process.env;
const isFull = INTERLEAVE === 'full';
const seed = Number(INTERLEAVE_SEED ?? 1);
const limits: Limits = isFull ? { all: 60, classes: 1500, crashes: 20, seed } : { all: 0, classes: 8, crashes: 2, systematic: false, seed };
const played = pairs.filter(({ name }) => name.includes(INTERLEAVE_PAIR));
const PATIENCE = 900_000;

interface Turn {
  report: Promise<Report>;
  resolve(report: Report): void;
  reject(error: unknown): void;
}

function turn(): Turn {
  const parts: Partial<Turn> = {};
  parts.report = new Promise<Report>((resolve, reject) => Object.assign(parts, { resolve, reject }));
  parts.report.catch(() => undefined); // whoever awaits it hears of it
  return parts as Turn;
}

const turns = new Map(played.map((pair) => [pair.name, turn()]));
const queue = [...played];
const from = performance.now();
let lanes: Promise<string[]>[] = [];

/** Pair after pair in a database, and in the end all rules over all of it. @returns what is broken */
async function lane(): Promise<string[]> {
  const world = await World.open(inject('postgres'));
  try {
    for (let pair = queue.shift(); pair; pair = queue.shift()) {
      const { resolve, reject } = turns.get(pair.name) as Turn;
      await explore(world, pair, limits).then(resolve, reject);
      if (process.env.INTERLEAVE_TELL)
        await turns.get(pair.name)?.report.then(
          (r) => console.log(`${r.pair}: ${r.schedules} ${r.kind} ${r.crashes} ${r.ms} ms ${r.violations.length}`),
          (error) => console.log(pair?.name, error),
        );
    }
    return (await verify(world.url)).filter(({ violations }) => violations > 0).map(({ check }) => check.id);
  } finally {
    await world.close();
  }
}

// Two at once: one of them waits for PostgreSQL most of the time.
beforeAll(() => void (lanes = Array.from({ length: isFull ? 2 : 1 }, lane)));

for (const { name } of played) {
  test(
    name,
    async () => {
      const { violations } = await (turns.get(name) as Turn).report;
      const [first] = violations;
      assert.ok(!first, `${violations.length} violations, such as: ${first?.why}\n${first?.schedule}`);
    },
    PATIENCE,
  );
}

test('all rules of the books hold over all merchants of all schedules', async () => expect((await Promise.all(lanes)).flat()).toEqual([]), PATIENCE);

afterAll(async () => {
  const settled = await Promise.allSettled([...turns.values()].map(({ report }) => report));
  const reports = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const seconds = (performance.now() - from) / 1000;
  if (isFull) process.stdout.write(`${write(reports, seconds)}\n`);
  process.stdout.write(`${summary(reports, seconds)}\n`);
}, PATIENCE);
