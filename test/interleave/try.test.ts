import { inject, test } from 'vitest';
import { explore } from './explore.ts';
import { pairs } from './pairs.ts';

test('try', async () => {
  const only = process.env.PAIR;
  for (const pair of pairs.filter(({ name }) => !only || name.includes(only))) {
    const r = await explore(inject('postgres'), pair, { all: Number(process.env.ALL ?? 0), classes: Number(process.env.CAP ?? 3000), crashes: Number(process.env.CRASHES ?? 0), seed: 1 });
    console.log(`${r.pair}: ${r.schedules} ${r.kind}, ${r.crashes}${r.crashesCapped ? '+' : ''} crashes, points ${r.points}, waits ${r.waits}, ${r.violations.length} violations, ${r.ms} ms`);
    for (const v of r.violations.slice(0, 2)) console.log(`   ${v.why}\n${v.schedule.replace(/^/gm, '      ')}`);
  }
}, 600_000);
