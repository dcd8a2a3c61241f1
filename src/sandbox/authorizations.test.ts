import assert from 'node:assert/strict';
import { test } from 'vitest';
import { NetError } from '../ports.ts';
import { house, key } from './bank.fixture.ts';
import type { OperationRequest } from './authorization-request.ts';
import { fingerprintOf } from './fingerprint.ts';
import { operationScenario } from './operation-scenarios.ts';
import { scenarios } from './scenarios.ts';
import { cardAuthorization, cardTransfer, operation, walletAuthorization } from './testing.ts';

type House = Awaited<ReturnType<typeof house>>;
type Verb = Parameters<House['operate']>[0];
const day = 24 * 3600 * 1000;

/** Status and body of an answer; a bank that gave none fails the test. */
async function heard(answer: ReturnType<House['post']>) {
  const got = await answer;
  assert.ok(!(got instanceof NetError), String(got));
  return got;
}
/** What an operation came to, in a word: executed, pending, conflict, or the code of the refusal. */
async function outcome(h: House, verb: Verb, authorization: string, body: object): Promise<unknown> {
  const { status, json } = await heard(h.operate(verb, authorization, body));
  return status === 409 ? 'conflict' : (json.code ?? json.status);
}
async function authorized(h: House, amount = 150_00, ending = '20') {
  const body = walletAuthorization(ending, { amount });
  assert.equal((await heard(h.authorize(body))).json.status, 'authorized');
  return body.ref;
}
const entriesOf = (h: House, type: string) => h.journal.entries().filter((entry) => entry.type === type);

test('a wallet is asked: pending, and after two seconds authorized, with a callback', async () => {
  const h = await house();
  const body = walletAuthorization('67');
  assert.deepEqual(await heard(h.authorize(body)), { status: 202, json: { ref: body.ref, status: 'pending' } });
  await h.clock.advance(1_999);
  assert.equal(await h.state(body.ref, 'authorizations'), 'pending');
  await h.clock.advance(1_000);
  const { json } = await heard(h.ask('GET', `/v1/authorizations/${body.ref}`));
  assert.deepEqual(json, { ref: body.ref, status: 'authorized', rrn: '000000000002', authCode: '000002' });
  assert.deepEqual(h.statuses(), [[2000, 'authorized']]);
});

test('a card is authorized at once, and its number is good for an authorization as for a transfer', async () => {
  const h = await house();
  for (const [pan, more, status, said] of [
    ['4111111111111111', {}, 200, 'authorized'],
    ['4111111111111111', { amount: 0 }, 200, 'authorized'],
    ['4111111111111111', { amount: 20510 }, 422, '51'],
    ['4111111111111110', {}, 422, '14'],
    ['5105105105105100', {}, 422, '14'],
    ['4000000000009995', {}, 422, '51'],
    ['4000000000000069', {}, 422, '54'],
    ['4907639999990022', {}, 422, '05'],
    ['4907639999990022', { initiator: 'merchant', initialRef: 'ca_first' }, 200, 'authorized'],
    ['4000001234560100', {}, 202, 'pending'],
  ] as const) {
    const answer = await heard(h.authorize(cardAuthorization(pan, more)));
    assert.deepEqual([answer.status, answer.json.code ?? answer.json.status], [status, said], `${pan} ${JSON.stringify(more)}`);
  }
});

test('a CVV that is wrong and a card that is past its date are declined', async () => {
  const h = await house();
  const card = { pan: '4242424242424242', expiryMonth: 12, expiryYear: 2031 };
  for (const [instrument, code] of [
    [{ ...card, cvv: '444' }, '82'],
    [{ ...card, cvv: '000' }, '82'],
    [{ ...card, cvv: '445' }, undefined],
    [card, undefined],
    [{ ...card, expiryMonth: 11, expiryYear: 2025 }, '54'],
    [{ ...card, expiryMonth: 1, expiryYear: 2026 }, undefined], // the clock stands at 1 January 2026
  ] as const) {
    const { json } = await heard(h.authorize({ ...cardAuthorization('-'), instrument }));
    assert.equal(json.code, code, JSON.stringify(instrument));
  }
});

