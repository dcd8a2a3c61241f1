import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openNet } from '../net.ts';
import { httpAnswer, rawServer } from '../net/raw-server.fixture.ts';
import { NetError } from '../ports.ts';
import { scenarios } from '../sandbox/scenarios.ts';
import { journalOf, secret, startBank } from '../sandbox/testing.ts';
import { type Behaviour, conformance, type Doubtful, someTransfer } from './conformance.fixture.ts';
import { HttpConnector } from './http.ts';

const connect = (url: string, timeoutMs: number) => new HttpConnector({ name: 'processor', url, secret, net: openNet(), timeoutMs });

const scenarioOf: Record<Behaviour, string> = {
  ...{ executes: 'executed', declines: 'card-9995', 'pends, then executes': 'pending-executed', pends: 'pending-stuck' },
  ...{ 'silent before': 'timeout-before', 'silent after': 'timeout-after', returns: 'returned' },
};

const says = (name: string, status: number, members: (ref: string) => Record<string, unknown>): Doubtful => ({
  name,
  status,
  body: (ref) => JSON.stringify(members(ref)),
});
const text = (name: string, status: number, body: (ref: string) => string): Doubtful => ({ name, status, body });
const whole = 'retention-seconds: 3600\r\nmax-in-flight-seconds: 60\r\n';

