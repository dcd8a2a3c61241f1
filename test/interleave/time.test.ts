import { inject, test } from 'vitest';
import { explore } from './explore.ts';
import { pairs } from './pairs.ts';
test('time', async () => {
  for (const pair of pairs.filter(({ name }) => name.includes(process.env.PAIR ?? ''))) {
  const c0 = process.cpuUsage();
  const r = await explore(inject('postgres'), pair, { all: +process.env.ALL!, classes: +process.env.CLASSES!, crashes: +process.env.CRASHES!, seed: 1 });
  const c = process.cpuUsage(c0);
  console.log(pair.name, r.schedules, r.kind, r.crashes, r.ms, 'cpu', Math.round((c.user+c.system)/1000), r.violations.length, r.violations[0]?.why ?? '', r.violations[0]?.schedule ?? '');
  }
}, 600000);
