/** Another implementation of processor protocol v1, written from its description, in place of the sandbox bank. */
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { freshDatabase } from '../harness/template.ts';
import { build, client, endAll, type Env, freePort, type Keys, patience, type Process, start, tolem, workplace } from './tolem.fixture.ts';

const secret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

/** Executes even amounts, declines odd ones, and has the rest wait for a callback: in memory, and with no word of the product's code. */
async function otherProcessor() {
  const transfers = new Map<string, { content: string; status: string; rrn: string }>();
  const posted: string[] = [];
  const server = createServer((request, response) => {
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json', 'Retention-Seconds': '7200', 'Max-In-Flight-Seconds': '5' }).end(JSON.stringify(body));
    let text = '';
    request
      .on('data', (chunk) => (text += chunk))
      .on('end', () => {
        if (request.headers.authorization !== `Bearer ${secret}`) return answer(401, { error: 'who are you?' });
        const [, , , ref = '', verb] = (request.url as string).split('/');
        const known = transfers.get(ref);
        if (request.method === 'GET') return known ? answer(200, { ref, status: known.status, rrn: known.rrn }) : answer(404, { error: 'not known' });
        if (verb === 'cancel') return answer(501, { error: 'this bank cannot cancel' });
        const said = JSON.parse(text) as { ref: string; amount: number };
        posted.push(text);
        const before = transfers.get(said.ref);
        if (before && before.content !== text) return answer(409, { error: 'other content' });
        const status = said.amount % 1000 === 7 ? 'pending' : said.amount % 2 === 0 ? 'executed' : 'declined';
        const one = before ?? { content: text, status, rrn: `OTHER${String(transfers.size).padStart(7, '0')}` };
        transfers.set(said.ref, one);
        if (one.status === 'executed') return answer(200, { ref: said.ref, status: 'executed', rrn: one.rrn, executedAt: '2026-01-01T00:00:00Z', fee: 12 });
        if (one.status === 'declined') return answer(422, { ref: said.ref, status: 'declined', code: '14', message: 'no such card' });
        return answer(202, { ref: said.ref, status: 'pending' });
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  /** Executes what is pending, and says so. @returns what the callback was answered */
  const finish = async (base: string): Promise<number> => {
    const [ref, one] = [...transfers].find(([, { status }]) => status === 'pending') as [string, { status: string; rrn: string }];
    one.status = 'executed';
    const [id, timestamp, body] = ['msg_1', String(Math.floor(Date.now() / 1000)), JSON.stringify({ ref, status: 'executed', rrn: one.rrn })];
    const signature = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
      .update(`${id}.${timestamp}.${body}`)
      .digest('base64');
    return (
      await fetch(`${base}/callbacks/processor`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` },
        body,
      })
    ).status;
  };
  return { server, posted, finish, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

let env: Env;
let place: ReturnType<typeof workplace>;
let bank: Awaited<ReturnType<typeof otherProcessor>> & { server: Server };
let parts: Process[];
let base: string;
let merchant: ReturnType<typeof client>;
let card: string;

beforeAll(async () => {
  await build();
  bank = await otherProcessor();
  place = workplace(await freshDatabase(inject('postgres')));
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  env = { ...place.env, PORT: String(port), PROCESSOR_URL: bank.url, PROCESSOR_SECRET: secret };
  const keys = JSON.parse((await tolem(env, 'merchant', 'create', '--name', 'Shop', '--json')).out) as Keys;
  parts = [start(env, 'serve'), start(env, 'work')];
  await Promise.all([parts[0]?.logged('listening'), parts[1]?.logged('working')]);
  merchant = client(base, keys);
  card = await merchant.prepare(10_000_000);
}, 2 * patience);
afterAll(() => {
  endAll();
  bank.server.close();
  place.leave();
});

test(
  'its yes, its no and its later are heard, each transfer asked for once',
  async () => {
    const [yes, no, later] = await Promise.all([merchant.pay(card, 100), merchant.pay(card, 100.01), merchant.pay(card, 100.07)]);
    expect(await merchant.becomes(yes.id, 'settled')).toMatchObject({ retrievalReferenceNumber: expect.stringMatching(/^OTHER/) });
    expect(await merchant.becomes(no.id, 'rejected')).toMatchObject({ errorCode: '14' });
    expect(JSON.parse(bank.posted[0] as string)).toEqual({
      ref: expect.any(String),
      kind: 'card',
      amount: expect.any(Number),
      currency: 'KZT',
      description: expect.any(String),
      destination: { pan: '4111111111111111', expiryMonth: 12, expiryYear: 2039 },
    });
    await merchant.becomes(later.id, 'processing');
    expect(await bank.finish(base)).toBe(200);
    await merchant.becomes(later.id, 'settled');
    expect(bank.posted).toHaveLength(3);
  },
  patience,
);

test(
  'the books agree, and the processes end as they should',
  async () => {
    const ended = await Promise.all(parts.map((part) => part.stop()));
    expect(ended.map(({ code }) => code)).toEqual([0, 0]);
    expect((await tolem(env, 'verify')).out).toMatch(/rules, 0 broken/);
  },
  patience,
);
