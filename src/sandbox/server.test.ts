import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import type { RunningBank } from './main.ts';
import { scenarios } from './scenarios.ts';
import { ask, cardTransfer, journalOf, net, remove, secret, startBank, until, type Heard } from './testing.ts';

let bank: RunningBank & { dataDir: string };
beforeAll(async () => {
  bank = await startBank({ pace: 0.2 });
});
afterAll(async () => {
  await bank.stop();
  await remove(bank.dataDir);
});

const post = (body: unknown, options = {}) => ask(bank, 'POST', '/v1/transfers', body, options);
const good = () => cardTransfer('4111111111111111');

/** Bytes on a bare connection. @returns what came back until the other side closed or 300 ms were over */
function raw(text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(Number(new URL(bank.url).port), '127.0.0.1', () => socket.write(text));
    socket.setTimeout(300, () => socket.destroy());
    socket.on('data', (chunk) => (heard += chunk.toString()));
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}

test('retention and time in flight stand on every answer, whatever it is', async () => {
  const answers = [
    await post(good()),
    await post('{'),
    await post(good(), { bearer: 'no' }),
    await post('x'.repeat(70_000)),
    await ask(bank, 'GET', '/v1/transfers/po_nobody'),
    await ask(bank, 'GET', '/nowhere'),
    await ask(bank, 'GET', '/v1/transfers'),
    await ask(bank, 'GET', '/v1/journal'),
    await post(cardTransfer(scenarios.find(({ id }) => id === 'html-after')!.card!)),
    await post(cardTransfer(scenarios.find(({ id }) => id === 'maintenance')!.card!)),
  ];
  assert.deepEqual(
    answers.map((answer) => answer?.status),
    [200, 400, 401, 413, 404, 404, 405, 200, 200, 503],
  );
  for (const answer of answers) {
    assert.deepEqual([answer?.headers['retention-seconds'], answer?.headers['max-in-flight-seconds']], ['86400', '60'], String(answer?.status));
  }
  for (const garbage of ['GARBAGE\r\n\r\n', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`]) {
    assert.match(await raw(garbage), /^HTTP\/1.1 4\d\d .*retention-seconds: 86400\r\nmax-in-flight-seconds: 60/s);
  }
});

test('only the whole secret opens the door', async () => {
  for (const bearer of ['', secret.slice(0, -1), `${secret}x`, secret.slice('whsec_'.length), secret.toUpperCase()]) {
    const answer = await post(good(), { bearer });
    assert.deepEqual([answer?.status, typeof answer?.json.error], [401, 'string']);
  }
  assert.equal((await ask(bank, 'GET', '/v1/journal', undefined, { bearer: 'x' }))?.status, 401);
});

test('a body that is not a transfer is refused by the name of its field, and moves nothing', async () => {
  const { destination, ...rest } = good();
  const account = { iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', name: 'TOO Partner', bin: '123456789012', kbe: '17', knp: '119', purpose: 'salary' };
  const cases: [unknown, string][] = [
    ['', 'body'],
    ['null', 'body'],
    ['[]', 'body'],
    ['{"ref":', 'body'],
    ['"\\ud800', 'body'],
    [{ ...good(), ref: '' }, 'ref'],
    [{ ...good(), ref: '4111111111111111' }, 'ref'],
    [{ ...good(), ref: 'a b' }, 'ref'],
    [{ ...good(), ref: 7 }, 'ref'],
    [{ ...good(), kind: 'cash' }, 'kind'],
    [{ ...good(), currency: 'kzt' }, 'currency'],
    ...[0, -1, 1.5, 1e19, '1.0', '01', '', null, true, '12345678901234567890'].map((amount): [unknown, string] => [{ ...good(), amount }, 'amount']),
    [rest, 'destination'],
    [{ ...rest, destination: [] }, 'destination'],
    [{ ...rest, destination: { ...destination, cvv: '123' } }, 'destination'],
    [{ ...rest, destination: { ...destination, pan: '4111 1111 1111 1111' } }, 'pan'],
    [{ ...rest, destination: { ...destination, expiryMonth: 13 } }, 'expiryMonth'],
    [{ ...rest, destination: { ...destination, expiryYear: 31 } }, 'expiryYear'],
    [{ ...rest, destination: account }, 'destination'],
    [{ ...rest, kind: 'bank', destination: { ...account, bin: '1' } }, 'bin'],
    [{ ...good(), extra: 1 }, 'body'],
    [`{"__proto__":{},${JSON.stringify(good()).slice(1)}`, 'body'],
  ];
  const before = (await journalOf(bank)).length;
  for (const [body, field] of cases) {
    const answer = await post(body);
    assert.equal(answer?.status, 400, JSON.stringify(body));
    assert.match(String(answer?.json.error), new RegExp(`^${field}: `), JSON.stringify(body));
  }
  const entries = (await journalOf(bank)).slice(before);
  assert.deepEqual([entries.length, new Set(entries.map(({ type }) => type))], [cases.length, new Set(['malformed'])]);
});

test('amounts beyond 2^53 keep their digits, written as a number or as a string', async () => {
  const body = { ...good(), amount: '@' };
  const text = (amount: string) => JSON.stringify(body).replace('"@"', amount);
  assert.equal((await post(text('9007199254740993')))?.status, 200);
  assert.equal((await post(text('"9007199254740993"')))?.status, 200);
  assert.equal((await post(text('9007199254740992')))?.status, 409);
  const [executed] = (await journalOf(bank)).filter((entry) => entry.type === 'executed' && entry.ref === body.ref);
  assert.equal(executed?.type === 'executed' && executed.amount, '9007199254740993');
});

test('unknown calls are 404, known ones with another method 405', async () => {
  for (const path of ['/', '/v2/transfers', '/v1/transfers/a/b', '/v1/transfers/a/cancel/b', '/v1/transfers/%00', '/v1/journals']) {
    assert.equal((await ask(bank, 'POST', path, good()))?.status, 404, path);
  }
  const answer = await ask(bank, 'GET', '/v1/transfers/po_x/cancel');
  assert.deepEqual([answer?.status, answer?.headers.allow], [405, 'POST']);
  for (const query of ['after=x', 'after=-1', 'limit=0', 'limit=99999']) assert.equal((await ask(bank, 'GET', `/v1/journal?${query}`))?.status, 400, query);
});

test('fifty POSTs of one ref at once are one transfer and fifty equal answers, in flight or not', async () => {
  for (const id of ['executed', 'pending-executed', 'callback-claims', 'timeout-after', 'slow']) {
    const body = cardTransfer(scenarios.find((one) => one.id === id)!.card!);
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(body, { timeoutMs: 1500 })));
    const heard = answers.filter((answer): answer is Heard => answer !== undefined);
    assert.equal(heard.length, id === 'timeout-after' ? 49 : 50, id);
    assert.equal(new Set(heard.map(({ status, text }) => `${status} ${text}`)).size, 1, id);
    const types = (await journalOf(bank)).flatMap((entry) => ('ref' in entry && entry.ref === body.ref ? [entry.type] : []));
    assert.deepEqual([types.filter((type) => type === 'requested').length, types.filter((type) => type === 'repeated').length], [1, 49]);
    assert.ok(types.filter((type) => type === 'executed').length <= 1);
  }
});

test('fifty POSTs of one ref with fifty contents are one transfer and forty-nine conflicts', async () => {
  const body = good();
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => post({ ...body, amount: 1000 + i }, { timeoutMs: 3000 })));
  assert.deepEqual(answers.map((answer) => answer?.status).toSorted(), [200, ...Array<number>(49).fill(409)]);
});

test('cancel and POST at once end in one of the two, and the journal agrees', async () => {
  await Promise.all(
    Array.from({ length: 30 }, async () => {
      const body = good();
      const [posted, cancelled] = await Promise.all([
        post(body, { timeoutMs: 3000 }),
        ask(bank, 'POST', `/v1/transfers/${body.ref}/cancel`, undefined, { timeoutMs: 3000 }),
      ]);
      assert.ok(
        (posted?.status === 200 && cancelled?.status === 409) || (posted?.status === 422 && cancelled?.status === 200),
        `${posted?.status} ${cancelled?.status}`,
      );
    }),
  );
});

test('a slow answer comes late, and whole', async () => {
  const body = cardTransfer(scenarios.find(({ id }) => id === 'slow')!.card!);
  const began = performance.now();
  assert.equal((await post(body, { timeoutMs: 3000 }))?.status, 200);
  assert.ok(performance.now() - began >= 590);
});

test('a dripped answer is whole for whoever waits', async () => {
  const quick = await startBank({ pace: 0.001 });
  const answer = await ask(quick, 'POST', '/v1/transfers', cardTransfer(scenarios.find(({ id }) => id === 'dripped')!.card!), { timeoutMs: 5000 });
  assert.equal(answer?.json.status, 'executed');
  await quick.stop();
  await remove(quick.dataDir);
});

test('no card number is in the journal, nor in what the bank logs', async () => {
  const logged: string[] = [];
  const note = (facts: object, message: string) => void logged.push(JSON.stringify(facts) + message);
  const watched = await startBank({ log: { info: note, warn: note, error: note } });
  const pans = scenarios.flatMap(({ card }) => (card ? [card] : []));
  await Promise.all(
    pans.map(async (pan) => {
      const body = { ...cardTransfer(pan), description: `to ${pan}`, destination: { pan, expiryMonth: 1, expiryYear: 2030, holder: pan } };
      await post2(body);
      await post2({ ...body, amount: 1 });
      await post2({ ...body, ref: pan });
      await post2(`{"pan":"${pan}"`);
      await ask(watched, 'GET', `/v1/transfers/${pan}`);
    }),
  );
  const files = await Promise.all(['journal.ndjson', 'journal.key'].map((name) => readFile(join(watched.dataDir, name), 'utf8')));
  for (const pan of pans) for (const text of [...files, logged.join()]) assert.ok(!text.includes(pan) && !text.includes(Buffer.from(pan).toString('base64')));
  await watched.stop();
  await remove(watched.dataDir);
  function post2(body: unknown) {
    return ask(watched, 'POST', '/v1/transfers', body, { timeoutMs: 150 });
  }
});

test('a bank that stops answers what it has taken and lets go of who waits for nothing', async () => {
  const brief = await startBank({ pace: 1 });
  const silent = ask(brief, 'POST', '/v1/transfers', cardTransfer(scenarios.find(({ id }) => id === 'timeout-after')!.card!), { timeoutMs: 9000 });
  const slow = ask(brief, 'POST', '/v1/transfers', cardTransfer(scenarios.find(({ id }) => id === 'slow')!.card!), { timeoutMs: 9000 });
  await until(async () => (await journalOf(brief)).filter(({ type }) => type === 'executed').length === 2);
  await brief.stop();
  assert.deepEqual([await silent, (await slow)?.status], [undefined, 200]);
  await assert.rejects(net.request({ method: 'GET', url: brief.url, headers: {}, timeoutMs: 500, maxBytes: 1 }));
  await remove(brief.dataDir);
});

test('a secret that is none is refused at the start', async () => {
  for (const wrong of ['', 'secret', 'whsec_', 'whsec_c2hvcnQ=', secret.slice(6)]) await assert.rejects(startBank({ secret: wrong }), /whsec_/);
});
