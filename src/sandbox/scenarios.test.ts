import assert from 'node:assert/strict';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, test } from 'vitest';
import { ibanRemainder, passesLuhn } from './card.ts';
import type { RunningBank } from './main.ts';
import type { Outcome, Scenario } from './script.ts';
import { scenarios } from './scenarios.ts';
import { ask, callbackSink, cardTransfer, eachOf, journalOf, remove, secret, sleep, startBank, until, type Heard, type Received } from './testing.ts';

let bank: RunningBank & { dataDir: string };
let sink: Awaited<ReturnType<typeof callbackSink>>;

beforeAll(async () => {
  sink = await callbackSink();
  bank = await startBank({ callbackUrl: sink.url });
});

afterAll(async () => {
  await bank.stop();
  sink.close();
  await remove(bank.dataDir);
});

const own = scenarios.filter(({ card }) => card?.startsWith('400000123456'));
const scenario = (id: string) => scenarios.find((one) => one.id === id)!;
const transferFor = ({ card = '4111111111111111', amountMinor }: Scenario) => cardTransfer(card, amountMinor === undefined ? {} : { amount: amountMinor });
const accountTransfer = (iban: string) => ({
  ...cardTransfer('-'),
  kind: 'bank',
  destination: { iban, bic: 'KCJBKZKX', name: 'TOO Partner', bin: '123456789012', kbe: '17', knp: '119', purpose: 'contract 123' },
});
const post = (body: object) => ask(bank, 'POST', '/v1/transfers', body);
const inquire = (ref: string) => ask(bank, 'GET', `/v1/transfers/${ref}`);
const executions = async (ref: string) => (await journalOf(bank)).filter((entry) => entry.type === 'executed' && entry.ref === ref).length;
const toldOf = (ref: string) => sink.received.filter(({ json }) => json.ref === ref);

/** What a whole and true answer to a POST says, if this is one. */
function said(answer: Heard | undefined, ref: string): string | undefined {
  const expected = answer && { 200: 'executed', 202: 'pending', 422: 'declined' }[answer.status];
  return expected !== undefined && answer?.json.ref === ref && answer.json.status === expected ? expected : undefined;
}

/** A client that asks with the same ref until it knows: POST up to three times, then inquiries. */
async function persist(body: { ref: string }): Promise<Outcome> {
  let heard: string | undefined;
  for (let attempt = 0; attempt < 3 && heard === undefined; attempt++) heard = said(await post(body), body.ref);
  if (heard === 'declined') return heard;
  await sleep(200); // ten seconds of the table: every late thing has happened
  for (let attempt = 0; attempt < 4; attempt++) {
    const state = await inquire(body.ref);
    if (state?.status === 404) return 'nothing';
    if (state?.status === 200) return state.json.status as Outcome;
  }
  return 'nothing';
}

test('the table is sound: ids and cards are unique, numbers pass their checks', () => {
  for (const key of ['id', 'card', 'iban', 'amountMinor'] as const) {
    const values = scenarios.map((one) => one[key]).filter((value) => value !== undefined);
    assert.equal(new Set(values).size, values.length, key);
  }
  for (const { card, iban } of scenarios) {
    if (card) assert.ok(passesLuhn(card), card);
    if (iban) assert.equal(ibanRemainder(iban), 1, iban);
  }
  assert.equal(ibanRemainder('KZ86125KZT5004100100'), 1);
});

test('a bank account has every outcome of a transfer, and time-outs on both sides of it', () => {
  const accounts = scenarios.filter(({ iban }) => iban);
  assert.deepEqual(new Set(accounts.map(({ outcome }) => outcome)), new Set(['executed', 'declined', 'pending', 'returned', 'nothing']));
  for (const id of ['executed', 'pending-executed', 'pending-declined', 'timeout-before', 'timeout-after', 'returned', 'returned-quietly'])
    assert.ok(scenario(id).iban, id);
  const declines = accounts.filter(({ iban }) => iban!.includes('TOLEM000010')).map(({ iban, code }) => [iban!.slice(-2), code]);
  assert.deepEqual(declines.map(([end]) => end).toSorted(), ['05', '14', '41', '43', '51', '54', '59', '82', '96']);
  for (const [end, code] of declines) assert.equal(end, code);
});

