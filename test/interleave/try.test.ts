import { inject, test } from 'vitest';
import { explore } from './explore.ts';
import { pairs } from './pairs.ts';

test('try', async () => {
  const only = process.env.PAIR;
  for (const pair of pairs.filter(({ name }) => !only || name.includes(only))) {
    const r = await explore(inject('postgres'), pair, { schedules: Number(process.env.CAP ?? 300), crashes: Number(process.env.CRASHES ?? 0), seed: 1 });
    console.log(`${r.pair}: ${r.schedules}${r.of ? ` of ~${r.of}` : ''} schedules, ${r.crashes} crashes, points ${r.points}, waits ${r.waits}, ${r.violations.length} violations, ${r.ms} ms`);
    for (const v of r.violations.slice(0, 2)) console.log(`   ${v.why}\n${v.schedule.replace(/^/gm, '      ')}`);
  }
}, 600_000);
