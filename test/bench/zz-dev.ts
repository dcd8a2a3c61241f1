import { readdirSync, readFileSync } from 'node:fs';
import { load } from './load.ts';
import { payoutRequest, Platform, type Rig } from './platform.ts';
const conns = Number(process.argv[2] ?? 64), ms = Number(process.argv[3] ?? 5000);
const platform = new Platform();
const cpu = () => {
  const m = new Map<string, number>();
  for (const pid of readdirSync('/proc').filter((p) => /^\d+$/.test(p))) {
    try {
      const s = readFileSync(`/proc/${pid}/stat`, 'utf8'); const c = s.lastIndexOf(')'); const f = s.slice(c + 2).split(' ');
      const cmd = readFileSync(`/proc/${pid}/cmdline', 'utf8'`.replace(`', 'utf8'`, ''), 'utf8').replaceAll('\0', ' ').slice(0, 60);
      m.set(`${pid} ${cmd.replace(/idle|UPDATE|INSERT|SELECT|COMMIT|BEGIN.*/,'')}`.slice(0,50), (Number(f[11]) + Number(f[12])) * 10); m.set(`sys ${pid}`, Number(f[12]) * 10);
    } catch {}
  }
  return m;
};
try {
  await platform.open();
  const database = await platform.database('bench');
  const [rig] = (await platform.merchants(database, 1)) as [Rig];
  if (process.env.EXPLAIN) { const { withOwner } = await import('../../src/db/session.ts'); await withOwner(database, async (x) => { await x.exec(`alter system set session_preload_libraries='auto_explain'`); await x.exec(`alter system set auto_explain.log_min_duration=0`); await x.exec(`alter system set auto_explain.log_analyze=on`); await x.exec(`alter system set auto_explain.log_triggers=on`); await x.exec(`select pg_reload_conf()`);}); console.log('LOG', platform.folder); }
  const api = await platform.start(['serve'], platform.environment(database, { PORT: '0', PROCESSOR_URL: 'http://127.0.0.1:9', ...(process.env.GS ? { GROUP_SIZE: process.env.GS } : {}) }));
  let asked = 0;
  const go = (w: number, d: number) => load({ port: Number(api.port), connections: conns, warmMs: w, measureMs: d, expect: 201, request: () => payoutRequest(rig, `k${asked++}`) });
  await go(3000, 100);
  const before = cpu(); const a0 = asked;
  const m = await go(0, ms);
  const after = cpu();
  console.log(m);
  const n = asked - a0;
  for (const [k, v] of [...after].map(([k, v]) => [k, v - (before.get(k) ?? 0)] as const).filter(([, v]) => v > 50).sort((a, b) => b[1] - a[1])) console.log((v * 1000 / n).toFixed(0).padStart(6), 'us/payout', (v / ms * 100).toFixed(0).padStart(4) + '%', k);
  if (process.env.HOLD) await new Promise((r) => setTimeout(r, Number(process.env.HOLD)));
} finally { if (process.env.EXPLAIN) (await import('node:child_process')).execSync(`cp -r ${platform.folder}/data /tmp/dev/`);  await platform.close(); }
process.exit();
