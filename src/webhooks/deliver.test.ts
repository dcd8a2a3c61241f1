import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, test } from 'vitest';
import { sql } from '../db/sql.ts';
import { guardedNet } from '../net.ts';
import { httpAnswer, rawServer } from '../net/raw-server.fixture.ts';
import { NetError } from '../ports.ts';
import { resend } from './deliveries.ts';
import type { Deliverer } from './deliver.ts';
import { type Desk, openDesk, type Received, unexpected } from './desk.fixture.ts';
import { endpointById, listEndpoints } from './endpoints.ts';
import { tell } from './events.ts';

const A = 'http://a.test/hooks';
const B = 'http://b.test/hooks';

let desk: Desk;
beforeEach(async () => {
  desk = await openDesk();
});
afterEach(() => desk.close());

const verified = (secret: string, { headers, body }: Received): unknown => new Webhook(secret).verify(body, headers);
const states = async () => (await desk.deliveries()).map(({ state }) => state).reverse();

test('an event is delivered once, signed as Standard Webhooks and as the v1 API ask', async () => {
  const { secret } = await desk.endpoint(A);
  const [eventId] = await desk.told(desk.ids.uuid(), 'processing');
  assert.equal(await desk.work(), 1);
  assert.equal(await desk.work(), 0);
  const [got] = desk.net.received as [Received];
  assert.equal((verified(secret, got) as { name: string }).name, 'transaction.processing');
  assert.equal(got.headers.authorization, `Bearer ${desk.merchant.webhookToken}`);
  assert.equal(got.headers['webhook-id'], eventId);
  assert.equal(got.headers['x-plexy-event-id'], eventId);
  assert.equal(got.headers['x-plexy-delivery-attempt'], '1');
  assert.equal(got.headers['content-type'], 'application/json');
  const [delivery] = await desk.deliveries();
  assert.deepEqual([delivery?.state, delivery?.tries, delivery?.attempts.length, delivery?.attempts[0]?.status], ['delivered', 1, 1, 200]);
});

test('transaction.new and what nobody asked for are in the feed alone', async () => {
  await desk.endpoint(A);
  await desk.endpoint(B, { events: ['distribution.settled'] });
  await desk.told(desk.ids.uuid(), 'new', 'processing');
  await desk.told(desk.ids.uuid(), 'distribution.settled');
  await desk.work();
  assert.equal(desk.net.at(A).length, 1);
  assert.equal(desk.net.at(B).length, 2);
  assert.deepEqual(await unexpected(desk), []);
});

test('a delivery that fails is tried ten times over three days, always the same bytes under the same id, then parked', async () => {
  const { secret } = await desk.endpoint(A);
  desk.net.answer = () => ({ status: 500, body: Buffer.from(`oh\0no ${'x'.repeat(5_000)}`) });
  const [eventId] = await desk.told(desk.ids.uuid(), 'processing');
  const gaps = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
  for (const [i, gap] of gaps.entries()) {
    desk.pass(gap * 0.99);
    if (gap > 0) assert.equal(await desk.work(), 0, `not before ${gap} s`);
    desk.pass(gap * 0.11 + 0.1);
    assert.equal(await desk.work(), 1, `try ${i + 1}`);
  }
  desk.pass(1_000_000);
  assert.equal(await desk.work(), 0);
  assert.equal(new Set(desk.net.received.map(({ body }) => body)).size, 1);
  assert.ok(desk.net.received.every(({ headers }) => headers['webhook-id'] === eventId));
  assert.deepEqual(
    desk.net.received.map(({ headers }) => headers['x-plexy-delivery-attempt']),
    gaps.map((_, i) => String(i + 1)),
  );
  for (const got of desk.net.received) verified(secret, got); // its timestamp is of the attempt, in the world's time
  const [delivery] = await desk.deliveries();
  assert.deepEqual([delivery?.state, delivery?.tries, delivery?.nextAt], ['parked', 10, null]);
  const [attempt] = delivery?.attempts ?? [];
  assert.deepEqual([attempt?.status, attempt?.error, attempt?.answer?.length, attempt?.answer?.startsWith('oh\ufffdno x')], [500, 'answered 500', 1_024, true]);
});

