import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openNet } from '../net.ts';
import { httpAnswer, rawServer } from '../net/raw-server.fixture.ts';
import { NetError } from '../ports.ts';
import { journalOf, secret, startBank } from '../sandbox/testing.ts';
import {
  type AuthorizationBehaviour,
  type AuthorizerCall,
  authorizerConformance,
  type OperationBehaviour,
  someAuthorization,
  someCard,
  someOperation,
  someWallet,
} from './authorizer.conformance.fixture.ts';
import type { Instrument, OperationKind } from './authorizer.ts';
import type { Doubtful } from './conformance.fixture.ts';
import { HttpAuthorizer } from './http-authorizer.ts';

const connect = (url: string, timeoutMs: number) => new HttpAuthorizer({ name: 'processor', url, secret, net: openNet(), timeoutMs });

/** The wallets and amounts of the sandbox that do so. */
const endings: Record<AuthorizationBehaviour, string> = {
  ...{ agrees: '20', declines: '01', 'pends, then agrees': '67', pends: '08', 'silent before': '02', 'silent after': '03', 'lets go': '10' },
};
const amounts: Record<OperationBehaviour, bigint> = {
  ...{ agrees: 100_00n, declines: 220_50n, 'pends, then agrees': 220_30n, 'silent before': 220_10n, 'silent after': 220_20n },
};

const says = (name: string, status: number, members: (ref: string) => Record<string, unknown>): Doubtful => ({
  name,
  status,
  body: (ref) => JSON.stringify(members(ref)),
});
const text = (name: string, status: number, body: (ref: string) => string): Doubtful => ({ name, status, body });
const whole = 'retention-seconds: 3600\r\nmax-in-flight-seconds: 60\r\n';
const action = (more: object) => (ref: string) => ({ ref, status: 'action_required', action: { type: 'redirect', url: 'https://acs.bank.kz/1', ...more } });

/** What is doubtful of every answer to a POST, and of every answer to an inquiry. */
const posted = (good: string): Doubtful[] => [
  says('200 that says pending', 200, (ref) => ({ ref, status: 'pending' })),
  says('200 that says declined', 200, (ref) => ({ ref, status: 'declined', code: '05' })),
  says(`202 that says ${good}`, 202, (ref) => ({ ref, status: good, rrn: '1' })),
  says(`201 that says ${good}`, 201, (ref) => ({ ref, status: good, rrn: '1' })),
  says(`422 that says ${good}`, 422, (ref) => ({ ref, status: good, rrn: '1' })),
  says('422 that says nothing', 422, (ref) => ({ ref, message: 'Unprocessable' })),
  says('404 that says declined', 404, (ref) => ({ ref, status: 'declined', code: '25' })),
  says('another reference', 200, () => ({ ref: 'another', status: good, rrn: '1' })),
  says('no reference', 422, () => ({ status: 'declined', code: '05' })),
  says('a reference in other letters', 200, (ref) => ({ ref: ref.toLowerCase(), status: good })),
  says('a status in other letters', 200, (ref) => ({ ref, status: good.toUpperCase() })),
  says('a status of another kind', 200, (ref) => ({ ref, status: [good] })),
  text('two statuses', 422, (ref) => `{"ref":"${ref}","status":"${good}","status":"declined","code":"05"}`),
  text('two references', 200, (ref) => `{"ref":"another","ref":"${ref}","status":"${good}"}`),
  text('something after it', 200, (ref) => `${JSON.stringify({ ref, status: good })}{}`),
  text('null', 200, () => 'null'),
];
const inquired = (good: string): Doubtful[] => [
  says('202', 202, (ref) => ({ ref, status: 'pending' })),
  says('422', 422, (ref) => ({ ref, status: 'declined', code: '05' })),
  says('another reference', 200, () => ({ ref: 'another', status: good })),
  says('no reference', 200, () => ({ status: good })),
  says('a status that nobody knows', 200, (ref) => ({ ref, status: 'absent' })),
  text('two statuses', 200, (ref) => `{"ref":"${ref}","status":"pending","status":"${good}"}`),
];
const actions: Doubtful[] = [
  says('an action of another kind', 200, action({ type: 'post' })),
  says('an action that leads nowhere', 200, action({ url: '/challenge' })),
  says('an action that is a script', 200, action({ url: 'javascript:alert(1)' })),
  says('an action with an endless address', 200, action({ url: `https://acs.bank.kz/${'x'.repeat(3000)}` })),
  says('an action that is none', 200, (ref) => ({ ref, status: 'action_required' })),
  says('422 that asks for an action', 422, (ref) => ({ ...action({})(ref), url: 'javascript:1', action: null })),
];

