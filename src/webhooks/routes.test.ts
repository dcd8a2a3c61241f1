import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../../test/harness/house.ts';
import { sql } from '../db/sql.ts';

interface Got {
  path: string;
  headers: Record<string, string>;
  body: string;
}

let th: TestHouse;
let m: TestMerchant;
let receiver: Server;
let base: string;
let got: Got[] = [];
let status = 200;

beforeAll(async () => {
  th = await openTestHouse();
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      got.push({ path: request.url ?? '', headers: request.headers as Record<string, string>, body });
      response.writeHead(status, status >= 300 && status < 400 ? { location: '/elsewhere' } : {}).end('thanks');
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await th.close();
  receiver.closeAllConnections();
  receiver.close();
});
beforeEach(async () => {
  m = await th.merchant({ available: 1_000_000n });
});
afterEach(() => {
  got = [];
  status = 200;
  th.house.clock.setOffset(0);
});

const create = async (path = '/hooks', more: object = {}) =>
  (await th.post('/v1/webhook-endpoints', m, { url: base + path, ...more })).body as { id: string; secret: string };
const payout = async () => (await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: 100 })).body.id as string;
const deliveries = async (query = '') => (await th.get(`/v1/webhook-endpoints/deliveries${query}`, m)).body as { data: any[]; next: string | null };

test('a payout is told to an endpoint, signed with the secret that was shown once', async () => {
  const { id, secret } = await create();
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  const paid = await payout();
  await th.work(m);
  const own = got.filter(({ path }) => path === '/hooks');
  assert.deepEqual(
    own
      .map(({ body }) => JSON.parse(body))
      .filter(({ data }) => data.id === paid)
      .map(({ name }) => name),
    ['transaction.processing', 'transaction.settled'],
  );
  for (const { headers, body } of own) {
    new Webhook(secret).verify(body, headers);
    assert.equal(headers.authorization, `Bearer ${m.webhookToken}`);
  }
  const shown = (await th.get(`/v1/webhook-endpoints/${id}`, m)).text + (await th.get('/v1/webhook-endpoints', m)).text;
  assert.ok(!shown.includes('secret"') && !shown.includes(secret));
});

test('no secret is in the database, not even in the answer that is kept for its key', async () => {
  const asked = () => th.post('/v1/webhook-endpoints', m, { url: `${base}/kept` }, { 'idempotency-key': 'once' });
  const [first, second] = [await asked(), await asked()];
  assert.deepEqual([first.status, second.status, second.headers['idempotent-replayed']], [201, 201, 'true']);
  assert.equal(second.text, first.text);
  const { secret, id } = first.body as { secret: string; id: string };
  assert.equal((await th.get('/v1/webhook-endpoints', m)).body.data.length, 1);
  const rolled = await th.post(`/v1/webhook-endpoints/${id}/roll-secret`, m, {}, { 'idempotency-key': 'roll' });
  assert.notEqual(rolled.body.secret, secret);
  assert.equal((await asked()).text, first.text, 'byte for byte, also after it was rolled');
  const rows = await th.house.db.merchant(m.merchantId, (tx) =>
    tx.rows<{ all: string }>(
      sql`select i.body as all from idempotency i where i.merchant_id = ${tx.merchantId} union all select row_to_json(p)::text from endpoint p where p.merchant_id = ${tx.merchantId}`,
    ),
  );
  const stored = rows.map(({ all }) => all).join();
  for (const one of [secret, rolled.body.secret as string])
    assert.ok(!stored.includes(one.slice(6)) && !stored.includes(Buffer.from(one.slice(6), 'base64').toString('hex')));
});