test('no answer is a failure that says why', async () => {
  await desk.endpoint(A);
  desk.net.answer = () => Promise.reject(new NetError('connect ECONNREFUSED', false));
  await desk.told(desk.ids.uuid(), 'processing');
  await desk.work();
  const [delivery] = await desk.deliveries();
  assert.deepEqual([delivery?.state, delivery?.attempts[0]?.status, delivery?.attempts[0]?.error], ['pending', null, 'connect ECONNREFUSED']);
});

test('any 2xx is a yes; a redirect, 4xx and 5xx are not', async () => {
  await desk.endpoint(A);
  const statuses = [200, 201, 202, 204, 299, 301, 302, 307, 308, 304, 400, 401, 404, 418, 500, 503];
  desk.net.answer = ({ number }) => ({ status: statuses[number - 1] as number, headers: { location: B } });
  for (const status of statuses) await desk.told(desk.ids.uuid(), `n${status}`);
  await desk.work();
  const delivered = (await desk.deliveries({ state: 'delivered' })).map(({ attempts }) => attempts[0]?.status).sort();
  assert.deepEqual(delivered, [200, 201, 202, 204, 299]);
  assert.equal(desk.net.at(B).length, 0, 'no redirect is followed');
  assert.match(
    (await desk.deliveries()).find(({ attempts }) => attempts[0]?.status === 301)?.attempts[0]?.error ?? '',
    /redirects are not followed \(to http:\/\/b\.test\/hooks\)/,
  );
});

test('events of one object arrive in order: what follows a failure waits for it, other objects do not', async () => {
  await desk.endpoint(A);
  const [one, two] = [desk.ids.uuid(), desk.ids.uuid()];
  desk.net.answer = ({ body, number }) => (body.includes(one) && number <= 2 ? 500 : 200);
  await desk.told(one, 'processing', 'settled');
  await desk.told(two, 'processing', 'settled');
  await desk.work();
  const seen = () => desk.net.at(A).map((body) => JSON.parse(body).data as { id: string; seq: number });
  assert.deepEqual(
    seen()
      .filter(({ id }) => id === two)
      .map(({ seq }) => seq),
    [1, 2],
  );
  assert.deepEqual(
    seen()
      .filter(({ id }) => id === one)
      .map(({ seq }) => seq),
    [1],
  );
  desk.pass(6);
  await desk.work();
  desk.pass(400);
  await desk.work();
  assert.deepEqual(
    seen()
      .filter(({ id }) => id === one)
      .map(({ seq }) => seq)
      .slice(-2),
    [1, 2],
  );
  assert.deepEqual(await states(), ['delivered', 'delivered', 'delivered', 'delivered']);
});

test('order is kept for each endpoint by itself', async () => {
  await desk.endpoint(A);
  await desk.endpoint(B);
  desk.net.answer = ({ url }) => (url === A ? 500 : 200);
  await desk.told(desk.ids.uuid(), 'processing', 'settled');
  await desk.work();
  assert.equal(desk.net.at(A).length, 1);
  assert.equal(desk.net.at(B).length, 2);
});

test('what waits behind a parked delivery is parked too, and goes on when that one has been resent', async () => {
  const { id } = await desk.endpoint(A);
  desk.net.answer = () => 500;
  const object = desk.ids.uuid();
  const [first] = await desk.told(object, 'processing');
  for (let i = 0; i < 12; i++) {
    await desk.work();
    desk.pass(100_000);
  }
  await desk.told(object, 'settled', 'returned');
  await desk.work();
  assert.deepEqual(await states(), ['parked', 'parked', 'parked']);
  desk.net.answer = () => 200;
  desk.pass(1_000_000);
  assert.equal(await desk.work(), 0, 'nobody overtakes');
  await desk.db.merchant(desk.merchant.merchantId, async (tx) => resend(tx, await endpointById(tx, id), first as string, desk.clock.now()));
  await desk.work();
  assert.deepEqual(
    desk.net
      .at(A)
      .slice(-3)
      .map((body) => JSON.parse(body).data.seq),
    [1, 2, 3],
  );
  assert.deepEqual(await states(), ['delivered', 'delivered', 'delivered']);
});