test('every card of the table is authorized where a transfer to it would be executed', async () => {
  const h = await house();
  for (const one of scenarios.filter(({ card }) => card)) {
    const body = cardAuthorization(one.card!);
    for (let attempt = 0; attempt < 3; attempt++) await h.authorize(body);
    await h.clock.advance(10_000);
    const expected = { executed: 'authorized', returned: 'authorized', nothing: 404 }[one.outcome as string] ?? one.outcome;
    let state = await h.state(body.ref, 'authorizations');
    for (let attempt = 0; attempt < 3 && state === 500; attempt++) state = await h.state(body.ref, 'authorizations');
    assert.equal(state, expected, one.id);
  }
  assert.deepEqual(entriesOf(h, 'executed'), []);
});

test('captured and cancelled are never more than authorized, refunded never more than captured', async () => {
  const h = await house();
  const ref = await authorized(h, 100_00);
  assert.equal(await outcome(h, 'refunds', ref, operation(1)), '12');
  assert.equal(await outcome(h, 'captures', ref, operation(100_01)), '61');
  assert.equal(await outcome(h, 'captures', ref, operation(60_00)), 'executed');
  assert.equal(await outcome(h, 'captures', ref, operation(40_01)), '61');
  assert.equal(await outcome(h, 'cancellations', ref, operation(40_01)), '61');
  assert.equal(await outcome(h, 'cancellations', ref, operation(30_00)), 'executed');
  assert.equal(await outcome(h, 'captures', ref, operation(10_01)), '61');
  assert.equal(await outcome(h, 'captures', ref, operation(10_00)), 'executed');
  assert.equal(await outcome(h, 'cancellations', ref, operation(1)), '61');
  assert.equal(await outcome(h, 'refunds', ref, operation(70_01)), '61');
  assert.equal(await outcome(h, 'refunds', ref, operation(69_99)), 'executed');
  assert.equal(await outcome(h, 'refunds', ref, operation(2)), '61');
  assert.equal(await outcome(h, 'refunds', ref, operation(1)), 'executed');
  assert.equal(await h.state(ref, 'authorizations'), 'authorized');
});

test('the same ref and content is one operation, before and after a restart; other content is a conflict', async () => {
  const h = await house();
  const [ref, another] = [await authorized(h), await authorized(h)];
  const capture = operation(50_00);
  const first = await heard(h.operate('captures', ref, capture));
  assert.deepEqual(Object.keys(first.json), ['ref', 'status', 'rrn', 'executedAt']); // as a transfer says it
  await h.restart();
  for (let i = 0; i < 3; i++) assert.deepEqual(await heard(h.operate('captures', ref, { ...capture, amount: '5000' })), first);
  assert.equal(await outcome(h, 'captures', ref, { ...capture, amount: 50_01 }), 'conflict');
  assert.equal(await outcome(h, 'cancellations', ref, capture), 'conflict');
  assert.equal(await outcome(h, 'captures', another, capture), 'conflict');
  assert.equal((await heard(h.authorize(walletAuthorization('20', { ref: capture.ref })))).status, 409); // a ref names one thing
  assert.equal((await heard(h.post(cardTransfer('4111111111111111', { ref })))).status, 409);
  assert.equal(entriesOf(h, 'captured').length, 1);
  const refused = operation(500_00);
  const declined = await heard(h.operate('captures', ref, refused));
  await h.operate('cancellations', another, operation(1_00));
  assert.deepEqual(await heard(h.operate('captures', ref, refused)), declined);
});

test('an authorization is one, also when its wallet has said yes since, and its CVV need not come again', async () => {
  const h = await house();
  const wallet = walletAuthorization('67');
  const first = await heard(h.authorize(wallet));
  await h.clock.advance(5000);
  await h.restart();
  assert.deepEqual(await heard(h.authorize(wallet)), first);
  for (const other of [{ amount: 1 }, { currency: 'USD' }, { initiator: 'merchant' }, { instrument: { ...wallet.instrument, iin: '900101300018' } }])
    assert.equal((await heard(h.authorize({ ...wallet, ...other }))).status, 409);

  const card = cardAuthorization('4111111111111111');
  const granted = await heard(h.authorize(card));
  const { cvv: _, ...kept } = card.instrument;
  assert.deepEqual(await heard(h.authorize({ ...card, instrument: kept })), granted);
  assert.equal(entriesOf(h, 'authorized').length, 2);
});

