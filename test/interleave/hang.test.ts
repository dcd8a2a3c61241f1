import { inject, test } from 'vitest';
import { explore } from './explore.ts';
import { pairs } from './pairs.ts';
import { World } from './world.ts';
test('hang', async () => {
  const world = await World.open(inject('postgres'));
  const t = setInterval(() => {
    console.log(world.stage.told().split('\n').slice(-12).join('\n'), JSON.stringify(world.stage.parties.map((p) => ({ n: p.name, done: p.done, wires: [...p.gate.wires].map((w) => ({ pid: w.pid, s: w.status, open: w.open, st: w.statements.map((x) => x.state + ' ' + x.text.slice(0, 60)) })) })), null, 1));
  }, 15000);
  for (const pair of pairs.filter(({ name }) => name.includes(process.env.PAIR ?? ''))) {
  const r = await explore(world, pair, { all: +process.env.ALL!, classes: +process.env.CLASSES!, crashes: +process.env.CRASHES!, systematic: process.env.SYS !== '0', seed: 1 });
  console.log(pair.name, r.schedules, r.kind, r.crashes, r.ms, r.violations.length, r.violations[0]?.why ?? '', r.violations[0]?.schedule ?? '');
  }
  clearInterval(t);
}, 60000);