test('two processes, many objects, an endpoint that fails often: first arrivals are in order, each is recorded, none is lost', async () => {
  const endpoints = await Promise.all([A, B].map((url) => desk.endpoint(url)));
  const random = (() => {
    let seed = 42;
    return () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  })();
  const accepted: string[] = [];
  desk.net.answer = async ({ url, body }) => {
    await sleep(random() * 4);
    if (random() < 0.3) return 503;
    const { id, seq } = JSON.parse(body).data as { id: string; seq: number };
    accepted.push(`${url} ${id} ${seq}`);
    return 200;
  };
  const objects = Array.from({ length: 60 }, () => desk.ids.uuid());
  const workers = [desk.webhooks.deliverer, desk.deliverer()];
  let telling = true;
  const working = (async () => {
    for (let idle = 0; telling || idle < 40;) {
      // Both take at the same time, and time passes only when neither has a call in flight: leases are in the platform's time.
      const pieces = (await Promise.all(workers.map((worker) => worker.takeDue(desk.merchant.merchantId, 64)))).flat();
      await Promise.all([...pieces, ...(telling ? [] : workers.map((worker) => worker.idle()))]);
      idle = pieces.length > 0 ? 0 : idle + 1;
      if (pieces.length === 0 && !telling) desk.pass(20_000);
    }
  })();
  for (let seq = 1; seq <= 4; seq++)
    for (const object of objects) {
      const by = Math.floor(random() * 3);
      await (by === 2 ? desk.told(object, `s${seq}`) : desk.toldBy(workers[by] as Deliverer, object, `s${seq}`));
    }
  telling = false;
  await working;
  const seen = new Map<string, number>();
  for (const line of accepted) {
    const [url, id, seq] = line.split(' ') as [string, string, string];
    const last = seen.get(`${url} ${id}`) ?? 0;
    if (Number(seq) <= last) continue; // a repetition
    assert.equal(Number(seq), last + 1, `${line} after ${last}`);
    seen.set(`${url} ${id}`, Number(seq));
  }
  const rows = await desk.deliveries();
  assert.equal(rows.length, 4 * objects.length * endpoints.length);
  assert.ok(
    rows.every(({ state }) => state === 'delivered'),
    JSON.stringify(rows.filter(({ state }) => state !== 'delivered').slice(0, 3), (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)),
  );
  assert.equal(accepted.length, new Set(accepted).size, 'nothing that was answered with 2xx was sent again');
  for (const { tries, attempts } of rows) assert.equal(attempts.length, tries);
  assert.deepEqual(await unexpected(desk), []);
}, 60_000);

test('what a process tells of it delivers itself, without a claim', async () => {
  const { secret } = await desk.endpoint(A);
  const own = desk.deliverer();
  const [eventId] = await desk.toldBy(own, desk.ids.uuid(), 'processing');
  assert.equal(await desk.work(), 0, 'another has nothing to take');
  await own.idle();
  const [got] = desk.net.received as [Received];
  verified(secret, got);
  assert.deepEqual([got.headers['webhook-id'], got.headers['x-plexy-delivery-attempt']], [eventId, '1']);
  const [delivery] = await desk.deliveries();
  assert.deepEqual([delivery?.state, delivery?.tries, delivery?.attempts.map((one) => one.try)], ['delivered', 1, [1]]);
});

test('what follows an event that is still being delivered goes when that one has been accepted', async () => {
  await desk.endpoint(A);
  const own = desk.deliverer();
  await desk.toldBy(own, desk.ids.uuid(), 'processing'); // an endpoint that nothing is known of gets little
  await own.idle();
  desk.net.received.length = 0;
  let accept = () => undefined as void;
  desk.net.answer = ({ number }) => (number === 1 ? new Promise((resolve) => (accept = () => resolve(200))) : 200);
  const object = desk.ids.uuid();
  await desk.toldBy(own, object, 'processing', 'settled', 'returned');
  await sleep(20);
  assert.deepEqual(desk.net.at(A).length, 1);
  assert.equal(await desk.work(), 0);
  accept();
  await own.idle();
  assert.deepEqual(
    desk.net.at(A).map((body) => JSON.parse(body).data.seq as number),
    [1, 2, 3],
  );
  assert.deepEqual(await states(), ['delivered', 'delivered', 'delivered', 'delivered']);
  assert.equal(await desk.work(), 0);
});

