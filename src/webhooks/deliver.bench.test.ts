/**
 * How many deliveries a second one worker makes, through real sockets to a receiver in a process of its own, on a database
 * that writes to disk: BENCH=1 npx vitest run src/webhooks/deliver.bench
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { databaseUrl } from '../../test/harness/template.ts';
import { systemClock, systemRandom } from '../clock.ts';
import { migrate, readMigrations } from '../db/migrate.ts';
import { openPostgres } from '../db/postgres.ts';
import { withOwner } from '../db/session.ts';
import { sql } from '../db/sql.ts';
import { startEmbedded } from '../embedded/embedded.ts';
import { Ids } from '../ids.ts';
import { createLog } from '../log.ts';
import { openMerchant } from '../merchants/open.ts';
import { guardedNet } from '../net.ts';
import { root } from '../root.ts';
import { Sealer } from '../sealing.ts';
import { Worker } from '../work/worker.ts';
import { type NewEvent, tell } from './events.ts';
import { Webhooks } from './webhooks.ts';

const RECEIVER = `
  let received = 0;
  const server = require('node:http').createServer((request, response) => { request.resume(); request.on('end', () => { received++; response.end('ok'); }); });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
  process.on('message', () => process.send({ received }));`;

/** CPU time of a process and its children, in microseconds: what a busy machine takes away does not count. Linux only. */
function cpuMicros(pid: number): number {
  const ticks = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        const [, rest = ''] = readFileSync(`/proc/${name}/stat`, 'latin1').split(') ');
        const fields = rest.split(' ');
        return Number(name) === pid || Number(fields[1]) === pid ? Number(fields[11]) + Number(fields[12]) : 0;
      } catch {
        return 0; // ended meanwhile
      }
    });
  return ticks.reduce((sum, one) => sum + one, 0) * 10_000;
}

const OBJECTS = Number(process.env.BENCH_OBJECTS ?? 5_000);
const body = (id: string) => JSON.stringify({ name: 'transaction.settled', merchantId: id, data: { id, description: 'x'.repeat(900) } });

test.runIf(process.env.BENCH)('deliveries a second', { timeout: 120_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tolem-bench-'));
  chmodSync(directory, 0o711); // so that the account that runs PostgreSQL gets through when we are root
  const server = await startEmbedded({ dataDir: join(directory, 'data'), log: () => undefined });
  const receiver = spawn(process.execPath, ['-e', RECEIVER], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    const { port } = await new Promise<{ port: number }>((resolve) => receiver.once('message', resolve as never));
    const migrations = await readMigrations(join(root, 'migrations'));
    await withOwner(server.url, (session) => migrate(session, migrations));
    const [clock, random, log] = [systemClock(), systemRandom(), createLog('warn', 'bench')];
    const ids = new Ids(clock, random);
    const db = openPostgres({ url: databaseUrl(server.url, 'postgres', 'tolem_app'), role: 'tolem_app', poolSize: 8 });
    const masterKey = Buffer.alloc(32, 1);
    const sealer = new Sealer(masterKey, 'webhooks', random);
    const { merchantId } = await openMerchant(db, ids, sealer, { name: 'Shop', mode: 'test', now: clock.now() });
    const net = guardedNet({ allowPrivate: true });
    let done = 0;
    const webhooks = new Webhooks({ db, clock, random, ids, net, sealer, log, config: { masterKey, webhookAllowPrivate: true }, onAttempt: () => done++ });
    await webhooks.register(merchantId, { url: `http://127.0.0.1:${port}/` });

    const stop = new AbortController();
    const working = new Worker([webhooks.queue], { db, clock, log, capacity: 512 }).run(stop.signal);
    const measure = async (what: string, expected: number, prepare: () => Promise<void>) => {
      const [start, cpu, ofDatabase, ofReceiver] = [done, process.cpuUsage(), cpuMicros(server.pid), cpuMicros(receiver.pid as number)];
      const began = performance.now();
      await prepare();
      while (done - start < expected) await clock.sleep(5);
      const seconds = (performance.now() - began) / 1_000;
      const { user, system } = process.cpuUsage(cpu);
      process.stdout.write(
        `${JSON.stringify({ what, deliveries: expected, perSecond: Math.round(expected / seconds), microsEach: { worker: Math.round((user + system) / expected), database: Math.round((cpuMicros(server.pid) - ofDatabase) / expected), receiver: Math.round((cpuMicros(receiver.pid as number) - ofReceiver) / expected) } })}\n`,
      );
    };
    const tellAll = async (states: string[], group: number, groups: number) => {
      for (let g = 0; g < groups; g++) {
        const objects = Array.from({ length: group }, () => ids.uuid());
        for (const [i, state] of states.entries()) {
          const events = objects.map((objectId): NewEvent => ({
            id: ids.uuid(),
            objectId,
            objectSeq: i + 1,
            type: `transaction.${state}`,
            fromState: null,
            toState: state,
            cause: 'call',
            body: body(objectId),
          }));
          await db.merchant(merchantId, (tx) => tell(tx, events, clock.now()));
        }
      }
    };
    await measure('warming up', 1_000, () => tellAll(['settled'], 100, 10));
    await measure('a backlog, one event of each object', OBJECTS, () => tellAll(['settled'], OBJECTS, 1));
    await measure('a backlog, two events of each object', OBJECTS * 2, () => tellAll(['processing', 'settled'], OBJECTS, 1));
    await measure('told while delivering, two events of each object', OBJECTS * 2, () => tellAll(['processing', 'settled'], 50, OBJECTS / 50));
    stop.abort();
    await working;
    await webhooks.idle();
    const sizes = await db.merchant(merchantId, (tx) =>
      tx.rows<Record<string, unknown>>(
        sql`select d.state, count(*)::int, sum(d.tries)::int as tries from delivery d where d.merchant_id = ${tx.merchantId} group by 1`,
      ),
    );
    process.stdout.write(`${JSON.stringify(sizes)}\n`);
    await Promise.all([net.close(), db.close()]);
  } finally {
    receiver.kill();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});