test('what is wrong with a URL is said in words', async () => {
  const live = await openTestHouse({ config: { webhookAllowPrivate: false } });
  const owner = await live.merchant();
  const cases: [string, RegExp][] = [
    ['http://example.com/', /url: must begin with https:\/\//],
    ['https://127.0.0.1/', /127\.0\.0\.1 is not a public address/],
    ['https://[::ffff:169.254.169.254]/', /not a public address/],
    ['https://localhost/', /localhost is not a name of the public internet/],
    ['https://me:secret@example.com/', /user name or password/],
    ['https://example.com:22/', /port 22 is not among those allowed/],
    ['javascript:alert(1)', /must begin with https/],
    ['nowhere', /not a URL such as/],
  ];
  for (const [url, words] of cases) {
    const { status: code, body } = await live.post('/v1/webhook-endpoints', owner, { url });
    assert.deepEqual([code, body.code, body.type], [422, 5, 'validationError'], url);
    assert.match(body.message, words);
    assert.equal(body.details[0].field, 'url');
  }
  assert.equal((await live.get('/v1/webhook-endpoints', owner)).body.data.length, 0);
  await live.close();
});

test('an endpoint is changed, disabled and enabled', async () => {
  const { id } = await create();
  const changed = await th.request('PATCH', `/v1/webhook-endpoints/${id}`, m, {
    description: 'the shop',
    events: ['distribution.settled'],
    legacyWrappedIds: true,
  });
  assert.deepEqual(
    [changed.body.description, changed.body.events, changed.body.legacyWrappedIds, changed.body.url],
    ['the shop', ['distribution.settled'], true, `${base}/hooks`],
  );
  const off = await th.post(`/v1/webhook-endpoints/${id}/disable`, m, undefined);
  assert.deepEqual([off.body.enabled, off.body.disabledReason], [false, 'disabled by the merchant']);
  await payout();
  await th.work(m);
  assert.equal(got.length, 0);
  const on = await th.request('PATCH', `/v1/webhook-endpoints/${id}`, m, { enabled: true });
  assert.deepEqual([on.body.enabled, on.body.disabledReason], [true, null]);
  for (const wrong of [{ events: ['Not An Event'] }, { events: ['webhook.test'] }, { events: ['transaction.new'] }, { nonsense: 1 }, { url: '' }]) {
    assert.equal((await th.request('PATCH', `/v1/webhook-endpoints/${id}`, m, wrong)).status, 400, JSON.stringify(wrong));
  }
});

test('a secret is rolled with and without a word about the overlap', async () => {
  const { id, secret } = await create();
  const day = 86_400_000;
  const until = ({ body }: { body: { previousSecretUntil: string | null; updatedAt: string } }) =>
    body.previousSecretUntil && Date.parse(body.previousSecretUntil) - Date.parse(body.updatedAt);
  assert.equal(until(await th.post(`/v1/webhook-endpoints/${id}/roll-secret`, m, undefined)), day);
  assert.equal(until(await th.post(`/v1/webhook-endpoints/${id}/roll-secret`, m, {})), day);
  assert.equal(until(await th.post(`/v1/webhook-endpoints/${id}/roll-secret`, m, { overlapSeconds: 60 })), 60_000);
  const last = await th.post(`/v1/webhook-endpoints/${id}/roll-secret`, m, { overlapSeconds: 0 });
  assert.equal(until(last), null);
  assert.notEqual(last.body.secret, secret);
  assert.equal((await th.post(`/v1/webhook-endpoints/${id}/roll-secret`, m, { overlapSeconds: 86_401 })).status, 400);
});

test('a merchant has only so many endpoints', async () => {
  for (let i = 0; i < 16; i++) await create(`/${i}`);
  const { status: code, body } = await th.post('/v1/webhook-endpoints', m, { url: `${base}/more` });
  assert.equal(code, 422);
  assert.match(body.message, /at most 16/);
});

test("another merchant's endpoint, deliveries and events are not there", async () => {
  const { id } = await create();
  await payout();
  await th.work(m);
  const eventId = (await deliveries()).data[0].eventId as string;
  const other = await th.merchant();
  for (const [method, path, body] of [
    ['GET', `/v1/webhook-endpoints/${id}`, undefined],
    ['PATCH', `/v1/webhook-endpoints/${id}`, { description: 'x' }],
    ['POST', `/v1/webhook-endpoints/${id}/disable`, undefined],
    ['POST', `/v1/webhook-endpoints/${id}/roll-secret`, {}],
    ['POST', `/v1/webhook-endpoints/${id}/test`, undefined],
    ['POST', `/v1/webhook-endpoints/${id}/replay`, { from: '2020-01-01T00:00:00Z' }],
    ['POST', `/v1/webhook-endpoints/${id}/deliveries/${eventId}/resend`, undefined],
    ['GET', `/v1/events/${eventId}`, undefined],
  ] as const) {
    assert.equal((await th.request(method, path, other, body)).status, 404, `${method} ${path}`);
  }
  assert.deepEqual((await th.get(`/v1/webhook-endpoints/deliveries?endpointId=${id}`, other)).body.data, []);
  const nonsense = await th.get('/v1/webhook-endpoints/nonsense', m);
  assert.equal(nonsense.status, 404);
});

test('a test goes to its endpoint alone', async () => {
  const { id, secret } = await create('/tested', { events: ['card.save_failed'] });
  await create('/other');
  const { status: code, body } = await th.post(`/v1/webhook-endpoints/${id}/test`, m, undefined);
  assert.equal(code, 202);
  await th.work(m);
  assert.deepEqual(
    got.map(({ path }) => path),
    ['/tested'],
  );
  assert.equal((new Webhook(secret).verify(got[0]?.body as string, got[0]?.headers as Record<string, string>) as { name: string }).name, 'webhook.test');
  assert.equal((await deliveries(`?eventId=${body.eventId}`)).data[0].state, 'delivered');
  await th.post(`/v1/webhook-endpoints/${id}/disable`, m, undefined);
  assert.equal((await th.post(`/v1/webhook-endpoints/${id}/test`, m, undefined)).status, 409);
});

test('deliveries are listed with attempts, body and answer, and narrowed', async () => {
  const { id } = await create('/a');
  const { id: other } = await create('/b');
  status = 307;
  const object = await payout();
  await th.work(m);
  const all = await deliveries();
  assert.equal(all.data.length, 4);
  const [row] = (await deliveries(`?endpointId=${id}&objectId=${object}`)).data.filter(({ attempts }) => attempts.length > 0);
  assert.deepEqual([row.state, row.tries, row.name, JSON.parse(row.body).data.id], ['pending', 1, 'transaction.processing', object]);
  assert.deepEqual(
    [row.attempts[0].try, row.attempts[0].status, row.attempts[0].answer, row.attempts[0].error],
    [1, 307, 'thanks', 'redirects are not followed (to /elsewhere)'],
  );
  assert.ok(!got.some(({ path }) => path === '/elsewhere'));
  assert.ok(row.nextTryAt && row.attempts[0].durationMs >= 0);
  assert.equal((await deliveries('?state=pending')).data.length, 4);
  assert.equal((await deliveries('?state=delivered')).data.length, 0);
  assert.equal((await deliveries(`?endpointId=${other}`)).data.length, 2);
  assert.equal((await deliveries(`?eventId=${row.eventId}`)).data.length, 2);
  assert.equal((await deliveries(`?objectId=${other}`)).data.length, 0);
  assert.equal((await th.get('/v1/webhook-endpoints/deliveries?state=lost', m)).status, 400);
  const paged: any[] = [];
  for (let after = ''; ;) {
    const page = await deliveries(`?limit=1${after}`);
    paged.push(...page.data);
    if (!page.next) break;
    after = `&after=${page.next}`;
  }
  assert.deepEqual(paged, all.data);
});

test('a delivery is resent, delivered or not', async () => {
  const { id } = await create();
  const object = await payout();
  await th.work(m);
  const [settled] = (await deliveries(`?objectId=${object}`)).data;
  got = [];
  const answer = await th.post(`/v1/webhook-endpoints/${id}/deliveries/${settled.eventId}/resend`, m, undefined);
  assert.deepEqual([answer.status, answer.body], [202, { opened: 1 }]);
  await th.work(m);
  assert.deepEqual(
    got.map(({ headers, body }) => [headers['webhook-id'], headers['x-plexy-delivery-attempt'], body]),
    [[settled.eventId, '2', settled.body]],
  );
  const again = (await deliveries(`?eventId=${settled.eventId}`)).data[0];
  assert.deepEqual([again.state, again.tries, again.deliveredAt], ['delivered', 2, settled.deliveredAt]);
  assert.equal((await th.post(`/v1/webhook-endpoints/${id}/deliveries/${id}/resend`, m, undefined)).status, 404);
});

test('a span of time is replayed: what did not arrive, or all of it, in order; and to an endpoint that is newer than it', async () => {
  const { id } = await create('/a');
  const from = th.house.clock.now().toISOString();
  status = 500;
  const objects = [await payout(), await payout()];
  await th.work(m);
  status = 200;
  got = [];
  const replay = (endpoint: string, more: object = {}) => th.post(`/v1/webhook-endpoints/${endpoint}/replay`, m, { from, ...more });
  const first = await replay(id);
  assert.deepEqual([first.status, first.body], [202, { opened: 4, next: null }], 'two that have failed, and two that wait behind them');
  await th.work(m);
  const order = (path: string) =>
    objects.map((object) =>
      got
        .filter((one) => one.path === path)
        .map(({ body }) => JSON.parse(body))
        .filter(({ data }) => data.id === object)
        .map(({ name }) => name),
    );
  assert.deepEqual(order('/a'), [
    ['transaction.processing', 'transaction.settled'],
    ['transaction.processing', 'transaction.settled'],
  ]);

  got = [];
  assert.deepEqual((await replay(id)).body.opened, 0, 'all of it has arrived');
  assert.deepEqual((await replay(id, { includeDelivered: true })).body.opened, 4);
  await th.work(m);
  assert.deepEqual(order('/a'), [
    ['transaction.processing', 'transaction.settled'],
    ['transaction.processing', 'transaction.settled'],
  ]);

  const { id: newer } = await create('/newer');
  got = [];
  assert.deepEqual((await replay(newer)).body, { opened: 4, next: null });
  await th.work(m);
  assert.deepEqual(order('/newer'), [
    ['transaction.processing', 'transaction.settled'],
    ['transaction.processing', 'transaction.settled'],
  ]);
  assert.equal(got.length, 4, 'no transaction.new');
  const flagged = await th.house.db.merchant(m.merchantId, (tx) =>
    tx.rows<{ requested: boolean; n: bigint }>(
      sql`select d.on_request as requested, count(*) as n from delivery d where d.merchant_id = ${tx.merchantId} group by 1 order by 1`,
    ),
  );
  assert.deepEqual(flagged, [
    { requested: false, n: 4n },
    { requested: true, n: 4n },
  ]);

  const before = await replay(newer, { to: from, includeDelivered: true });
  assert.equal(before.body.opened, 0, 'outside of the span');
  for (const wrong of [{ from: 'yesterday' }, { from, to: 'x' }, { from, after: 'x' }, {}])
    assert.equal((await th.post(`/v1/webhook-endpoints/${newer}/replay`, m, wrong)).status, 400, JSON.stringify(wrong));
});

const feed = async (query: string, merchant: TestMerchant = m) => th.get(`/v1/events${query}`, merchant);

test('the feed has every event from the first on, once, in order, whatever became of webhooks', async () => {
  await create();
  status = 500;
  const objects = [await payout(), await payout(), await payout()];
  await th.work(m);
  const seen: any[] = [];
  let cursor = '';
  for (let more = true; more;) {
    const { body } = await feed(`?limit=2${cursor && `&after=${cursor}`}`);
    seen.push(...body.data);
    [cursor, more] = [body.next, body.hasMore];
  }
  for (const object of objects)
    assert.deepEqual(
      seen.filter(({ objectId }) => objectId === object).map(({ name, objectSeq }) => [name, objectSeq]),
      [
        ['transaction.new', 1],
        ['transaction.processing', 2],
        ['transaction.settled', 3],
      ],
    );
  assert.ok(seen.every(({ id, name, body }) => id && body.name === name && body.merchantId === m.merchantId));

  const nothing = await feed(`?after=${cursor}`);
  assert.deepEqual(nothing.body, { data: [], next: cursor, hasMore: false });
  const late = await payout();
  const { body } = await feed(`?after=${cursor}`);
  assert.deepEqual(
    body.data.map(({ objectId, name }: any) => [objectId, name]),
    [[late, 'transaction.new']],
  );
  const one = await th.get(`/v1/events/${body.data[0].id}`, m);
  assert.deepEqual(one.body, body.data[0]);
  assert.equal((await th.get(`/v1/events/${late}`, m)).status, 404);
});

test("a cursor that was edited, made up, or is another merchant's or another list's is refused", async () => {
  await payout();
  await th.work(m);
  const { next } = (await feed('?limit=1')).body as { next: string };
  assert.equal((await feed(`?after=${next}`)).status, 200);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (let at = 0; at < next.length; at++) {
    for (const letter of ['A', 'z', '9', alphabet[(alphabet.indexOf(next[at] as string) + 1) % 64] as string]) {
      const edited = next.slice(0, at) + letter + next.slice(at + 1);
      if (edited === next) continue;
      const { status: code, body } = await feed(`?after=${edited}`);
      assert.deepEqual([code, body.code], [400, 3], edited);
    }
  }
  for (const made of [
    '',
    '0',
    '1',
    'null',
    Buffer.from('5').toString('base64url'),
    `${next}A`,
    `${next}=`,
    next.slice(0, -1),
    next.slice(1),
    `${next}${next}`,
    'A'.repeat(200),
  ])
    assert.equal((await feed(`?after=${encodeURIComponent(made)}`)).status, 400, made);
  const other = await th.merchant({ available: 1n });
  const theirs = (await feed('?limit=1', other)).body.next as string;
  assert.equal((await feed(`?after=${theirs}`)).status, 400);
  assert.equal((await feed(`?after=${next}`, other)).status, 400);
  await create('/x');
  await create('/y');
  await payout();
  await th.work(m);
  const ofDeliveries = (await deliveries('?limit=1')).next as string;
  assert.equal((await feed(`?after=${ofDeliveries}`)).status, 400);
  assert.equal((await th.get(`/v1/webhook-endpoints/deliveries?after=${next}`, m)).status, 400);
  assert.equal(
    (await th.get(`/v1/webhook-endpoints/deliveries?state=pending&after=${ofDeliveries}`, m)).status,
    400,
    'nor to the same list, narrowed otherwise',
  );
});

test('keys need the scope', async () => {
  const { body } = await th.post('/v1/api-keys', m, { scopes: ['payouts'] });
  const weak = { apiKey: body.secret as string };
  for (const path of ['/v1/webhook-endpoints', '/v1/webhook-endpoints/deliveries', '/v1/events']) assert.equal((await th.get(path, weak)).status, 403, path);
  assert.equal((await th.post('/v1/webhook-endpoints', weak, { url: base })).status, 403);
});