test('and goes back where it waits when that one was refused, as if nobody had taken it', async () => {
  await desk.endpoint(A);
  const own = desk.deliverer();
  desk.net.answer = ({ number }) => (number === 1 ? sleep(30).then(() => 500) : 200);
  await desk.toldBy(own, desk.ids.uuid(), 'processing', 'settled');
  await own.idle();
  assert.deepEqual(
    (await desk.deliveries()).map(({ state, tries, attempts }) => [state, tries, attempts.length]),
    [
      ['pending', 0, 0],
      ['pending', 1, 1],
    ],
  );
  assert.equal(await desk.work(), 0, 'it waits for the first one, which is not due');
  desk.pass(6);
  assert.equal(await desk.work(), 2);
  assert.deepEqual(
    desk.net.received.map(({ body, headers }) => [JSON.parse(body).data.seq as number, headers['x-plexy-delivery-attempt']]),
    [
      [1, '1'],
      [1, '2'],
      [2, '1'],
    ],
  );
});

test('what somebody else has not delivered yet is not overtaken', async () => {
  await desk.endpoint(A);
  const object = desk.ids.uuid();
  await desk.told(object, 'processing');
  const own = desk.deliverer();
  await desk.toldBy(own, object, 'settled');
  await own.idle();
  assert.deepEqual(desk.net.received, []);
  await desk.work();
  assert.deepEqual(
    desk.net.at(A).map((body) => JSON.parse(body).data.seq as number),
    [1, 2],
  );
});

test('a process that dies after the commit: what it had taken is due when the lease ends, and not before', async () => {
  await desk.endpoint(A);
  const doomed = desk.deliverer({ net: { request: () => new Promise(() => undefined) } });
  await desk.toldBy(doomed, desk.ids.uuid(), 'processing');
  desk.pass(44);
  assert.equal(await desk.work(), 0);
  desk.pass(2);
  assert.equal(await desk.work(), 1);
  assert.deepEqual(await states(), ['delivered']);
});

test('a transaction that is undone delivers nothing', async () => {
  await desk.endpoint(A);
  const own = desk.deliverer();
  const event = {
    id: desk.ids.uuid(),
    objectId: desk.ids.uuid(),
    objectSeq: 1,
    type: 'transaction.processing',
    fromState: null,
    toState: 'x',
    cause: 'request',
    body: '{}',
  };
  await assert.rejects(
    own.telling(desk.merchant.merchantId, async (tx, hand) => {
      await tell(tx, [event], desk.clock.now(), hand);
      throw new Error('no');
    }),
    /no/,
  );
  await own.idle();
  assert.deepEqual([desk.net.received, await desk.deliveries()], [[], []]);
});

test('an endpoint that nothing is known of is not flooded by what is told: the rest waits to be claimed', async () => {
  await desk.endpoint(A);
  const own = desk.deliverer();
  let open = () => undefined as void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  desk.net.answer = () => gate.then(() => 200);
  for (let i = 0; i < 12; i++) await desk.toldBy(own, desk.ids.uuid(), 'processing');
  await sleep(20);
  assert.equal(desk.net.received.length, 2);
  open();
  await own.idle();
  assert.equal((await states()).filter((state) => state === 'pending').length, 10);
  await desk.work(own);
  assert.ok((await states()).every((state) => state === 'delivered'));
});

