/**
 * No schedule of two parties breaks a rule. `npm test` plays a part of the schedules; INTERLEAVE=full plays all that there are,
 * in about two minutes: INTERLEAVE=full npx vitest run test/interleave/interleave.test.ts. INTERLEAVE_SEED draws other samples,
 * INTERLEAVE_PAIR plays pairs whose names contain it.
 */
import assert from 'node:assert/strict';
import { afterAll, inject, test } from 'vitest';
import { explore, type Limits, type Report } from './explore.ts';
import { pairs } from './pairs.ts';
import { summary, write } from './report.ts';

const { INTERLEAVE, INTERLEAVE_SEED, INTERLEAVE_PAIR = '' } = process.env;
const isFull = INTERLEAVE === 'full';
const seed = Number(INTERLEAVE_SEED ?? 1);
const limits: Limits = isFull ? { all: 60, classes: 1500, crashes: 20, seed } : { all: 0, classes: 8, crashes: 2, seed };
const played = pairs.filter(({ name }) => name.includes(INTERLEAVE_PAIR));

const reports: Report[] = [];
const from = performance.now();

/** Two at once: one of a pair waits for PostgreSQL most of the time. */
const lanes = [Promise.resolve(), Promise.resolve()];
let turn = 0;
const inLane = <T>(work: () => Promise<T>): Promise<T> => {
  const lane = turn++ % lanes.length;
  const done = (lanes[lane] as Promise<void>).then(work);
  lanes[lane] = done.then(
    () => undefined,
    () => undefined,
  );
  return done;
};

const results = new Map<string, Promise<Report>>();
for (const pair of played) {
  test(
    pair.name,
    async () => {
      if (results.size === 0) for (const each of played) results.set(each.name, inLane(() => explore(inject('postgres'), each, limits)));
      const report = await (results.get(pair.name) as Promise<Report>);
      reports.push(report);
      const [first] = report.violations;
      assert.ok(!first, `${report.violations.length} violations, such as: ${first?.why}\n${first?.schedule}`);
    },
    600_000,
  );
}

afterAll(() => {
  const seconds = (performance.now() - from) / 1000;
  if (isFull) process.stdout.write(`${write(reports, seconds)}\n`);
  process.stdout.write(`${summary(reports, seconds)}\n`);
});