authorizerConformance('HttpAuthorizer', {
  connect,
  ownHeaders: whole,
  async openProcessor() {
    const bank = await startBank();
    const types = async (reference: string) =>
      (await journalOf(bank)).filter((entry) => 'ref' in entry && entry.ref === reference).map(({ type }) => type as string);
    const count = async (reference: string, wanted: string[]) => (await types(reference)).filter((type) => wanted.includes(type)).length;
    return {
      url: bank.url,
      declineCode: '05',
      limits: { retentionSeconds: 24 * 3600, maxInFlightSeconds: 60 },
      authorizationThat: (behaviour) => someAuthorization({ instrument: { kind: 'wallet', phone: `+770112345${endings[behaviour]}`, iin: '900101300017' } }),
      operationThat: (behaviour, kind, authorization) => someOperation({ kind, authorization, amount: amounts[behaviour] }),
      effects: (reference) => count(reference, ['authorized', 'captured', 'released', 'refunded']),
      calls: (reference) => count(reference, ['authorization_requested', 'operation_requested', 'repeated', 'turned_away', 'conflicted', 'fenced_off']),
      close: async () => {
        await bank.stop();
        await rm(bank.dataDir, { recursive: true, force: true });
      },
    };
  },
  doubtful: {
    authorize: [...posted('authorized'), ...actions, says('200 that says executed', 200, (ref) => ({ ref, status: 'executed', rrn: '1' }))],
    inquireAuthorization: [
      ...inquired('authorized'),
      ...actions.filter(({ status }) => status === 200),
      says('executed', 200, (ref) => ({ ref, status: 'executed' })),
    ],
    operate: [...posted('executed'), says('200 that says authorized', 200, (ref) => ({ ref, status: 'authorized', rrn: '1' }))],
    inquireOperation: [...inquired('executed'), says('cancelled', 200, (ref) => ({ ref, status: 'cancelled' }))],
  },
  onTheWire(request) {
    const body = request.slice(request.indexOf('\r\n\r\n') + 4);
    const { ref } = JSON.parse(body) as { ref: string };
    return { reference: ref, amount: /^\{"ref":"[^"]*",(?:"kind":"card",)?"amount":(\d+)[,}]/.exec(body)?.[1] ?? '' };
  },
});

/** What the adapter makes of one answer of the processor. */
async function heard(
  what: AuthorizerCall,
  status: number,
  members: (ref: string) => Record<string, unknown>,
  instrument: Instrument = someCard,
  kind: OperationKind = 'capture',
) {
  const [request, operation] = [someAuthorization({ instrument }), someOperation({ kind })];
  const ref = what.endsWith('uthorize') || what === 'inquireAuthorization' ? request.reference : operation.reference;
  const server = await rawServer((socket) => void socket.write(httpAnswer(JSON.stringify(members(ref)), { status, headers: whole })));
  const a = connect(`http://127.0.0.1:${server.port}`, 1_000);
  const verdict = await (what === 'authorize' ? a.authorize(request) : what === 'operate' ? a.operate(operation) : a[what](ref));
  await server.close();
  return { verdict, request: server.requests[0] as string };
}

test('calls carry the secret as a Bearer, and what is the customer’s in no address', async () => {
  for (const what of ['authorize', 'inquireAuthorization', 'operate', 'inquireOperation'] as const) {
    const { request } = await heard(what, 500, () => ({}));
    expect(request).toContain(`authorization: Bearer ${secret}\r\n`);
    expect(request.split('\r\n')[0]).toMatch(
      /^(POST \/v1\/authorizations|GET \/v1\/authorizations\/CONFORM-A-\d+-\d+|POST \/v1\/authorizations\/CONFORM-A-0\/captures|GET \/v1\/operations\/CONFORM-O-\d+-\d+) HTTP\/1\.1$/,
    );
  }
  for (const [kind, verb] of [
    ['cancel', 'cancellations'],
    ['refund', 'refunds'],
  ] as const)
    expect((await heard('operate', 500, () => ({}), someCard, kind)).request).toContain(`POST /v1/authorizations/CONFORM-A-0/${verb} HTTP/1.1`);
});

test('an authorization is on the wire as the protocol has it, and nothing beside', async () => {
  const bodyOf = ({ request }: { request: string }) => JSON.parse(request.slice(request.indexOf('\r\n\r\n'))) as Record<string, unknown>;
  const card = bodyOf(await heard('authorize', 500, () => ({})));
  expect(card).toEqual({
    ...{ ref: expect.any(String), kind: 'card', amount: 500_00, currency: 'KZT', initiator: 'customer' },
    instrument: { pan: '4111111111111111', expiryMonth: 12, expiryYear: 2039, cvv: '917' },
  });
  const wallet = bodyOf(await heard('authorize', 500, () => ({}), someWallet));
  expect([wallet.kind, wallet.instrument]).toEqual(['wallet', { phone: '+77011234520', iin: '900101300017' }]);
});

test('an action leads to a page of the issuer', async () => {
  for (const what of ['authorize', 'inquireAuthorization'] as const)
    expect((await heard(what, 200, action({}))).verdict).toEqual({ kind: 'action_required', url: 'https://acs.bank.kz/1' });
  expect((await heard('authorize', 200, action({ url: 'https://acs.bank.kz/4111111111111111' }))).verdict.kind).toBe('unknown');
});

test('card, CVV, phone and personal number, repeated by the processor, go no further', async () => {
  const card = await heard('authorize', 422, (ref) => ({
    ...{ ref, status: 'declined', code: '4111111111111111' },
    message: 'card 4111 1111 1111 1111 with 917 is closed, 19171',
  }));
  expect(card.verdict).toEqual({ kind: 'declined', code: '[digits]', message: 'card [digits] with [digits] is closed, 19171' });
  const wallet = await heard(
    'authorize',
    422,
    (ref) => ({ ref, status: 'declined', code: '05', message: 'no to +7 (701) 123-45-20, 87011234520, 7011234520 and 900101300017' }),
    someWallet,
  );
  expect(wallet.verdict).toEqual({ kind: 'declined', code: '05', message: 'no to [digits], [digits], [digits] and [digits]' });
  for (const what of ['inquireAuthorization', 'operate', 'inquireOperation'] as const) {
    const status = what === 'operate' ? 422 : 200;
    const { verdict } = await heard(what, status, (ref) => ({ ref, status: 'declined', code: '900101300017', message: 'IIN 900101300017 of 8 701 123 45 20' }));
    expect(verdict).toEqual({ kind: 'declined', code: '[digits]', message: 'IIN [digits] of [digits]' });
  }
  for (const [instrument, rrn, authCode] of [
    [someWallet, '900101300017', '77011234520'],
    [someCard, '4111111111111111', 'x4111111111111111'],
  ] as const)
    expect((await heard('authorize', 200, (ref) => ({ ref, status: 'authorized', rrn, authCode }), instrument)).verdict).toEqual({
      ...{ kind: 'authorized', rrn: '[digits]', authCode: '[digits]' },
    });
});

test('what may be missing may be missing', async () => {
  expect((await heard('authorize', 200, (ref) => ({ ref, status: 'authorized', rrn: 7 }))).verdict).toEqual({ kind: 'authorized', rrn: null, authCode: null });
  expect((await heard('inquireOperation', 200, (ref) => ({ ref, status: 'executed' }))).verdict).toEqual({ kind: 'done', rrn: null });
  expect((await heard('operate', 422, (ref) => ({ ref, status: 'declined' }))).verdict).toEqual({
    ...{ kind: 'declined', code: '05', message: 'declined by the processor' },
  });
  expect((await heard('inquireAuthorization', 200, (ref) => ({ ref, status: 'cancelled' }))).verdict).toEqual({ kind: 'voided' });
});

test('a processor that has no such call leaves it unknown: nobody said no', async () => {
  for (const status of [404, 405, 501])
    for (const what of ['authorize', 'operate'] as const) expect((await heard(what, status, () => ({ error: 'no such call' }))).verdict.kind).toBe('unknown');
});

test('only an adapter’s own bug is thrown', async () => {
  const broken = (error: Error) => {
    const request = async (): Promise<never> => {
      throw error;
    };
    return new HttpAuthorizer({ name: 'processor', url: 'http://processor', secret, timeoutMs: 10, net: { request } });
  };
  await expect(broken(new TypeError('a bug')).operate(someOperation())).rejects.toThrow('a bug');
  expect(await broken(new NetError('refused', false)).operate(someOperation())).toEqual({ kind: 'unsent', why: 'refused' });
  expect(await broken(new NetError('time-out', true)).authorize(someAuthorization())).toEqual({ kind: 'unknown', why: 'time-out' });
});

test('it asks for the limits about an authorization that is nobody’s, until it has heard them', async () => {
  const server = await rawServer((socket) => void socket.write(httpAnswer('{"code":4}', { status: 404, headers: whole })));
  const authorizer = connect(`http://127.0.0.1:${server.port}`, 1_000);
  expect(await authorizer.acquaint()).toBeUndefined();
  expect(await authorizer.acquaint()).toBeUndefined();
  expect(server.requests.map((request) => request.split('\r\n')[0])).toEqual(['GET /v1/authorizations/acquaintance HTTP/1.1']);
  expect(authorizer.limits()).toEqual({ retentionSeconds: 3600, maxInFlightSeconds: 60 });
  await server.close();
});
