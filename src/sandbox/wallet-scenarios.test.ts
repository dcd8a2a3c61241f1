import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import type { OperationKind } from './authorization-request.ts';
import type { RunningBank } from './main.ts';
import { operationScenario, operationScenarios } from './operation-scenarios.ts';
import { anyWallet, walletScenarios } from './wallet-scenarios.ts';
import { ask, callbackSink, eachOf, journalOf, operation, remove, sleep, startBank, until, walletAuthorization, type Heard } from './testing.ts';

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

const verbs: Record<OperationKind, string> = { capture: 'captures', cancellation: 'cancellations', refund: 'refunds' };
const authorize = (body: object) => ask(bank, 'POST', '/v1/authorizations', body);
const inquire = (ref: string) => ask(bank, 'GET', `/v1/authorizations/${ref}`);
const operate = (kind: OperationKind, ref: string, body: object) => ask(bank, 'POST', `/v1/authorizations/${ref}/${verbs[kind]}`, body);
const toldOf = (ref: string) => sink.received.filter(({ json }) => json.ref === ref).map(({ json }) => json.status);
const shown = (answer: Heard | undefined) => (answer === undefined ? 'nothing' : String(answer.status));

/** POSTs until something is taken, then waits until nothing is due any more. @returns what an inquiry then says */
async function persist(post: () => Promise<Heard | undefined>, inquire: () => Promise<Heard | undefined>): Promise<unknown> {
  for (let attempt = 0; attempt < 3; attempt++) if ([200, 202, 422].includes((await post())?.status ?? 0)) break;
  await sleep(1300); // 65 seconds of the table
  const answer = await inquire();
  return answer?.status === 404 ? 'nothing' : answer?.json.status;
}

test('the table is sound: ids and endings are unique, every ending has two digits', () => {
  for (const key of ['id', 'phone'] as const) assert.equal(new Set(walletScenarios.map((one) => one[key])).size, walletScenarios.length, key);
  assert.deepEqual(
    walletScenarios.filter(({ phone }) => phone !== undefined && !/^\d\d$/.test(phone)),
    [],
  );
  assert.equal(new Set(operationScenarios.map(({ number }) => number)).size, operationScenarios.length);
});

/** First answer, and the callbacks that come. */
const expected: Record<string, [first: string, told: string[]]> = {
  wallet: ['202', ['authorized']],
  'wallet-refused': ['202', ['declined']],
  'wallet-declined': ['422', []],
  'wallet-timeout-before': ['nothing', ['authorized']],
  'wallet-timeout-after': ['nothing', []],
  'wallet-late': ['202', ['authorized']],
  'wallet-callback-twice': ['200', ['authorized', 'authorized']],
  'wallet-error-before': ['500', ['authorized']],
  'wallet-error-after': ['500', ['authorized']],
  'wallet-stuck': ['202', []],
  'wallet-callback-never': ['202', []],
  'wallet-expires': ['200', ['cancelled']],
  'wallet-at-once': ['200', []],
  'wallet-not-found-yet': ['nothing', []],
  'wallet-callback-first': ['200', ['authorized']],
  'wallet-callback-denies': ['200', ['declined']],
};

test('every wallet answers first, ends and calls back as its line says, and is granted once at most', async () => {
  const plain = walletScenarios.filter(({ operations }) => !operations);
  assert.deepEqual(plain.map(({ id }) => id).toSorted(), Object.keys(expected).toSorted());
  await eachOf(plain, async (one) => {
    const body = walletAuthorization(one.phone ?? '99');
    const first = shown(await authorize(body));
    const end = await persist(
      () => authorize(body),
      () => inquire(body.ref),
    );
    assert.deepEqual([one.id, first, end], [one.id, expected[one.id]![0], one.outcome]);
    if (one.code) assert.equal((await inquire(body.ref))?.json.code, one.code, one.id);
    await until(() => toldOf(body.ref).length >= expected[one.id]![1].length);
    assert.deepEqual(toldOf(body.ref), expected[one.id]![1], one.id);
    const granted = (await journalOf(bank)).filter((entry) => entry.type === 'authorized' && entry.ref === body.ref);
    assert.equal(granted.length, one.outcome === 'authorized' || one.outcome === 'cancelled' ? 1 : 0, one.id);
  });
});