test('an operation on what stands otherwise is refused, and the refusal is remembered', async () => {
  const h = await house();
  const [declined, pending] = [walletAuthorization('01'), walletAuthorization('08')];
  await h.authorize(declined);
  await h.authorize(pending);
  const nobody = { ...operation(1), ref: 'op_on_nobody' };
  assert.equal(await outcome(h, 'captures', 'wa_nobody', nobody), '25');
  assert.equal(await h.state(nobody.ref, 'operations'), 'declined');
  assert.equal(await outcome(h, 'refunds', 'wa_nobody', operation(1)), '25');
  const nothing = cardAuthorization('4111111111111111', { amount: 0 });
  await h.authorize(nothing);
  assert.equal(await outcome(h, 'captures', nothing.ref, operation(1)), '61');
  for (const verb of ['captures', 'cancellations', 'refunds'] as const) assert.equal(await outcome(h, verb, declined.ref, operation(150_00)), '12');
  assert.equal(await outcome(h, 'captures', pending.ref, operation(150_00)), '12');
  assert.equal(await outcome(h, 'cancellations', pending.ref, operation(1_00)), '12'); // a part of nothing
});

test('a cancellation is a fence: what is pending or has not come yet is never authorized', async () => {
  const h = await house();
  const [pending, unseen] = [walletAuthorization('67'), walletAuthorization('67')];
  await h.authorize(pending);
  const [first, second] = [operation(150_00), operation(150_00)];
  assert.equal(await outcome(h, 'cancellations', pending.ref, first), 'executed');
  assert.equal(await outcome(h, 'cancellations', unseen.ref, second), 'executed');
  for (const restarted of [false, true]) {
    if (restarted) await h.restart();
    for (const { ref } of [pending, unseen]) assert.equal(await h.state(ref, 'authorizations'), 'cancelled');
    for (const body of [pending, unseen]) assert.equal((await heard(h.authorize(body))).json.code, '17');
    for (const { ref } of [first, second]) assert.equal(await h.state(ref, 'operations'), 'executed');
    for (const body of [pending, unseen]) assert.equal(await outcome(h, 'cancellations', body.ref, operation(150_00)), '12');
  }
  await h.clock.advance(60_000);
  assert.deepEqual([entriesOf(h, 'authorized'), entriesOf(h, 'released'), h.told], [[], [], []]);
  assert.equal(entriesOf(h, 'voided').length, 2);
});

test('a fence is up at once, whatever the amount asks for', async () => {
  const h = await house();
  const wallet = walletAuthorization('67', { amount: 220_80 });
  await h.authorize(wallet);
  assert.equal(await outcome(h, 'cancellations', wallet.ref, operation(220_80)), 'executed');
  assert.equal(await h.state(wallet.ref, 'authorizations'), 'cancelled');
  await h.clock.advance(60_000);
  assert.equal(await h.state(wallet.ref, 'authorizations'), 'cancelled');
});

test('what was let go in full is cancelled; what was taken in part is not', async () => {
  const h = await house();
  const [whole, part] = [await authorized(h), await authorized(h)];
  await h.operate('cancellations', whole, operation(100_00));
  assert.equal(await h.state(whole, 'authorizations'), 'authorized');
  await h.operate('cancellations', whole, operation(50_00));
  await h.operate('captures', part, operation(1));
  await h.operate('cancellations', part, operation(149_99));
  assert.deepEqual([await h.state(whole, 'authorizations'), await h.state(part, 'authorizations')], ['cancelled', 'authorized']);
  await h.clock.advance(8 * day);
  assert.deepEqual(h.told, []); // who cancelled knows it
});

test('what is on its way has its place: nothing else gets it, until it is declined', async () => {
  const h = await house();
  const ref = await authorized(h, 500_00);
  const [late, lost] = [operation(220_30), operation(220_40)];
  assert.deepEqual([await outcome(h, 'captures', ref, late), await outcome(h, 'captures', ref, lost)], ['pending', 'pending']);
  assert.equal(await outcome(h, 'captures', ref, operation(59_31)), '61');
  assert.equal(await outcome(h, 'cancellations', ref, operation(59_31)), '61');
  assert.equal(await outcome(h, 'refunds', ref, operation(1)), '12'); // pending is not taken yet
  await h.restart();
  assert.equal(await outcome(h, 'captures', ref, operation(59_31)), '61');
  await h.clock.advance(2000);
  assert.deepEqual([await h.state(late.ref, 'operations'), await h.state(lost.ref, 'operations')], ['executed', 'declined']);
  assert.deepEqual(h.statuses().slice(-2), [
    [2000, 'executed'],
    [2000, 'declined'],
  ]);
  assert.equal(await outcome(h, 'captures', ref, operation(279_71)), '61');
  assert.equal(await outcome(h, 'captures', ref, operation(279_70)), 'executed');
});