test('a process that dies between its call and its record: the delivery is made again when the lease ends, and not before', async () => {
  await desk.endpoint(A);
  const [eventId] = await desk.told(desk.ids.uuid(), 'processing');
  const doomed = desk.deliverer({ net: { request: () => new Promise(() => undefined) } });
  assert.equal((await doomed.takeDue(desk.merchant.merchantId, 10)).length, 1); // and nothing is ever heard of it again
  const survivor = desk.deliverer();
  assert.equal(await desk.work(survivor), 0);
  desk.pass(44);
  assert.equal(await desk.work(survivor), 0);
  desk.pass(2);
  assert.equal(await desk.work(survivor), 1);
  assert.equal(desk.net.received[0]?.headers['webhook-id'], eventId);
  assert.equal(desk.net.received[0]?.headers['x-plexy-delivery-attempt'], '2');
  const [delivery] = await desk.deliveries();
  assert.deepEqual([delivery?.state, delivery?.tries, delivery?.attempts.map((one) => one.try)], ['delivered', 2, [2]]);
});

test('a process that wakes up after another has taken over changes nothing, but its attempt is in the journal', async () => {
  await desk.endpoint(A);
  await desk.told(desk.ids.uuid(), 'processing');
  let wake = (_status: number) => undefined as void;
  const late = desk.deliverer({
    net: { request: () => new Promise((resolve) => (wake = (status) => resolve({ status, headers: {}, body: Buffer.alloc(0), truncated: false }))) },
  });
  const [asleep] = await late.takeDue(desk.merchant.merchantId, 10);
  desk.pass(50);
  assert.equal(await desk.work(), 1);
  wake(500);
  await asleep;
  const [delivery] = await desk.deliveries();
  assert.deepEqual([delivery?.state, delivery?.tries, delivery?.attempts.map(({ status }) => status)], ['delivered', 2, [500, 200]]);
  desk.pass(1_000);
  assert.equal(await desk.work(), 0);
});

test('nor does it disturb the try of the one that has taken over', async () => {
  await desk.endpoint(A);
  await desk.told(desk.ids.uuid(), 'processing');
  const hanging = () => {
    let wake = (_status: number) => undefined as void;
    const deliverer = desk.deliverer({
      net: { request: () => new Promise((resolve) => (wake = (status) => resolve({ status, headers: {}, body: Buffer.alloc(0), truncated: false }))) },
    });
    return { deliverer, wake: (status: number) => wake(status) };
  };
  const [early, later] = [hanging(), hanging()];
  const [first] = await early.deliverer.takeDue(desk.merchant.merchantId, 10);
  desk.pass(50);
  const [second] = await later.deliverer.takeDue(desk.merchant.merchantId, 10);
  early.wake(500);
  await first;
  desk.pass(10); // the failure of the first would be due again after five seconds
  assert.equal(await desk.work(), 0);
  assert.deepEqual(await states(), ['pending']);
  later.wake(200);
  await second;
  assert.deepEqual(await states(), ['delivered']);
});

test('a delivery that arrives wakes what waits behind it, but not what is in flight already', async () => {
  const { id } = await desk.endpoint(A);
  const object = desk.ids.uuid();
  const [first] = await desk.told(object, 'processing');
  await desk.work();
  await desk.told(object, 'settled');
  let answer = () => undefined as void;
  desk.net.answer = ({ body }) => (JSON.parse(body).data.seq === 2 ? new Promise((resolve) => (answer = () => resolve(200))) : 200);
  const [second] = await desk.webhooks.deliverer.takeDue(desk.merchant.merchantId, 10);
  await desk.db.merchant(desk.merchant.merchantId, async (tx) => resend(tx, await endpointById(tx, id), first as string, desk.clock.now()));
  const other = desk.deliverer();
  assert.equal(await desk.work(other), 1);
  assert.equal(await desk.work(other), 0);
  answer();
  await second;
  assert.deepEqual(
    desk.net.at(A).map((body) => JSON.parse(body).data.seq),
    [1, 2, 1],
  );
  assert.deepEqual(await states(), ['delivered', 'delivered']);
});