conformance('HttpConnector', {
  connect,
  ownHeaders: whole,
  async openProcessor() {
    const bank = await startBank();
    const entries = async (reference: string) =>
      (await journalOf(bank)).filter((entry) => 'ref' in entry && entry.ref === reference).map(({ type }) => type as string);
    return {
      url: bank.url,
      declineCode: '51',
      limits: { retentionSeconds: 24 * 3600, maxInFlightSeconds: 60 },
      transferThat: (behaviour) =>
        someTransfer({ destination: { pan: scenarios.find(({ id }) => id === scenarioOf[behaviour])?.card as string, expiryMonth: 12, expiryYear: 2039 } }),
      executions: async (reference) => (await entries(reference)).filter((type) => type === 'executed').length,
      calls: async (reference) =>
        (await entries(reference)).filter((type) => ['requested', 'repeated', 'turned_away', 'conflicted', 'fenced_off'].includes(type)).length,
      close: async () => {
        await bank.stop();
        await rm(bank.dataDir, { recursive: true, force: true });
      },
    };
  },
  doubtful: {
    send: [
      says('200 that says pending', 200, (ref) => ({ ref, status: 'pending' })),
      says('200 that says declined', 200, (ref) => ({ ref, status: 'declined', code: '05' })),
      says('202 that says executed', 202, (ref) => ({ ref, status: 'executed', rrn: '1' })),
      says('422 that says executed', 422, (ref) => ({ ref, status: 'executed', rrn: '1' })),
      says('422 that says nothing', 422, (ref) => ({ ref, message: 'Unprocessable' })),
      says('201', 201, (ref) => ({ ref, status: 'executed', rrn: '1' })),
      says('another reference', 200, () => ({ ref: 'another', status: 'executed', rrn: '1' })),
      says('no reference', 422, () => ({ status: 'declined', code: '05' })),
      says('a reference in other letters', 200, (ref) => ({ ref: ref.toLowerCase(), status: 'executed' })),
      says('a status of another kind', 200, (ref) => ({ ref, status: ['executed'] })),
      says('a status in other letters', 200, (ref) => ({ ref, status: 'EXECUTED' })),
      text('a list', 200, (ref) => JSON.stringify([{ ref, status: 'executed' }])),
      text('null', 200, () => 'null'),
      text('two statuses', 422, (ref) => `{"ref":"${ref}","status":"executed","status":"declined","code":"05"}`),
      text('two references', 200, (ref) => `{"ref":"another","ref":"${ref}","status":"executed"}`),
      text('something after it', 200, (ref) => `${JSON.stringify({ ref, status: 'executed' })}{}`),
      text('text that no database holds', 200, (ref) => `{"ref":"${ref}","status":"executed","rrn":"\\u0000"}`),
    ],
    inquire: [
      says('202', 202, (ref) => ({ ref, status: 'pending' })),
      says('422', 422, (ref) => ({ ref, status: 'declined', code: '05' })),
      says('another reference', 200, () => ({ ref: 'another', status: 'declined' })),
      says('no reference', 200, () => ({ status: 'cancelled' })),
      says('a status that nobody knows', 200, (ref) => ({ ref, status: 'absent' })),
      text('two statuses', 200, (ref) => `{"ref":"${ref}","status":"pending","status":"cancelled"}`),
    ],
    cancel: [
      says('200 that says executed', 200, (ref) => ({ ref, status: 'executed' })),
      says('200 that says nothing', 200, (ref) => ({ ref })),
      says('202', 202, (ref) => ({ ref, status: 'cancelled' })),
      says('409 that says cancelled', 409, (ref) => ({ ref, status: 'cancelled' })),
      says('409 that says pending', 409, (ref) => ({ ref, status: 'pending' })),
      says('another reference', 200, () => ({ ref: 'another', status: 'cancelled' })),
      text('two statuses', 200, (ref) => `{"ref":"${ref}","status":"executed","status":"cancelled"}`),
    ],
  },
  onTheWire(request) {
    const body = request.slice(request.indexOf('\r\n\r\n') + 4);
    const { ref } = JSON.parse(body) as { ref: string };
    return { reference: ref, amount: /^\{"ref":"[^"]*","kind":"card","amount":(\d+),/.exec(body)?.[1] ?? '' };
  },
});

/** What the adapter makes of one answer of the processor. */
async function heard(what: 'send' | 'inquire' | 'cancel', status: number, members: (ref: string) => Record<string, unknown>) {
  const t = someTransfer();
  const server = await rawServer((socket) => void socket.write(httpAnswer(JSON.stringify(members(t.reference)), { status, headers: whole })));
  const connector = connect(`http://127.0.0.1:${server.port}`, 1_000);
  const verdict = await (what === 'send' ? connector.send(t) : connector[what](t.reference));
  await server.close();
  return { verdict, request: server.requests[0] as string };
}

test('calls carry the secret as a Bearer, and the card in no address', async () => {
  for (const what of ['send', 'inquire', 'cancel'] as const) {
    const { request } = await heard(what, 500, () => ({}));
    expect(request).toContain(`authorization: Bearer ${secret}\r\n`);
    expect(request.split('\r\n')[0]).toMatch(
      /^(POST \/v1\/transfers|GET \/v1\/transfers\/CONFORM-\d+-\d+|POST \/v1\/transfers\/CONFORM-\d+-\d+\/cancel) HTTP\/1\.1$/,
    );
  }
});

test('a card number that the processor repeats goes no further', async () => {
  const words = await heard('send', 422, (ref) => ({
    ref,
    status: 'declined',
    code: '4111111111111111',
    message: 'card 4111111111111111 (4111 1111 1111 1111) is closed',
  }));
  expect(words.verdict).toEqual({ kind: 'declined', code: '[digits]', message: 'card [digits] ([digits]) is closed' });
  const number = await heard('send', 200, (ref) => ({ ref, status: 'executed', rrn: '4111111111111111' }));
  expect(number.verdict).toMatchObject({ kind: 'executed', rrn: '[digits]' });
});

test('what may be missing may be missing', async () => {
  expect((await heard('send', 200, (ref) => ({ ref, status: 'executed', rrn: 7, executedAt: 'yesterday' }))).verdict).toEqual({
    kind: 'executed',
    rrn: null,
    executedAt: null,
  });
  expect((await heard('send', 422, (ref) => ({ ref, status: 'declined' }))).verdict).toEqual({
    kind: 'declined',
    code: '05',
    message: 'declined by the processor',
  });
  expect((await heard('inquire', 200, (ref) => ({ ref, status: 'returned', code: '14' }))).verdict).toEqual({ kind: 'returned', rrn: null, code: '14' });
  expect((await heard('cancel', 200, () => ({ status: 'cancelled' }))).verdict).toEqual({ kind: 'cancelled' });
});

test('a processor without such a call says so itself: 404, 405 or 501 with its own headers', async () => {
  for (const status of [404, 405, 501]) expect((await heard('cancel', status, () => ({ error: 'no such call' }))).verdict).toEqual({ kind: 'unsupported' });
});

const refusing = (error: Error) => async (): Promise<never> => {
  throw error;
};

test('only an adapter’s own bug is thrown', async () => {
  const broken = (error: Error) => new HttpConnector({ name: 'processor', url: 'http://processor', secret, timeoutMs: 10, net: { request: refusing(error) } });
  await expect(broken(new TypeError('a bug')).inquire('r')).rejects.toThrow('a bug');
  expect(await broken(new NetError('refused', false)).inquire('r')).toEqual({ kind: 'unsent', why: 'refused' });
  expect(await broken(new NetError('time-out', true)).inquire('r')).toEqual({ kind: 'unknown', why: 'time-out' });
});

test.each([
  ['a processor that says its limits', 404, '{"code":4}', whole, undefined, 3600],
  ['limits beside any answer', 400, '{}', whole, undefined, 3600],
  ['one that never says any: the short ones stand', 404, '{"code":4}', '', undefined, 600],
  ['something in between', 502, '<html>', '', 'unknown', 600],
  ['something in between that says not found', 404, '<html>', '', 'unknown', 600],
])('acquaintance: %s', async (_, status, body, headers, silence, retentionSeconds) => {
  const server = await rawServer((socket) => void socket.write(httpAnswer(body, { status, headers })));
  const connector = connect(`http://127.0.0.1:${server.port}`, 1_000);
  expect((await connector.acquaint())?.kind).toBe(silence);
  expect(connector.limits().retentionSeconds).toBe(retentionSeconds);
  const asked = server.requests.length;
  await connector.acquaint();
  expect(server.requests.length - asked).toBe(silence ? 1 : 0); // it is asked until it has answered, and no more
  await server.close();
});