test('after its week the bank lets go of what was not taken, tells, and captures no more; what was taken can go back', async () => {
  const h = await house();
  const [idle, used] = [await authorized(h), await authorized(h)];
  await h.operate('captures', used, operation(100_00));
  await h.clock.advance(7 * day - 1000);
  assert.equal(await outcome(h, 'captures', used, operation(1_00)), 'executed');
  h.crash();
  await h.clock.advance(1000);
  await h.restart();
  await h.clock.advance(0);
  assert.deepEqual(h.statuses(), [[7 * day, 'cancelled']]);
  assert.deepEqual([await h.state(idle, 'authorizations'), await h.state(used, 'authorizations')], ['cancelled', 'authorized']);
  assert.deepEqual([await outcome(h, 'captures', used, operation(1)), await outcome(h, 'cancellations', idle, operation(1))], ['54', '54']);
  assert.equal(await outcome(h, 'refunds', used, operation(101_01)), '61');
  await h.clock.advance(30 * day);
  assert.equal(await outcome(h, 'refunds', used, operation(101_00)), 'executed');
  await h.restart();
  await h.clock.advance(day);
  assert.deepEqual(h.statuses(), [[7 * day, 'cancelled']]);
  const amounts = h.journal.entries().flatMap((entry) => (entry.type === 'expired' ? [entry.amount] : []));
  assert.deepEqual(amounts, ['15000', '4900']);
});

test('after its retention a ref is forgotten, and the authorization is not: a repeated capture takes again, within its sum', async () => {
  const h = await house();
  const body = walletAuthorization('20', { amount: 100_00 });
  await h.authorize(body);
  const capture = operation(40_00);
  await h.operate('captures', body.ref, capture);
  await h.clock.advance(day);
  assert.equal(await h.state(body.ref, 'authorizations'), 'authorized');
  assert.equal(await h.state(capture.ref, 'operations'), 404);
  assert.equal(await outcome(h, 'captures', body.ref, capture), 'executed');
  await h.clock.advance(day);
  assert.equal(await outcome(h, 'captures', body.ref, capture), '61');
  assert.equal(entriesOf(h, 'captured').length, 2);
  await h.authorize(body); // a second hold on the customer's money, which is what retention is about
  await h.restart();
  assert.equal(entriesOf(h, 'authorized').length, 2);
  assert.equal(await outcome(h, 'captures', body.ref, operation(100_00)), 'executed');
});

test('the journal says what was taken of whom, and shows neither card, CVV, phone nor personal number', async () => {
  const h = await house();
  const [wallet, card] = [walletAuthorization('20'), cardAuthorization('4111111111111111', { returnUrl: 'https://shop.kz/back?phone=77011234520' })];
  for (const body of [wallet, card]) {
    await h.authorize(body);
    await h.authorize({ ...body, amount: 1 });
    await h.authorize({ ...body, ref: '7701123452' });
    await h.authorize({ ...body, instrument: { ...body.instrument, cvv: '917x', phone: '+77011234520 ' } });
    await h.operate('captures', body.ref, operation(70_00));
    await h.operate('refunds', body.ref, operation(20_00));
    await h.operate('cancellations', body.ref, operation(80_00));
  }
  const [captured] = h.journal.entries().filter((entry) => entry.type === 'captured');
  assert.deepEqual([captured?.type === 'captured' && captured.authorization, captured?.type === 'captured' && captured.amount], [wallet.ref, '7000']);
  assert.deepEqual(captured?.type === 'captured' && 'last2' in captured.instrument && [captured.instrument.last2, captured.instrument.fingerprint], [
    '20',
    fingerprintOf(key, { phone: wallet.instrument.phone }),
  ]);
  const text = h.journal.lines.join('\n');
  for (const secret of ['4111111111111111', '"917', '917"', '77011234520', '7011234520', '900101300017', 'AIGERIM', 'shop.kz'])
    assert.ok(!text.includes(secret), secret);
  assert.deepEqual(
    new Set(h.journal.entries().flatMap((entry) => (entry.type === 'malformed' ? [entry.error.split(':')[0]] : []))),
    new Set(['ref', 'instrument']),
  );
});

