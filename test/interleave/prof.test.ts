import { inject, test } from 'vitest';
import { Session } from 'node:inspector/promises';
import { writeFileSync } from 'node:fs';
import { explore } from './explore.ts';
import { pairs } from './pairs.ts';
test('prof', async () => {
  const pair = pairs.find(({ name }) => name.includes(process.env.PAIR!))!;
  const s = new Session(); s.connect();
  await s.post('Profiler.enable'); await s.post('Profiler.start');
  const c0 = process.cpuUsage();
  const r = await explore(inject('postgres'), pair, { all: 200, classes: 50, crashes: 0, seed: 1 });
  const c = process.cpuUsage(c0);
  const { profile } = await s.post('Profiler.stop');
  writeFileSync('/tmp/p.cpuprofile', JSON.stringify(profile));
  console.log(r.schedules, r.kind, r.ms, c);
}, 600000);