test('every scenario ends as the table says, by card, by account and by amount, and never executes twice', async () => {
  const bodies = scenarios.flatMap((one) => [{ one, body: transferFor(one) }, ...(one.iban ? [{ one, body: accountTransfer(one.iban) }] : [])]);
  await eachOf(bodies, async ({ one, body }) => {
    assert.equal(await persist(body), one.outcome, `${one.id} with ${JSON.stringify(body.destination)}`);
    if (one.code) assert.equal((await inquire(body.ref))?.json.code, one.code, one.id);
  });
  const entries = await journalOf(bank);
  for (const { one, body } of bodies) {
    const executed = entries.filter((entry) => entry.type === 'executed' && entry.ref === body.ref);
    assert.equal(executed.length, one.outcome === 'executed' || one.outcome === 'returned' ? 1 : 0, one.id);
  }
});

/** The first POST of each scenario, as a client with a time-out sees it. */
const firstAnswers: Record<string, string> = {
  executed: '200',
  'pending-executed': '202',
  'pending-declined': '202',
  'pending-stuck': '202',
  'callback-never': '202',
  'timeout-before': 'nothing',
  'timeout-after': 'nothing',
  'timeout-always-before': 'nothing',
  'timeout-always-after': 'nothing',
  'error-before': '500',
  'error-after': '500',
  'late-execution': '500',
  'not-found-yet': 'nothing',
  'error-always': '500',
  'cut-before': 'nothing',
  'cut-after': 'nothing',
  'dropped-before': 'nothing',
  'dropped-after': 'nothing',
  slow: '200',
  dripped: 'nothing',
  'html-before': '200 html',
  'html-after': '200 html',
  huge: '200 too long',
  'rate-limited': '429',
  maintenance: '503',
  'callback-too': '200',
  'callback-twice': '202',
  'callback-many': '202',
  'callback-late': '202',
  'callback-first': '200',
  'callback-denies': '200',
  'callback-claims': '422',
  'callback-forged': '202',
  'callback-stranger': '200',
  returned: '200',
  'returned-quietly': '200',
  'callbacks-reordered': '202',
  'inquiry-stale': 'nothing',
  'inquiry-error': 'nothing',
  'cancel-timeout': '202',
};

test('the first answer of each own scenario is as its misbehaviour says', async () => {
  assert.deepEqual(Object.keys(firstAnswers).sort(), own.map(({ id }) => id).sort());
  const seen = await eachOf(own, async (one) => {
    const answer = await post(transferFor(one));
    const flaw = answer?.text.startsWith('<!DOCTYPE') ? ' html' : answer && answer.text.length >= 64 * 1024 ? ' too long' : '';
    return [one.id, answer ? `${answer.status}${flaw}` : 'nothing'];
  });
  assert.deepEqual(Object.fromEntries(seen), firstAnswers);
});

test('callbacks come as planned, signed, and the true ones repeat nothing', async () => {
  const expected: Record<string, string[]> = {
    executed: [],
    'callback-never': [],
    'pending-stuck': [],
    'returned-quietly': [],
    'timeout-after': [],
    'pending-executed': ['executed'],
    'pending-declined': ['declined'],
    'callback-too': ['executed'],
    'callback-late': ['executed'],
    'callback-twice': ['executed', 'executed'],
    'callback-many': Array<string>(20).fill('executed'),
    'callback-first': ['executed'],
    'callback-denies': ['declined'],
    'callback-claims': ['executed'],
    'callback-forged': ['declined', 'executed'],
    returned: ['returned'],
    'callbacks-reordered': ['returned', 'executed'],
  };
  const bodies = Object.keys(expected).map((id) => ({ id, body: transferFor(scenario(id)) }));
  await Promise.all(bodies.map(({ body }) => post(body)));
  await until(() => bodies.every(({ id, body }) => toldOf(body.ref).length >= expected[id]!.length));
  await sleep(50);
  const sorted = (words: string[]) => words.toSorted(); // the order in time is for the virtual clock to show
  for (const { id, body } of bodies) assert.deepEqual(sorted(toldOf(body.ref).map(({ json }) => json.status)), sorted(expected[id]!), id);

  const idsOf = (id: string) => new Set(toldOf(bodies.find((one) => one.id === id)!.body.ref).map(({ headers }) => headers['webhook-id']));
  assert.equal(idsOf('callback-twice').size, 1);
  assert.equal(idsOf('callback-many').size, 20);
  const forgedRef = bodies.find(({ id }) => id === 'callback-forged')!.body.ref;
  assert.throws(() => verify(toldOf(forgedRef).find(({ json }) => json.status === 'declined')!));
  verify(toldOf(forgedRef).find(({ json }) => json.status === 'executed')!);
  for (const { id, body } of bodies) if (id !== 'callback-forged') toldOf(body.ref).forEach(verify);
});

