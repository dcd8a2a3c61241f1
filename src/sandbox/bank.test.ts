import assert from 'node:assert/strict';
import { test } from 'vitest';
import { NetError } from '../ports.ts';
import { house, key } from './bank.fixture.ts';
import { BankStopped, type BankParts } from './bank.ts';
import { fingerprintOf } from './fingerprint.ts';
import { executesAtOnce, type Scenario } from './script.ts';
import { scenarios } from './scenarios.ts';
import { cardTransfer } from './testing.ts';

const day = 24 * 3600 * 1000;
const cardOf = (id: string) => scenarios.find((one) => one.id === id)!.card!;

test('the journal says what was executed, how much, where to and when, without the card number', async () => {
  const h = await house();
  const body = cardTransfer('4111111111111111', { amount: 90_071_992_547_409 });
  await h.post(body);
  const [entry, ...more] = h.executed(body.ref);
  assert.deepEqual([entry!.amount, entry!.currency, entry!.at, more], ['90071992547409', 'KZT', '2026-01-01T00:00:00.000Z', []]);
  assert.deepEqual(entry!.destination, { brand: 'visa', last4: '1111', fingerprint: fingerprintOf(key, { pan: '4111111111111111' }) });
  assert.ok(!h.journal.lines.join('\n').includes('4111111111111111'));
});

test('not found is no proof: 404 for a while, then executed', async () => {
  const h = await house();
  for (const [id, hidden] of [
    ['late-execution', 3000],
    ['not-found-yet', 2000],
  ] as const) {
    const body = cardTransfer(cardOf(id));
    await h.post(body);
    assert.equal(await h.state(body.ref), 404, id);
    await h.clock.advance(hidden);
    assert.equal(await h.state(body.ref), 'executed', id);
    assert.equal(h.executed(body.ref).length, 1);
  }
});

test('a stale inquiry answers pending for two seconds after the execution', async () => {
  const h = await house();
  const body = cardTransfer(cardOf('inquiry-stale'));
  await h.post(body);
  assert.equal(await h.state(body.ref), 'pending');
  await h.clock.advance(2000);
  assert.equal(await h.state(body.ref), 'executed');
});

test('pending, returned and reordered callbacks come at their time', async () => {
  const h = await house();
  for (const [id, expected] of [
    ['pending-executed', [[1500, 'executed']]],
    ['callback-late', [[5000, 'executed']]],
    ['returned', [[5000, 'returned']]],
    [
      'callbacks-reordered',
      [
        [2000, 'returned'],
        [3000, 'executed'],
      ],
    ],
  ] as const) {
    h.told.length = 0;
    const began = h.clock.monotonic();
    await h.post(cardTransfer(cardOf(id)));
    await h.clock.advance(10_000);
    const started = h.statuses().map(([at, status]) => [(at as number) - (began - Date.UTC(2026, 0, 1)), status]);
    assert.deepEqual(started, expected, id);
  }
});

test('a pending transfer that was cancelled is never executed, and nobody is told that it was', async () => {
  const h = await house();
  const body = cardTransfer(cardOf('pending-executed'));
  await h.post(body);
  await h.cancel(body.ref);
  await h.clock.advance(60_000);
  assert.deepEqual(h.types(body.ref), ['requested', 'cancelled']);
  assert.equal(h.told.length, 0);
});

test('the same ref and content is one transfer while it is in flight, after it, and after a restart; other content is refused', async () => {
  const h = await house();
  const body = cardTransfer(cardOf('late-execution'));
  const first = await h.post(body);
  assert.ok(!(first instanceof NetError) && first.status === 500);
  for (const wait of [0, 1000, 5000, day / 2]) {
    await h.clock.advance(wait);
    const again = await h.post(body);
    assert.ok(!(again instanceof NetError));
    assert.deepEqual(again, { status: 202, json: { ref: body.ref, status: 'pending' } });
    if (wait === 1000) await h.restart();
  }
  for (const other of [{ amount: 1 }, { currency: 'USD' }, { description: 'other' }, { destination: { ...body.destination, expiryYear: 2032 } }]) {
    const refused = await h.post({ ...body, ...other });
    assert.ok(!(refused instanceof NetError) && refused.status === 409);
  }
  const sameInOtherWords = { ...body, amount: String(body.amount), destination: { ...body.destination, expiryMonth: '12' } };
  const answer = await h.post(sameInOtherWords);
  assert.ok(!(answer instanceof NetError) && answer.status === 202);
  assert.equal(h.executed(body.ref).length, 1);
});

test('after its retention a ref is forgotten: not found, and a POST of it executes again, which the journal shows', async () => {
  const h = await house();
  const body = cardTransfer('4111111111111111');
  const unseen = cardTransfer('4111111111111111');
  await h.post(body);
  await h.cancel(unseen.ref);
  await h.clock.advance(day - 1000);
  assert.equal(await h.state(body.ref), 'executed');
  await h.clock.advance(1000);
  assert.deepEqual([await h.state(body.ref), await h.state(unseen.ref)], [404, 404]);
  await h.post(body);
  await h.post(unseen);
  assert.deepEqual([h.executed(body.ref).length, h.executed(unseen.ref).length], [2, 1]);
  assert.notEqual(h.executed(body.ref)[0]!.request, h.executed(body.ref)[1]!.request);
  await h.restart();
  assert.equal(await h.state(body.ref), 'executed');
});