test('fields that are missing, strange or too many are refused by name, and nothing is taken', async () => {
  const h = await house();
  const card = cardAuthorization('4111111111111111');
  const wallet = walletAuthorization('20');
  for (const [body, field] of [
    [{ ...card, kind: 'bank' }, 'kind'],
    [{ ...card, initiator: 'bank' }, 'initiator'],
    [{ ...card, initiator: undefined }, 'initiator'],
    [{ ...card, instrument: wallet.instrument }, 'instrument'],
    [{ ...wallet, instrument: card.instrument }, 'instrument'],
    [{ ...card, instrument: { ...card.instrument, cvv: '12' } }, 'cvv'],
    [{ ...wallet, instrument: { ...wallet.instrument, phone: '87011234520' } }, 'phone'],
    [{ ...wallet, instrument: { ...wallet.instrument, iin: '9001013000' } }, 'iin'],
    [{ ...wallet, amount: 0 }, 'amount'],
    [{ ...card, amount: -1 }, 'amount'],
    [{ ...card, returnUrl: 'javascript:alert(1)' }, 'returnUrl'],
    [{ ...card, initialRef: '4111111111111111' }, 'initialRef'],
    [{ ...card, description: 'x' }, 'body'],
  ] as const) {
    const { status, json } = await heard(h.authorize(body));
    assert.deepEqual([status, String(json.error).split(':')[0]], [400, field]);
  }
  for (const body of [{ ref: 'op_1' }, { ref: 'op_1', amount: 0 }, { ref: '12', amount: 1 }, { ref: 'op_1', amount: 1, currency: 'KZT' }])
    assert.equal((await heard(h.operate('captures', wallet.ref, body))).status, 400);
  assert.deepEqual(entriesOf(h, 'authorization_requested').length + entriesOf(h, 'operation_requested').length, 0);
});

test('calls with another method are 405, unknown ones 404', async () => {
  const h = await house();
  for (const [method, path, status] of [
    ['GET', '/v1/authorizations', 405],
    ['POST', '/v1/authorizations/wa_1', 405],
    ['GET', '/v1/authorizations/wa_1/captures', 405],
    ['POST', '/v1/operations/op_1', 405],
    ['POST', '/v1/operations', 404],
    ['POST', '/v1/authorizations/wa_1/cancel', 404],
    ['POST', '/v1/authorizations/wa_1/captures/x', 404],
    ['GET', '/v1/authorizations/wa_1', 404],
    ['GET', '/v1/operations/op_1', 404],
  ] as const)
    assert.equal((await heard(h.ask(method, path, method === 'POST' ? {} : undefined))).status, status, `${method} ${path}`);
});

test('a transfer is no authorization, and the other way round', async () => {
  const h = await house();
  const ref = await authorized(h);
  const transfer = cardTransfer('4111111111111111');
  await h.post(transfer);
  assert.deepEqual([await h.state(ref), await h.state(ref, 'operations'), await h.state(transfer.ref, 'authorizations')], [404, 404, 404]);
  assert.equal(await outcome(h, 'captures', transfer.ref, operation(1)), '25');
  assert.equal((await heard(h.cancel(ref))).status, 409);
  assert.equal(await h.state(ref, 'authorizations'), 'authorized');
});

test('dials override the tables, of authorizations and of operations', async () => {
  const late = operationScenario('late');
  const h = await house({
    dialAuthorization: ({ ref }) => (ref.endsWith('x') ? { id: 'dialled', does: '', outcome: 'pending', script: { steps: [] } } : undefined),
    dialOperation: ({ kind }: OperationRequest) => (kind === 'refund' ? late : undefined),
  });
  assert.equal((await heard(h.authorize(walletAuthorization('20', { ref: 'wa_x' })))).status, 202);
  const ref = await authorized(h);
  assert.equal(await outcome(h, 'captures', ref, operation(10_00)), 'executed');
  assert.equal(await outcome(h, 'refunds', ref, operation(10_00)), 'pending');
});