test('a process that was frozen between taking and calling does not call', async () => {
  await desk.endpoint(A);
  await desk.told(desk.ids.uuid(), 'processing');
  let frozen = 0;
  const clock = { ...desk.clock, monotonic: () => desk.clock.monotonic() + (frozen++ === 0 ? 0 : 60_000) };
  const slow = desk.deliverer({ clock });
  const [piece] = await slow.takeDue(desk.merchant.merchantId, 10);
  assert.equal(await piece, undefined);
  assert.equal(desk.net.received.length, 0);
  desk.pass(50);
  assert.equal(await desk.work(), 1);
});

test('the clock is advanced while a call is in flight: it is not made a second time', async () => {
  await desk.endpoint(A);
  await desk.told(desk.ids.uuid(), 'processing');
  let answer = () => undefined as void;
  desk.net.answer = () => new Promise((resolve) => (answer = () => resolve(200)));
  const [piece] = await desk.webhooks.deliverer.takeDue(desk.merchant.merchantId, 10);
  desk.pass(86_400);
  assert.equal((await desk.webhooks.deliverer.takeDue(desk.merchant.merchantId, 10)).length, 0);
  answer();
  await piece;
  assert.equal(desk.net.received.length, 1);
  assert.deepEqual(await states(), ['delivered']);
});

test('410 disables the endpoint: nothing more is sent, and what waited goes on in order when it is enabled', async () => {
  const { id } = await desk.endpoint(A);
  await desk.endpoint(B);
  desk.net.answer = ({ url }) => (url === A ? 410 : 200);
  const object = desk.ids.uuid();
  await desk.told(object, 'processing', 'settled');
  await desk.told(desk.ids.uuid(), 'processing');
  await desk.work();
  const [ofA, ofB] = await Promise.all([desk.deliveries({ endpointId: id }), desk.deliveries({ state: 'delivered' })]);
  assert.deepEqual(new Set(ofA.map(({ state }) => state)), new Set(['disabled']));
  assert.equal(ofB.length, 3);
  const [endpoint] = await desk.db.merchant(desk.merchant.merchantId, listEndpoints);
  assert.deepEqual([endpoint?.enabled, endpoint?.disabledReason], [false, 'it answered 410 Gone']);

  const before = desk.net.at(A).length;
  await desk.told(object, 'returned'); // while it is disabled
  desk.pass(1_000_000);
  await desk.work();
  assert.equal(desk.net.at(A).length, before);

  desk.net.answer = () => 200;
  await desk.webhooks.change(desk.merchant.merchantId, id, { enabled: true });
  await desk.work();
  assert.deepEqual(
    desk.net
      .at(A)
      .slice(before)
      .map((body) => JSON.parse(body).data)
      .filter((data) => data.id === object)
      .map(({ seq }) => seq),
    [1, 2],
  );
  assert.ok((await desk.deliveries({ endpointId: id })).every(({ state }) => state === 'delivered'));
});

test('410 of an address that the merchant has changed meanwhile disables nothing', async () => {
  const { id } = await desk.endpoint(A);
  await desk.told(desk.ids.uuid(), 'processing');
  let answer = () => undefined as void;
  desk.net.answer = ({ url }) => (url === A ? new Promise((resolve) => (answer = () => resolve(410))) : 200);
  const [piece] = await desk.webhooks.deliverer.takeDue(desk.merchant.merchantId, 10);
  await desk.webhooks.change(desk.merchant.merchantId, id, { url: B });
  answer();
  await piece;
  desk.pass(6);
  await desk.work();
  assert.equal(desk.net.at(B).length, 1);
  assert.deepEqual(await states(), ['delivered']);
});

test('an event that was told while its endpoint was being disabled is not left pending for ever', async () => {
  const { id } = await desk.endpoint(A);
  await desk.told(desk.ids.uuid(), 'processing');
  await desk.db.merchant(desk.merchant.merchantId, (tx) =>
    tx.run(sql`update endpoint as p set enabled = false where p.merchant_id = ${tx.merchantId} and p.id = ${id}::uuid`),
  );
  assert.equal(await desk.work(), 0);
  assert.deepEqual(await states(), ['disabled']);
});