test('a bank that starts again goes on where the journal ends, and overdue things happen before anybody asks', async () => {
  const h = await house();
  const bodies = ['pending-executed', 'pending-declined', 'returned', 'late-execution', 'pending-stuck'].map((id) => cardTransfer(cardOf(id)));
  for (const body of bodies) await h.post(body);
  h.crash();
  await h.clock.advance(100_000);
  assert.deepEqual(h.told, []);
  await h.restart();
  const states = await Promise.all(bodies.map(({ ref }) => h.state(ref)));
  assert.deepEqual(states, ['executed', 'declined', 'returned', 'executed', 'pending']);
  await h.clock.advance(0);
  assert.deepEqual(
    h
      .statuses()
      .map(([, status]) => status)
      .toSorted(),
    ['declined', 'executed', 'returned'],
  );
});

test('an execution that is not yet due when the bank starts again happens at its time', async () => {
  const h = await house();
  const body = cardTransfer(cardOf('pending-executed'));
  await h.post(body);
  await h.clock.advance(1000);
  await h.restart();
  await h.clock.advance(499);
  assert.equal(h.executed(body.ref).length, 0);
  await h.clock.advance(1);
  assert.equal(h.executed(body.ref).length, 1);
});

test('what a fault counts is counted over a restart', async () => {
  const h = await house();
  const body = cardTransfer(cardOf('rate-limited'));
  const statuses: unknown[] = [];
  for (let attempt = 0; attempt < 4; attempt++) {
    const answer = await h.post(body);
    statuses.push(answer instanceof NetError ? 'none' : answer.status);
    await h.restart();
  }
  assert.deepEqual(statuses, [429, 429, 200, 200]);
});

test('callbacks are repeated with one id and body until a 2xx, over a restart too, and then no more', async () => {
  const h = await house();
  h.answerCallbacksWith(503);
  const body = cardTransfer(cardOf('pending-executed'));
  await h.post(body);
  await h.clock.advance(4000);
  assert.ok(h.told.length >= 2);
  await h.restart();
  await h.clock.advance(0);
  h.answerCallbacksWith(204);
  await h.clock.advance(120_000);
  assert.equal(new Set(h.told.map(({ message }) => message.id + message.body)).size, 1);
  const attempts = h.journal.entries().flatMap((entry) => (entry.type === 'callback_sent' ? [entry.attempt] : []));
  assert.deepEqual(
    attempts,
    attempts.map((_, index) => index + 1),
  );
  const count = h.told.length;
  await h.restart();
  await h.clock.advance(120_000);
  assert.equal(h.told.length, count);
});

test('a callback that nobody takes is given up in the end', async () => {
  const h = await house({ callbackAttempts: 5 });
  h.answerCallbacksWith(0);
  const body = cardTransfer(cardOf('pending-executed'));
  await h.post(body);
  await h.clock.advance(day);
  assert.equal(h.told.length, 5);
  assert.equal(h.types(body.ref).at(-1), 'callback_given_up');
});

test('with callbackAlways, outcomes that were answered at once are called back too', async () => {
  const h = await house({ callbackAlways: true });
  await h.post(cardTransfer('4111111111111111'));
  await h.post(cardTransfer('4000000000000002'));
  await h.post(cardTransfer(cardOf('callback-never')));
  await h.clock.advance(10_000);
  assert.deepEqual(
    h.statuses().map(([, status]) => status),
    ['executed', 'declined'],
  );
});

test('the dial overrides the table, and survives a restart without the dial', async () => {
  const slow: Scenario = { id: 'dialled', does: 'executed after an hour', outcome: 'executed', script: { steps: [{ afterMs: 3_600_000, to: 'executed' }] } };
  let dial: BankParts['dial'] = ({ ref }) => (ref.endsWith('x') ? slow : undefined);
  const h = await house({ dial: (request) => dial?.(request) });
  const body = { ...cardTransfer('4111111111111111'), ref: 'po_dial_x' };
  await h.post(body);
  dial = undefined;
  await h.restart();
  assert.equal(await h.state(body.ref), 'pending');
  await h.clock.advance(3_600_000);
  assert.equal(await h.state(body.ref), 'executed');
});

test('no dial can make the bank break its own headers', async () => {
  const hidden: Scenario = { id: 'hidden', does: '', outcome: 'executed', script: { ...executesAtOnce, hiddenMs: 60_000 } };
  const h = await house({ dial: () => hidden });
  const body = cardTransfer('4111111111111111');
  assert.ok((await h.post(body)) instanceof NetError);
  assert.deepEqual(h.types(body.ref), []);
});

test('a POST that arrived before an inquiry is seen by it', async () => {
  const h = await house();
  const body = cardTransfer('4111111111111111');
  const inquiry = h.bank().inquire(body.ref);
  await h.post(body);
  await h.clock.advance(50);
  assert.equal((await inquiry).status, 200);
});

test('a stopped bank writes nothing and answers nobody', async () => {
  const h = await house();
  const body = cardTransfer('4111111111111111');
  await h.post(cardTransfer(cardOf('returned')));
  h.crash();
  const { length } = h.journal.lines;
  await assert.rejects(h.bank().cancel(body.ref), BankStopped);
  await h.clock.advance(day);
  assert.ok((await h.post(body)) instanceof NetError);
  assert.equal(h.journal.lines.length, length);
});