const firstOf: Record<string, string> = {
  ...{ 'timeout-before': 'nothing', 'timeout-after': 'nothing', 'pending-executed': '202', 'pending-declined': '202', declined: '422' },
  ...{ 'error-before': '500', 'error-after': '500', late: '202', 'callback-twice': '200', 'not-found-yet': 'nothing' },
};
const toldFor: Record<string, string[]> = {
  'pending-executed': ['executed'],
  'pending-declined': ['declined'],
  late: ['executed'],
  'callback-twice': ['executed', 'executed'],
};

/** Does it to an authorization that is ready for it, and looks at all that comes of it. */
async function plays(name: string, kind: OperationKind, ending: string, amount: number): Promise<void> {
  const wallet = walletAuthorization(ending, { amount: 500_00 });
  await authorize(wallet);
  await until(async () => (await inquire(wallet.ref))?.json.status === 'authorized');
  if (kind === 'refund') assert.equal((await operate('capture', wallet.ref, operation(500_00)))?.status, 200);
  const body = operation(amount);
  const label = `${name} by ${kind} ${ending} ${amount}`;
  const { outcome } = operationScenario(name as 'late');
  const first = shown(await operate(kind, wallet.ref, body));
  const end = await persist(
    () => operate(kind, wallet.ref, body),
    () => ask(bank, 'GET', `/v1/operations/${body.ref}`),
  );
  assert.deepEqual([label, first, end], [label, firstOf[name], outcome]);
  await until(() => toldOf(body.ref).length >= (toldFor[name] ?? []).length);
  assert.deepEqual([label, toldOf(body.ref)], [label, toldFor[name] ?? []]);
  const effects = (await journalOf(bank)).filter(({ type }) => ['captured', 'released', 'refunded'].includes(type));
  assert.equal(effects.filter((entry) => 'ref' in entry && entry.ref === body.ref).length, outcome === 'executed' ? 1 : 0, label);
}

test('every operation of the table goes as its line says, by amount and by wallet', async () => {
  assert.deepEqual(operationScenarios.map(({ id }) => id.slice('operation-'.length)).toSorted(), Object.keys(firstOf).toSorted());
  const byAmount = operationScenarios.flatMap(({ id, number }) =>
    (['capture', 'cancellation', 'refund'] as const).map((kind) => () => plays(id.slice('operation-'.length), kind, '20', Number(`22${number}0`))),
  );
  const byWallet = walletScenarios.flatMap(({ phone, operations }) =>
    Object.entries(operations ?? {}).map(
      ([kind, name]) =>
        () =>
          plays(name, kind as OperationKind, phone!, 100_00),
    ),
  );
  assert.ok(byWallet.length >= 9);
  await eachOf([...byAmount, ...byWallet], (run) => run());
});

test('an operation that its wallet does not name is done at once, and an amount names any code', async () => {
  const wallet = walletAuthorization('13', { amount: 500_00 }); // its refunds are declined
  await authorize(wallet);
  await until(async () => (await inquire(wallet.ref))?.json.status === 'authorized');
  assert.equal((await operate('capture', wallet.ref, operation(100_00)))?.status, 200);
  assert.equal((await operate('refund', wallet.ref, operation(10_00)))?.json.code, '05');
  assert.equal((await operate('refund', wallet.ref, operation(200_00)))?.json.code, '61'); // what cannot be is refused before
  assert.equal((await operate('capture', wallet.ref, operation(209_60)))?.json.code, '96');
  assert.equal((await authorize(walletAuthorization('20', { amount: 205_10 })))?.json.code, '51');
  assert.equal((await authorize(walletAuthorization('00', { amount: 200_00 })))?.json.status, 'authorized');
  assert.equal(anyWallet.phone, undefined);
});

test('fifty captures at once take what there is and no more', async () => {
  const wallet = walletAuthorization('20', { amount: 100_00 });
  await authorize(wallet);
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => ask(bank, 'POST', `/v1/authorizations/${wallet.ref}/captures`, operation(7_00), { timeoutMs: 5000 })),
  );
  assert.deepEqual(
    ['200', '422'].map((status) => answers.filter((answer) => shown(answer) === status).length),
    [14, 36],
  );
  const same = operation(1_00);
  const again = await Promise.all(Array.from({ length: 50 }, () => ask(bank, 'POST', `/v1/authorizations/${wallet.ref}/captures`, same, { timeoutMs: 5000 })));
  assert.equal(new Set(again.map((answer) => answer?.text)).size, 1);
  const taken = (await journalOf(bank)).flatMap((entry) => (entry.type === 'captured' && entry.authorization === wallet.ref ? [BigInt(entry.amount)] : []));
  assert.deepEqual([taken.length, taken.reduce((sum, one) => sum + one, 0n)], [15, 99_00n]);
});