const verify = ({ body, headers }: Received) => new Webhook(secret).verify(body, headers as Record<string, string>);

test('a callback about a stranger names a ref that nobody sent', async () => {
  const body = transferFor(scenario('callback-stranger'));
  const known = new Set(sink.received);
  await post(body);
  const [stray] = await until(() => {
    const news = sink.received.filter((one) => !known.has(one) && one.json.ref.startsWith('stranger-'));
    return news.length ? news : undefined;
  });
  assert.equal((await inquire(stray!.json.ref))?.status, 404);
});

test('the callback comes before the answer, where the scenario says so', async () => {
  const body = transferFor(scenario('callback-first'));
  assert.equal((await post(body))?.status, 200);
  assert.equal(toldOf(body.ref).length, 1);
});

test('a repeated POST gets the first answer to the byte, also when the state has moved on', async () => {
  const pending = transferFor(scenario('pending-executed'));
  const first = await post(pending);
  await until(async () => (await inquire(pending.ref))?.json.status === 'executed');
  assert.equal((await post(pending))?.text, first?.text);

  const returned = transferFor(scenario('returned'));
  const answer = await post(returned);
  await until(async () => (await inquire(returned.ref))?.json.status === 'returned');
  assert.equal((await post(returned))?.text, answer?.text);
  assert.match(String((await inquire(returned.ref))?.json.returnedAt), /^20\d\d-/);
});

test('any code can be asked for by amount, in minor and in major digits, with any card', async () => {
  for (const [amount, status, code] of [
    [20050, 422, '05'],
    [2005000, 422, '05'],
    [20960, 422, '96'],
    [2096000, 422, '96'],
    [20330, 422, '33'],
    [20000, 200, undefined],
    [20051, 200, undefined],
  ] as const) {
    const answer = await post(cardTransfer('4242424242424242', { amount }));
    assert.deepEqual([answer?.status, answer?.json.code], [status, code], String(amount));
  }
});

test('a number with a wrong check digit is declined 14; an unknown good one is executed', async () => {
  assert.equal((await post(cardTransfer('4111111111111110')))?.json.code, '14');
  assert.equal((await post(cardTransfer('2200000000000004')))?.status, 200);
});

test('cancel is a fence: pending is cancelled and stays so, executed and declined say so', async () => {
  const cancel = (ref: string) => ask(bank, 'POST', `/v1/transfers/${ref}/cancel`, {});
  const pending = transferFor(scenario('pending-stuck'));
  await post(pending);
  assert.deepEqual([(await cancel(pending.ref))?.status, (await cancel(pending.ref))?.json.status], [200, 'cancelled']);
  assert.equal((await inquire(pending.ref))?.json.status, 'cancelled');
  assert.equal((await post(pending))?.json.code, '17');

  for (const [pan, status] of [
    ['4111111111111111', 'executed'],
    ['4000000000000002', 'declined'],
  ] as const) {
    const body = cardTransfer(pan);
    await post(body);
    const answer = await cancel(body.ref);
    assert.deepEqual([answer?.status, answer?.json.status], [409, status]);
  }

  const unseen = cardTransfer('4111111111111111');
  assert.equal((await cancel(unseen.ref))?.json.status, 'cancelled');
  assert.equal((await inquire(unseen.ref))?.json.status, 'cancelled');
  const fenced = await post(unseen);
  assert.deepEqual([fenced?.status, fenced?.json.status, fenced?.json.code], [422, 'declined', '17']);
  assert.equal(await executions(unseen.ref), 0);

  const silent = transferFor(scenario('cancel-timeout'));
  await post(silent);
  assert.equal(await cancel(silent.ref), undefined);
  assert.equal((await inquire(silent.ref))?.json.status, 'cancelled');
});
