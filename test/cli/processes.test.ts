/** serve, work and bank as three processes, and what the other commands say of what they did. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { freshDatabase } from '../harness/template.ts';
import {
  believed,
  build,
  client,
  endAll,
  type Env,
  eventually,
  formats,
  freePort,
  type Keys,
  type Process,
  patience,
  start,
  tolem,
  workplace,
} from './tolem.fixture.ts';

let env: Env;
let place: ReturnType<typeof workplace>;
let keys: Keys;
let base: string;
let parts: Record<'api' | 'worker' | 'bank', Process>;
let observed: Record<'api' | 'worker', string>;
const received: { headers: IncomingHttpHeaders; body: string }[] = [];
let receiver: Server;

beforeAll(async () => {
  await build();
  place = workplace(await freshDatabase(inject('postgres')));
  receiver = createServer((request, response) => {
    let body = '';
    request
      .setEncoding('utf8')
      .on('data', (text: string) => (body += text))
      .on('end', () => (received.push({ headers: request.headers, body }), response.writeHead(200).end()));
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const [port, bankPort] = [await freePort(), await freePort()];
  base = `http://127.0.0.1:${port}`;
  env = {
    ...place.env,
    PORT: String(port),
    PROCESSOR_URL: `http://127.0.0.1:${bankPort}`,
    WEBHOOK_ALLOW_PRIVATE: '1',
    METRICS_PORT: '0',
    PROCESSOR_TIMEOUT_MS: '2000',
  };
  keys = JSON.parse((await tolem(env, 'merchant', 'create', '--name', 'Shop', '--json')).out) as Keys;
  parts = { bank: start(env, 'bank', '--port', String(bankPort)), api: start(env, 'serve'), worker: start(env, 'work') };
  await Promise.all([parts.bank.logged('listening'), parts.api.logged('listening'), parts.worker.logged('working')]);
  const [api, worker] = await Promise.all([parts.api.logged('metrics'), parts.worker.logged('metrics')]);
  observed = { api: `http://127.0.0.1:${api.port}`, worker: `http://127.0.0.1:${worker.port}` };
}, 2 * patience);
afterAll(() => {
  endAll();
  receiver.close();
  place.leave();
});

let paid: { id: string };

test(
  'a payout goes from HTTP through the bank to a signed webhook',
  async () => {
    const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
    const { secret } = JSON.parse((await tolem(env, 'webhook', 'set', '--merchant', keys.merchantId, '--url', hook, '--json')).out) as { secret: string };
    const merchant = client(base, keys);
    paid = await merchant.pay(await merchant.prepare(1_000_000));
    await merchant.becomes(paid.id, 'settled');
    const told = await eventually(() => received.find(({ body }) => body.includes(paid.id) && body.includes('settled')));
    expect(new Webhook(secret).verify(told.body, told.headers as Record<string, string>)).toMatchObject({ data: { id: paid.id } });
    expect(told.headers.authorization).toBe(`Bearer ${keys.webhookToken}`);
  },
  patience,
);

test(
  'figures and health are on their own port, and only there',
  async () => {
    for (const url of Object.values(observed)) {
      const [health, ready, metrics, other] = await Promise.all(['/healthz', '/readyz?verbose', '/metrics', '/v1/payout'].map((path) => fetch(url + path)));
      expect([health?.status, await health?.text(), ready?.status, await ready?.text()]).toEqual([200, 'ok\n', 200, 'ready\n']);
      expect(await metrics?.text()).toMatch(/^# TYPE [a-z_]+ (counter|gauge|histogram)$/m);
      expect(other?.status).toBe(404);
    }
    for (const path of ['/metrics', '/healthz', '/readyz']) expect((await fetch(base + path)).status).toBe(404);
  },
  patience,
);

test(
  'explain tells the whole story of a payout',
  async () => {
    const { code, out, told } = await tolem(env, 'explain', paid.id);
    expect([code, told]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^payout ${paid.id}: settled, 1500\\.00 KZT to visa …1111\nmerchant ${keys.merchantId}\n`));
    for (const part of [
      /state +new/,
      /state +new → processing +by send/,
      /state +processing → settled +by call/,
      /posting +reserve: available\/KZT → held\/KZT +1500\.00 KZT/,
      /posting +settle: held\/KZT → clearing:processor\/KZT/,
      /bank +prepared as /,
      /bank +sent/,
      /bank +settled/,
      /webhook +transaction\.\w+ try 1: 200/,
    ])
      expect(out).toMatch(part);
    expect(out).not.toContain('4111111111111111');
  },
  patience,
);

test(
  'statement and export say the same as the API',
  async () => {
    const statement = await tolem(env, 'books', 'statement', '--merchant', keys.merchantId, '--limit', '10');
    expect([statement.code, statement.told]).toEqual([0, '']);
    expect(statement.out).toMatch(/^available\/KZT of [0-9a-f-]+ as of \S+Z: 8500\.00 KZT\n/);
    expect(statement.out).toMatch(new RegExp(`reserve +-1500\\.00 +8500\\.00 +held/KZT +${paid.id}`));
    const before = await tolem(env, 'books', 'statement', '--merchant', keys.merchantId, '--as-of', '2020-01-01T00:00:00Z');
    expect(before.out).toMatch(/: 0\.00 KZT\n$/);
  },
  patience,
);

test.each(formats)(
  '%s adds up the export to the balances that we claim, and sees one minor unit too many',
  async (format) => {
    const { code, out, told } = await tolem(env, 'books', 'export', '--format', format);
    expect([code, told]).toEqual([0, '']);
    expect(out).toContain(paid.id);
    const good = await believed(place.dataDir, format, out);
    if (!good) return;
    expect([good.code, good.told]).toEqual([0, '']);
    expect(out.match(/^.*8500\.00.*$/gm)?.at(-1)).toMatch(/available/i);
    const last = out.lastIndexOf('8500.00');
    expect((await believed(place.dataDir, format, `${out.slice(0, last)}8500.01${out.slice(last + 7)}`))?.code).toBeGreaterThan(0);
  },
  patience,
);

test(
  'a database without a movement is an empty book',
  async () => {
    const empty = { ...env, DATABASE_URL: await freshDatabase(inject('postgres')) };
    const { code, out } = await tolem(empty, 'books', 'export');
    expect([code, out]).toEqual([0, '']);
  },
  patience,
);

test(
  'unknown lists what nobody knows yet',
  async () => {
    const merchant = client(base, keys);
    const { id } = await merchant.pay(await merchant.prepare(1, '4000001234560225')); // the bank never answers, and never takes it
    const listed = await eventually(async () => {
      const { code, out, told } = await tolem(env, 'unknown', '--json');
      expect([code, told]).toEqual([0, '']);
      const { payouts, incidents } = JSON.parse(out) as { payouts: { payout: string }[]; incidents: unknown[] };
      expect(incidents).toEqual([]);
      return payouts.find(({ payout }) => payout === id);
    });
    expect(listed).toMatchObject({ merchant: keys.merchantId, reference: expect.any(String), sentAt: expect.any(String) });
    expect((await tolem(env, 'unknown')).out).toMatch(new RegExp(`^unknown +\\d+ s  payout ${id} [^]*^1 unknown, 0 incidents$`, 'm'));
  },
  patience,
);

test(
  'SIGTERM: each finishes what it has in hand and exits 0, with nothing on stdout',
  async () => {
    const all = await Promise.all([parts.api.stop(), parts.worker.stop(), parts.bank.stop()]);
    for (const { code, signal, out, lines } of all) {
      expect({ code, signal, out }).toEqual({ code: 0, signal: null, out: '' });
      expect(lines.map(({ event }) => event)).toEqual(expect.arrayContaining(['stopping', 'stopped']));
      expect(lines.filter(({ level }) => level >= 50)).toEqual([]);
    }
  },
  patience,
);

test(
  'a port that is taken is said in words',
  async () => {
    const { port } = receiver.address() as AddressInfo;
    const { code, told } = await tolem({ ...env, PORT: String(port) }, 'serve');
    expect(code).toBe(1);
    expect(told).toMatch(new RegExp(`tolem: cannot listen on 127\\.0\\.0\\.1:${port}: something else does already`));
  },
  patience,
);

test(
  'verify is clean, and names the rules that are broken once one posting was changed by hand',
  async () => {
    const clean = await tolem(env, 'verify');
    expect([clean.code, clean.told]).toEqual([0, '']);
    expect(clean.out).toMatch(/^ok +INV-01 /m);
    expect(clean.out).toMatch(/^\d+ rules, 0 broken$/m);
    const hand = new pg.Client({ connectionString: env.DATABASE_URL });
    await hand.connect();
    await hand.query(`set session_replication_role = replica`); // a superuser, past every guard
    await hand.query(`update tolem.transfer set amount = amount + 1 where object_id = $1 and kind = 'settle'`, [paid.id]);
    await hand.end();
    const [broken, json] = await Promise.all([tolem(env, 'verify'), tolem(env, 'verify', '--json')]);
    expect(broken.code).toBe(1);
    expect(broken.out).toMatch(/^BROKEN INV-05 +a stored balance is the sum of its postings: 2 rows, e\.g\. /m);
    expect(broken.out).toMatch(/^BROKEN INV-10b /m);
    expect([json.code, json.told]).toEqual([1, '']);
    expect(JSON.parse(json.out)).toMatchObject({ rules: expect.any(Number), broken: expect.arrayContaining([expect.objectContaining({ id: 'INV-05' })]) });
  },
  patience,
);