test('Retry-After of 429 and 503 is honoured, up to a day; of others it is not', async () => {
  await desk.endpoint(A);
  const asked = ['120', new Date(desk.clock.wall().getTime() + 600_000).toUTCString(), '99999999', '0', 'soon'];
  desk.net.answer = ({ number }) => ({ status: number % 2 ? 429 : 503, headers: { 'retry-after': asked[number - 1] as string } });
  for (let i = 0; i < asked.length; i++) await desk.told(desk.ids.uuid(), 'processing');
  await desk.work();
  const waits = (await desk.deliveries()).reverse().map(({ nextAt }) => ((nextAt?.getTime() ?? 0) - desk.clock.now().getTime()) / 1_000);
  const between = (wait: number | undefined, low: number, high: number) => assert.ok(wait !== undefined && wait > low - 3 && wait <= high + 1, `${wait}`);
  between(waits[0], 120, 132);
  between(waits[1], 598, 660);
  between(waits[2], 86_400, 95_040);
  between(waits[3], 5, 5.5);
  between(waits[4], 5, 5.5);
  desk.net.answer = () => ({ status: 500, headers: { 'retry-after': '9999' } });
  await desk.told(desk.ids.uuid(), 'processing');
  await desk.work();
  between(((await desk.deliveries())[0]?.nextAt?.getTime() as number) / 1_000 - desk.clock.now().getTime() / 1_000, 5, 5.5);
});

test("while a secret is being rolled both sign; afterwards only the new one; never another endpoint's", async () => {
  const { id, secret: old } = await desk.endpoint(A);
  const other = await desk.endpoint(B);
  const fresh = JSON.parse((await desk.webhooks.roll(desk.merchant.merchantId, id, 86_400)).body).secret as string;
  const last = async (): Promise<Received> => {
    await desk.told(desk.ids.uuid(), 'processing');
    await desk.work();
    return desk.net.received.findLast(({ url }) => url === A) as Received;
  };
  const during = await last();
  assert.equal(during.headers['webhook-signature']?.split(' ').length, 2);
  verified(old, during);
  verified(fresh, during);
  desk.pass(86_401);
  const after = await last();
  verified(fresh, after);
  for (const wrong of [old, other.secret]) assert.throws(() => verified(wrong, after));
  assert.throws(() => verified(other.secret, during));
  const sudden = JSON.parse((await desk.webhooks.roll(desk.merchant.merchantId, id, 0)).body).secret as string;
  const now = await last();
  verified(sudden, now);
  assert.throws(() => verified(fresh, now));
});

test('an endpoint that wants them gets its ids wrapped, the same on every attempt, and signed as sent', async () => {
  const { secret } = await desk.endpoint(A, { legacyWrappedIds: true });
  await desk.endpoint(B);
  const data = '{"id":"x","amount":90071992547409931.25,"customerId":"c-1","cardTokenId":null,"description":"\\"customerId\\":\\"no\\""}';
  const event = {
    id: desk.ids.uuid(),
    objectId: desk.ids.uuid(),
    objectSeq: 1,
    type: 'transaction.settled',
    fromState: null,
    toState: 'settled',
    cause: 'call',
    body: `{"name":"transaction.settled","data":${data}}`,
  };
  await desk.db.merchant(desk.merchant.merchantId, (tx) => tell(tx, [event], desk.clock.now()));
  desk.net.answer = ({ number }) => (number <= 2 ? 500 : 200);
  await desk.work();
  desk.pass(6);
  await desk.work();
  const [first, second] = desk.net.at(A);
  assert.equal(
    first,
    '{"name":"transaction.settled","data":{"id":"x","amount":90071992547409931.25,"customerId":{"Value":"c-1"},"cardTokenId":null,"description":"\\"customerId\\":\\"no\\""}}',
  );
  assert.equal(second, first);
  assert.equal(desk.net.at(B)[0], event.body);
  new Webhook(secret).verify(first as string, desk.net.received.find(({ url }) => url === A)?.headers as Record<string, string>, { jsonParse: false });
});

