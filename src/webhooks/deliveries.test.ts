import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'vitest';
import { replay, type Replay } from './deliveries.ts';
import { type Desk, openDesk, unexpected } from './desk.fixture.ts';
import { endpointById } from './endpoints.ts';
import { tell } from './events.ts';

const A = 'http://a.test/hooks';
const B = 'http://b.test/hooks';

let desk: Desk;
beforeEach(async () => {
  desk = await openDesk();
});
afterEach(() => desk.close());

const replayed = (id: string, span: Partial<Replay> = {}) =>
  desk.db.merchant(desk.merchant.merchantId, async (tx) =>
    replay(
      tx,
      await endpointById(tx, id),
      { from: new Date(0), to: new Date(desk.clock.now().getTime() + 1), delivered: false, after: 0n, ...span },
      desk.clock.now(),
    ),
  );

test('a replay makes the deliveries that telling would have made, of every type', async () => {
  const types = [
    'new',
    'created',
    'processing',
    'authorized',
    'charged',
    'settled',
    'rejected',
    'failed',
    'refunded',
    'card.saved',
    'card.save_failed',
    'distribution.settled',
    'distribution.new',
    'invoice.paid',
    'payment_order.created',
    'webhook.test',
    'transactions.odd',
  ];
  const events = ['card.save_failed', 'distribution.settled'];
  const { id: first } = await desk.endpoint(A, { events });
  for (const type of types) await desk.told(desk.ids.uuid(), type);
  const { id: second } = await desk.endpoint(B, { events });
  await replayed(second);
  const typesAt = async (endpointId: string) => (await desk.deliveries({ endpointId })).map(({ type }) => type).sort();
  assert.ok((await typesAt(first)).length >= 10);
  assert.deepEqual(await typesAt(second), await typesAt(first));
  assert.deepEqual(await unexpected(desk), [], 'what was asked for is told apart from what was subscribed to');
});

test('a long span is replayed in parts, from where it begins to where it ends, in order', async () => {
  const { id } = await desk.endpoint(A);
  const batch = (count: number) => {
    const events = Array.from({ length: count }, () => ({
      id: desk.ids.uuid(),
      objectId: desk.ids.uuid(),
      objectSeq: 1,
      type: 'transaction.settled',
      fromState: null,
      toState: 'settled',
      cause: 'call',
      body: '{}',
    }));
    return desk.db.merchant(desk.merchant.merchantId, (tx) => tell(tx, events, desk.clock.now()));
  };
  await desk.webhooks.change(desk.merchant.merchantId, id, { enabled: false });
  await batch(700);
  desk.pass(3_600);
  const from = desk.clock.now();
  await batch(5_500);
  desk.pass(3_600);
  const to = desk.clock.now();
  await batch(300);
  await desk.webhooks.change(desk.merchant.merchantId, id, { enabled: true });
  const first = await replayed(id, { from, to });
  assert.deepEqual(first, { opened: 5_000, next: 5_700n });
  assert.deepEqual(await replayed(id, { from, to, after: 5_700n }), { opened: 500, next: null });
  const numbers = (await desk.deliveries({ endpointId: id })).map(({ eventNumber }) => eventNumber);
  assert.deepEqual([numbers.length, numbers.at(-1), numbers[0]], [5_500, 701n, 6_200n]);
});

test('what is in flight is not opened a second time', async () => {
  const { id } = await desk.endpoint(A);
  await desk.told(desk.ids.uuid(), 'processing');
  let answer = () => undefined as void;
  desk.net.answer = () => new Promise((resolve) => (answer = () => resolve(200)));
  const [piece] = await desk.webhooks.deliverer.takeDue(desk.merchant.merchantId, 10);
  assert.equal((await replayed(id)).opened, 0);
  answer();
  await piece;
  assert.equal(await desk.work(), 0);
  assert.equal(desk.net.received.length, 1);
});

test('what was replayed and fails is tried as often as anything new', async () => {
  const { id } = await desk.endpoint(A);
  await desk.told(desk.ids.uuid(), 'processing');
  desk.net.answer = () => 500;
  const untilParked = async () => {
    for (let i = 0; i < 12; i++) {
      await desk.work();
      desk.pass(100_000);
    }
  };
  await untilParked();
  assert.equal((await replayed(id)).opened, 1);
  await untilParked();
  const [delivery] = await desk.deliveries();
  assert.deepEqual([delivery?.state, delivery?.tries, delivery?.attempts.length], ['parked', 20, 20]);
});