test('an endpoint that never answers delays no other, and holds few calls', async () => {
  await desk.endpoint(A);
  await desk.endpoint(B);
  let held = 0;
  let most = 0;
  desk.net.answer = async ({ url }) => {
    if (url === B) return 200;
    most = Math.max(most, ++held);
    await sleep(300);
    held--;
    throw new NetError('no whole answer within 15000 ms', true);
  };
  const took: number[] = [];
  const start = performance.now();
  const stop = new AbortController();
  const worker = (async () => {
    const inHand = new Set<Promise<unknown>>();
    while (!stop.signal.aborted) {
      const pieces = await desk.webhooks.deliverer.takeDue(desk.merchant.merchantId, 128);
      for (const piece of pieces) inHand.add(piece.finally(() => inHand.delete(piece)));
      if (pieces.length === 0) await sleep(5);
    }
    await Promise.all(inHand);
  })();
  for (let i = 0; i < 150; i++) {
    const began = performance.now();
    const arrived = desk.net.at(B).length;
    await desk.told(desk.ids.uuid(), 'processing');
    while (desk.net.at(B).length === arrived) await sleep(2);
    took.push(performance.now() - began);
  }
  stop.abort();
  await worker;
  took.sort((a, b) => a - b);
  assert.ok((took[Math.floor(took.length * 0.99)] as number) < 1_000, `${took.at(-2)}`);
  assert.ok(most <= 4, `${most}`);
  const oneByOne = 4 + (performance.now() - start) / 300;
  assert.ok(desk.net.at(A).length <= oneByOne + 2, `${desk.net.at(A).length} in the time of ${oneByOne}`);
});

test('one process has no more calls in flight than it may', async () => {
  for (let i = 0; i < 8; i++) await desk.endpoint(`http://e${i}.test/`);
  for (let i = 0; i < 20; i++) await desk.told(desk.ids.uuid(), 'processing');
  let held = 0;
  let most = 0;
  desk.net.answer = async () => {
    most = Math.max(most, ++held);
    await sleep(5);
    held--;
    return 200;
  };
  const small = desk.deliverer({ capacity: 10 });
  while ((await Promise.all(await small.takeDue(desk.merchant.merchantId, 100))).length > 0);
  assert.equal(desk.net.received.length, 160);
  assert.ok(most <= 10, `${most}`);
  assert.equal(small.allowance(), 10);
});

test('endpoints that answer in order to hurt are failures with a short answer on record, and the good one is served meanwhile', async () => {
  const block = Buffer.alloc(64 * 1024, 120);
  const servers = await Promise.all([
    rawServer((socket) => socket.write(httpAnswer('ok'))),
    rawServer((socket) => {
      const more = () => !socket.destroyed && socket.write(block, () => setImmediate(more));
      socket.write('HTTP/1.1 500 Oh\r\ncontent-length: 9000000000\r\n\r\n', more);
    }),
    rawServer((socket) => {
      const more = () => !socket.destroyed && socket.write('x', () => setTimeout(more, 100));
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9000000000\r\n\r\n', more);
    }),
    rawServer((socket) => {
      const more = () => !socket.destroyed && socket.write(`x-a: ${'b'.repeat(1000)}\r\n`, () => setImmediate(more));
      socket.write('HTTP/1.1 200 OK\r\n', more);
    }),
    rawServer(() => undefined),
  ]);
  const [good, ...bad] = await Promise.all(servers.map(({ port }) => desk.endpoint(`http://127.0.0.1:${port}/`)));
  const net = guardedNet({ allowPrivate: true });
  const deliverer = desk.deliverer({ net, timeoutMs: 700 });
  for (let i = 0; i < 6; i++) await desk.told(desk.ids.uuid(), 'processing');
  const began = performance.now();
  await desk.work(deliverer);
  assert.ok(performance.now() - began < 10_000);
  assert.equal((await desk.deliveries({ endpointId: good?.id as string, state: 'delivered' })).length, 6);
  for (const { id } of bad) {
    for (const { state, attempts } of await desk.deliveries({ endpointId: id })) {
      assert.equal(state, 'pending');
      assert.ok(attempts.every(({ answer, durationMs }) => (answer?.length ?? 0) <= 1_024 && durationMs < 1_500));
    }
  }
  await net.close();
  for (const server of servers) await server.close();
});
