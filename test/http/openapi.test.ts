/** The description of the API is a whole and valid one, and every answer that it has can be had. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CommitUnknown, type Db } from '../../src/db/db.ts';
import { withOwner } from '../../src/db/session.ts';
import { errorTable } from '../../src/errors.ts';
import { SCOPES } from '../../src/merchants/keys.ts';
import { encrypted } from '../../src/vault/testing.ts';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';
import { Conformance } from './conformance.ts';
import { type Description, describedApi, operations } from './description.ts';
import { expectRefusal, type Heard } from './refusals.ts';
import { openSandboxBank } from './sandbox-bank.ts';

let api: Description;
let th: TestHouse;
let sandbox: Awaited<ReturnType<typeof openSandboxBank>>;
beforeAll(async () => {
  sandbox = await openSandboxBank();
  [api, th] = await Promise.all([describedApi(), openTestHouse({ config: sandbox.config })]);
});
afterAll(async () => {
  await th.close();
  sandbox.close();
});

test('docs/openapi.json is the description as it is (else: npx vitest run test/http/openapi -u)', async () => {
  await expect(`${JSON.stringify(api, null, 2)}\n`).toMatchFileSnapshot('../../docs/openapi.json');
});

test('it is OpenAPI 3.1: what must be there is there, and every reference leads somewhere', () => {
  expect(api.openapi).toMatch(/^3\.1\.\d+$/);
  expect(api.info).toMatchObject({ title: 'Tolem', version: expect.any(String) });
  expect(Object.keys(api)).toEqual(expect.arrayContaining(['paths', 'components', 'webhooks', 'servers', 'security']));
  for (const path of Object.keys(api.paths)) expect(path).toMatch(/^\/v1(\/([a-z-]+|\{[a-zA-Z]+\}))+\/?$/);
  for (const ref of refsIn(api)) expect(api.components.schemas[ref.slice('#/components/schemas/'.length)], ref).toBeDefined();
  const used = refsIn(api);
  expect(Object.keys(api.components.schemas).filter((name) => !used.has(`#/components/schemas/${name}`))).toEqual([]);
});

function refsIn(value: unknown): Set<string> {
  return new Set([...JSON.stringify(value).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref as string));
}

/** Every schema of the description, with where it stands. */
function schemasIn(value: unknown, at: string): [string, Record<string, unknown>][] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, member]) => [
    ...(name === 'schema' || at.endsWith('/schemas') || at.endsWith('/properties') || ['items'].includes(name)
      ? [[`${at}/${name}`, member as Record<string, unknown>] as [string, Record<string, unknown>]]
      : []),
    ...schemasIn(member, `${at}/${name}`),
  ]);
}

const KEYWORDS =
  /^(\$ref|type|properties|required|additionalProperties|items|anyOf|enum|const|default|title|description|examples?|format|pattern|minimum|maximum|exclusiveMinimum|minLength|maxLength|minItems|maxItems|uniqueItems)$/;

test('every schema is one: known keywords, known types, whole examples', () => {
  const schemas = schemasIn({ paths: api.paths, components: { schemas: api.components.schemas } }, '');
  expect(schemas.length).toBeGreaterThan(200);
  for (const [at, schema] of schemas) {
    for (const keyword of Object.keys(schema)) expect(keyword, at).toMatch(KEYWORDS);
    if (schema.type !== undefined) expect(['object', 'array', 'string', 'integer', 'number', 'boolean', 'null'], at).toContain(schema.type);
    if (schema.type === undefined) expect(schema.$ref ?? schema.anyOf ?? schema.enum ?? schema.const, at).toBeDefined();
    for (const name of (schema.required as string[] | undefined) ?? []) expect(Object.keys(schema.properties as object), at).toContain(name);
    if (schema.pattern !== undefined) expect(() => new RegExp(schema.pattern as string, 'u')).not.toThrow();
  }
});

test('every operation says what it is, who may, and how it refuses', async () => {
  for (const { method, path, operation, scope } of await operations()) {
    const name = `${method} ${path}`;
    const { summary, tags, security, responses, parameters = [], requestBody } = operation;
    expect(summary, name).toMatch(/^[A-Z].{5,}[^.]$/);
    expect(tags, name).toHaveLength(1);
    expect(
      security?.map((one) => Object.keys(one)[0]),
      name,
    ).toEqual(['key', 'token']);
    if (scope !== undefined) expect(SCOPES, name).toContain(scope);
    const statuses = Object.keys(responses);
    expect(statuses, name).toEqual(
      expect.arrayContaining([
        '401',
        '429',
        '500',
        '503',
        ...(scope ? ['403'] : []),
        ...(path.includes('{') ? ['404'] : []),
        ...(method === 'GET' ? [] : ['400', '413', '415']),
      ]),
    );
    expect(
      statuses.some((status) => status.startsWith('2')),
      name,
    ).toBe(true);
    for (const [status, { description, content }] of Object.entries(responses)) {
      expect(description, `${name} ${status}`).not.toMatch(/^(Default Response)?$/);
      if (status !== '204') expect(content?.['application/json']?.schema, `${name} ${status}`).toBeDefined();
      if (Number(status) >= 400) expect(content?.['application/json']?.schema).toEqual({ $ref: '#/components/schemas/Error' });
    }
    expect(new Set(parameters.map((one) => `${one.in} ${one.name}`)).size).toBe(parameters.length);
    expect(
      parameters
        .filter((one) => one.in === 'path')
        .map((one) => `{${one.name}}`)
        .sort(),
      name,
    ).toEqual((path.match(/\{\w+\}/g) ?? []).sort());
    for (const { in: where, required } of parameters) expect(required, name).toBe(where === 'path' || name === 'POST /v1/wallet/authorize'); // whatever else there is has a default, or may be left out
    expect(requestBody === undefined || requestBody.content['application/json'] !== undefined, name).toBe(true);
    if (method === 'GET') expect(requestBody).toBeUndefined();
  }
});

test('the table of errors is in it, and the same as ours', () => {
  for (const [code, { status, message, type, meaning, handling }] of Object.entries(errorTable))
    expect(api.info.description).toContain(`| ${code} | ${status} | ${message} | ${type} | ${meaning} | ${handling} |`);
});

test('webhooks are described: their headers, their bodies, and what ends them', () => {
  expect(Object.keys(api.webhooks)).toEqual([
    ...['transaction', 'distribution', 'distribution.returned', 'payment_order', 'split', 'invoice'],
    ...['wallet_transaction', 'card.saved', 'card.save_failed'],
  ]);
  for (const { post } of Object.values(api.webhooks)) {
    expect(post.parameters?.map(({ name }) => name)).toEqual([
      'webhook-id',
      'webhook-timestamp',
      'webhook-signature',
      'x-signature',
      'plexy-signature',
      'authorization',
    ]);
    expect(Object.keys(post.responses)).toEqual(['2XX']);
  }
});

test('an answer that is not as described is noticed', async () => {
  const conformance = await Conformance.open();
  const good = { id: 'key_1', publicKey: 'PEM', algorithm: 'RSA-OAEP-256', keyType: 'RSA', expiresAt: null };
  const look =
    (body: object, status = 200, contentType = 'application/json; charset=utf-8') =>
    () =>
      conformance.look({ method: 'GET', url: '//v1/keys/?x=1', status, contentType, text: JSON.stringify(body) });
  expect(look(good)).not.toThrow();
  expect([...conformance.reached]).toEqual(['GET /v1/keys 200']);
  expect(look({ ...good, privateKey: 'PEM' })).toThrow('does not fit'); // a field that nobody described
  expect(look({ ...good, expiresAt: undefined })).toThrow('does not fit');
  expect(look({ ...good, keyType: 'EC' })).toThrow('does not fit');
  expect(look(good, 201)).toThrow('has no 201 in its description');
  expect(look(good, 200, 'text/html')).toThrow('not JSON');
  expect(look({ code: 1, message: 'x', source: 'x', type: 'apiError', stack: 'x' }, 503)).toThrow('does not fit');
  expect(() => conformance.look({ method: 'GET', url: '/v1/nothing', status: 404, contentType: 'application/json; charset=utf-8', text: '{}' })).toThrow(
    'does not fit Error',
  );
});

const authorization = { amount: 1000, phoneNumber: '+77012345678', iin: '900101300123', orderReference: 'W-1', currency: 'KZT' };
const NOBODY = '019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb';
const recipient = { name: 'TOO Credit Partner', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' };
const partner = { name: 'TOO Partner', bin: recipient.bin, iban: recipient.iban, bic: recipient.bic };
const PARTNERS = '/v1/merchants/payment-beneficiaries';
const SPLITS = '/v1/merchants/split-requests';
const ORDERS = '/v1/merchants/settlement-payment-orders';
const invoice = { orderReference: 'I-1', amount: 100, currency: 'KZT', payer: { name: 'TOO Payer', bin: recipient.bin } };
const money = { amount: 1, currency: 'KZT' };
const distribution = { orderReference: 'D-1', amount: 1, currency: 'KZT', recipient, paymentPurpose: 'by contract 123' };

/** A body that is good for an operation on something, but that there is no such thing. */
function bodyOf(method: string, path: string): object {
  if (/wallet/.test(path)) return { amount: 1 };
  if (/(transfer|settlements)$/.test(path)) return money;
  if (/replay/.test(path)) return { from: '2020-01-01T00:00:00Z' };
  return method === 'PATCH' && /split/.test(path) ? { items: [{ beneficiaryId: NOBODY, amount: 1 }] } : {};
}

/** Reaches every answer that is described, each operation by itself. */
class Explorer {
  private readonly th: TestHouse;
  private readonly m: TestMerchant;
  private readonly limited: TestMerchant;
  private readonly mute: string;
  private addresses = 0;

  constructor(th: TestHouse, m: TestMerchant, limited: TestMerchant, mute: string) {
    [this.th, this.m, this.limited, this.mute] = [th, m, limited, mute];
  }

  async ask(
    method: string,
    url: string,
    { key = this.m.apiKey, payload, type = 'application/json' }: { key?: string; payload?: string; type?: string } = {},
  ): Promise<Heard> {
    const headers = { ...(key ? { authorization: key } : {}), ...(payload === undefined ? {} : { 'content-type': type }) };
    const answer = await this.th.app.inject({
      method: method as 'GET',
      url,
      headers,
      remoteAddress: `10.1.${this.addresses >> 8}.${this.addresses++ & 255}`,
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: answer.statusCode, text: answer.body, headers: answer.headers, body: undefined };
  }

  /** What every operation refuses in the same way. */
  async refusals(method: string, path: string, statuses: string[]): Promise<void> {
    const url = path.replaceAll(/\{\w+\}/g, NOBODY);
    const body = method === 'GET' ? undefined : '{}';
    const asked: Record<string, () => Promise<Heard>> = {
      400: () =>
        body === undefined
          ? this.ask(method, path.includes('{') ? path.replaceAll(/\{\w+\}/g, '%zz') : `${url}?page=0&limit=0&currency=0`)
          : this.ask(method, url, { payload: '{' }),
      401: () => this.ask(method, url, { key: '' }),
      403: () => this.ask(method, url, { key: this.mute, payload: body }),
      413: () => this.ask(method, url, { payload: ' '.repeat((path.endsWith('/bulk') ? 1025 : 65) * 1024) }),
      415: () => this.ask(method, url, { payload: '{}', type: 'text/plain' }),
      429: async () => {
        for (let i = 0; i < 20; i++) {
          const heard = await this.ask(method, url, { key: this.limited.apiKey, payload: body });
          if (heard.status === 429) return heard;
        }
        throw new Error(`${method} ${url} is not limited`);
      },
      500: () => this.whileBroken(new Error('out of order'), method, url, 500),
      503: () => this.whileBroken(Object.assign(new Error('lock timeout'), { code: '55P03' }), method, url, 503),
    };
    for (const status of statuses.filter((one) => asked[one])) expectRefusal(await (asked[status] as () => Promise<Heard>)(), Number(status));
  }

  /** Asks while every transaction ends with an error: of the route's, or else of the look at the key. */
  private async whileBroken(error: Error, method: string, url: string, status: number): Promise<Heard> {
    const { db, auth } = this.th.house;
    const known = (auth as unknown as { known: Map<string, unknown> }).known;
    await this.ask('GET', '/v1/merchants/me');
    const broken = db as { merchant: Db['merchant'] };
    const whole = broken.merchant;
    broken.merchant = async () => {
      throw error;
    };
    try {
      const heard = await this.ask(method, url, { payload: method === 'GET' ? undefined : this.bodyFor(`${method} ${url}`) });
      if (heard.status === status) return heard;
      known.clear();
      return await this.ask(method, url);
    } finally {
      broken.merchant = whole;
      known.clear();
    }
  }

  /** A body that gets as far as the database. */
  private bodyFor(operation: string): string {
    const bodies: Record<string, object> = {
      'POST /v1/payout': { tokenId: NOBODY, amount: 1 },
      'POST /v1/distributions': distribution,
      'POST /v1/wallet/authorize': authorization,
      ...Object.fromEntries(['capture', 'cancel', 'refund'].map((name) => [`POST /v1/wallet/${NOBODY}/${name}`, { amount: 1 }])),
      'POST /v1/distributions/bulk': { items: [distribution] },
      'POST /v1/customers': { externalUserId: 'x' },
      [`POST ${PARTNERS}`]: partner,
      [`POST ${PARTNERS}/${NOBODY}/transfer`]: money,
      [`POST ${PARTNERS}/${NOBODY}/settlements`]: money,
      [`POST ${SPLITS}`]: { orderReference: 'x', items: [{ beneficiaryId: NOBODY, amount: 1 }] },
      [`PATCH ${SPLITS}/${NOBODY}`]: { items: [{ beneficiaryId: NOBODY, amount: 1 }] },
      [`POST ${ORDERS}`]: { ...money, requestId: 'x', beneficiaryId: NOBODY },
      'POST /v1/bank-invoices': invoice,
      'POST /v1/sandbox/topup': { amount: 1, currency: 'KZT' },
      'POST /v1/webhook-endpoints': { url: 'http://127.0.0.1:9/' },
      'POST /v1/api-keys': { scopes: [] },
      [`POST /v1/webhook-endpoints/${NOBODY}/replay`]: { from: '2020-01-01T00:00:00Z' },
    };
    return JSON.stringify(bodies[operation] ?? {});
  }
}

test('every answer that is described can be had, and is as it is described', async () => {
  const conformance = await Conformance.open();
  conformance.watch(th);
  const [m, limited] = [await th.merchant({ available: 1_000_00n }), await th.merchant()];
  await withOwner(th.url, (session) => session.exec(`update tolem.merchant set requests_per_second = 1 where merchant_id = '${limited.merchantId}'`));
  const { secret: mute } = (await th.post('/v1/api-keys', m, { scopes: [] })).body as { secret: string };
  const explorer = new Explorer(th, m, limited, mute);

  // What is good.
  const yes = async (status: number, method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown, headers?: Record<string, string>) => {
    const heard = await th.request(method, path, m, body, headers);
    expect(heard.status, `${method} ${path} ${heard.text}`).toBe(status);
    return heard.body as { id: string; url: string };
  };
  const key = { 'idempotency-key': 'one' };
  const card = async (number: string) => {
    const { publicKey } = (await th.get('/v1/keys', m)).body as { publicKey: string };
    return {
      encryptedCardNumber: encrypted(publicKey, number),
      encryptedExpiryMonth: encrypted(publicKey, '12'),
      encryptedExpiryYear: encrypted(publicKey, '2039'),
    };
  };
  const endpoint = await yes(201, 'POST', '/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/', events: ['card.save_failed'] }, key);
  const customer = await yes(201, 'POST', '/v1/customers', { externalUserId: 'u-1' }, key);
  await yes(200, 'POST', '/v1/customers', { externalUserId: 'u-1', phone: '+77011234567' });
  await yes(201, 'POST', '/v1/cards', { customerId: customer.id, cardData: await card('5555555555554444') });
  await yes(201, 'POST', '/v1/cards', { customerId: customer.id }, key);
  const payout = await yes(201, 'POST', '/v1/payout', { tokenId: m.cardToken, amount: 1, merchantReference: 'r/1' }, key);
  const sent = await yes(201, 'POST', '/v1/distributions', distribution, key);
  await yes(200, 'POST', '/v1/distributions/bulk', { items: [{ ...distribution, orderReference: 'D-2' }, distribution, {}] }, key);
  const wallet = (await yes(201, 'POST', '/v1/wallet/authorize', authorization, key)) as unknown as { walletTransactionId: string };
  const purse = `/v1/wallet/${wallet.walletTransactionId}`;
  await th.work(m);
  await yes(200, 'POST', `${purse}/capture`, { amount: 400 }, key);
  await yes(200, 'POST', `${purse}/cancel`, { amount: 100 }, key);
  await th.work(m);
  await yes(200, 'POST', `${purse}/refund`, { amount: 100 }, key);
  const beneficiary = await yes(201, 'POST', PARTNERS, { ...partner, kbe: '17', knp: '119' }, key);
  await yes(200, 'PATCH', `${PARTNERS}/${beneficiary.id}`, { description: 'ours' });
  const shares = { items: [{ beneficiaryId: beneficiary.id, percent: 50 }] };
  await yes(201, 'POST', SPLITS, { orderReference: authorization.orderReference, ...shares }, key);
  const split = await yes(201, 'POST', SPLITS, { orderReference: 'never', ...shares });
  await yes(200, 'PATCH', `${SPLITS}/${split.id}`, { items: [{ beneficiaryId: beneficiary.id, amount: 5 }] });
  await yes(204, 'DELETE', `${SPLITS}/${split.id}`);
  const order = await yes(201, 'POST', ORDERS, { requestId: 'o-1', beneficiaryId: beneficiary.id, amount: 100, currency: 'KZT' }, key);
  await yes(201, 'POST', `${PARTNERS}/${beneficiary.id}/settlements`, money, key);
  await yes(201, 'POST', `${PARTNERS}/${beneficiary.id}/transfer`, money, key);
  const bill = await yes(201, 'POST', '/v1/bank-invoices', invoice, key);
  await yes(202, 'POST', `/v1/sandbox/bank-invoices/${bill.id}/pay`);
  await yes(200, 'POST', `/v1/bank-invoices/${bill.id}/cancel`);
  await yes(201, 'POST', '/v1/sandbox/topup', { amount: 1, currency: 'KZT' }, key);
  await yes(200, 'POST', '/v1/sandbox/clock', { advanceSeconds: 1 });
  const apiKey = await yes(201, 'POST', '/v1/api-keys', { scopes: ['read'] }, key);
  await yes(201, 'POST', `/v1/api-keys/${apiKey.id}/roll`, {});
  await yes(200, 'POST', `/v1/api-keys/${apiKey.id}/revoke`);
  const { data } = (await th.get(`/v1/webhook-endpoints/deliveries?objectId=${payout.id}`, m)).body as { data: { eventId: string; attempts: unknown[] }[] };
  expect(data.map(({ attempts }) => attempts.length)).toEqual([0, 1]); // the second waits for the first
  const eventId = data[0]?.eventId as string;
  const hook = `/v1/webhook-endpoints/${endpoint.id}`;
  for (const [path, body] of [[`${hook}/deliveries/${eventId}/resend`], [`${hook}/replay`, { from: '2020-01-01T00:00:00Z' }], [`${hook}/test`]] as const)
    await yes(202, 'POST', path, body, key);
  await yes(200, 'POST', `${hook}/roll-secret`, undefined, key);
  for (const path of [
    '/v1/keys',
    '/v1/merchants/me',
    `/v1/merchants/${m.merchantId}`,
    PARTNERS,
    `${PARTNERS}/${beneficiary.id}`,
    SPLITS,
    `${SPLITS}/${split.id}`,
    ORDERS,
    `${ORDERS}/${order.id}`,
    '/v1/bank-invoices',
    `/v1/bank-invoices/${bill.id}`,
    '/v1/api-keys',
    '/v1/payout',
    '/v1/transactions',
    `/v1/transactions/${payout.id}`,
    `/v1/transactions/${payout.id}/history`,
    '/v1/transactions/by-order-reference/r%2F1',
    '/v1/wallet/transactions/',
    `/v1/wallet/transaction/${wallet.walletTransactionId}`,
    '/v1/distributions',
    '/v1/distributions/balance',
    `/v1/distributions/${sent.id}`,
    '/v1/customers',
    `/v1/customers/${customer.id}`,
    `/v1/customers/${customer.id}/cards`,
    `/v1/customers/${customer.id}/transactions`,
    '/v1/webhook-endpoints',
    hook,
    '/v1/events',
    `/v1/events/${eventId}`,
  ])
    await yes(200, 'GET', path);

  // What is refused for its own reasons.
  await yes(404, 'POST', '/v1/payout', { tokenId: NOBODY, amount: 1 });
  await yes(404, 'POST', '/v1/cards', { customerId: NOBODY });
  await yes(404, 'GET', '/v1/webhook-endpoints/deliveries?endpointId=x');
  for (const { method, path, operation } of await operations()) {
    if (operation.responses[404] && path.includes('{'))
      await yes(404, method as 'GET', path.replaceAll(/\{\w+\}/g, NOBODY), method === 'GET' ? undefined : bodyOf(method, path));
  }
  for (const [path, body] of [
    [PARTNERS, partner],
    [`${PARTNERS}/${beneficiary.id}/transfer`, { ...money, amount: 2 }],
    [`${PARTNERS}/${beneficiary.id}/settlements`, { ...money, amount: 2 }],
  ] as const)
    await yes(409, 'POST', path, body, key);
  for (const path of ['transfer', 'settlements']) await yes(422, 'POST', `${PARTNERS}/${beneficiary.id}/${path}`, { ...money, amount: 100_000 });
  await yes(422, 'POST', PARTNERS, { ...partner, bic: 'X' });
  await yes(422, 'PATCH', `${PARTNERS}/${beneficiary.id}`, { bic: 'X' });
  await yes(404, 'POST', SPLITS, { orderReference: 'x', items: [{ beneficiaryId: NOBODY, amount: 1 }] });
  await yes(409, 'POST', SPLITS, { orderReference: 'x', ...shares }, key);
  await yes(422, 'POST', SPLITS, { orderReference: 'x', items: [{ beneficiaryId: beneficiary.id }] });
  await yes(409, 'PATCH', `${SPLITS}/${split.id}`, shares);
  await yes(422, 'PATCH', `${SPLITS}/${split.id}`, { items: [{ beneficiaryId: beneficiary.id }] });
  await yes(409, 'DELETE', `${SPLITS}/${split.id}`);
  await yes(404, 'POST', ORDERS, { requestId: 'o-2', beneficiaryId: NOBODY, ...money });
  await yes(409, 'POST', ORDERS, { requestId: 'o-1', beneficiaryId: beneficiary.id, ...money });
  await yes(422, 'POST', ORDERS, { requestId: 'o-2', beneficiaryId: beneficiary.id, amount: 100_000_00, currency: 'KZT' });
  await yes(409, 'POST', '/v1/bank-invoices', { ...invoice, amount: 1 }, key);
  await yes(422, 'POST', '/v1/bank-invoices', { ...invoice, knp: '1' });
  await yes(409, 'POST', `/v1/bank-invoices/${bill.id}/cancel`);
  (th.house.config.bank as { isSandbox: boolean }).isSandbox = false;
  await yes(409, 'POST', `/v1/sandbox/bank-invoices/${bill.id}/pay`);
  await yes(409, 'POST', '/v1/payout', { tokenId: m.cardToken, amount: 2 }, key);
  await yes(409, 'POST', '/v1/wallet/authorize', { ...authorization, amount: 1 }, key);
  await yes(422, 'POST', '/v1/wallet/authorize', { ...authorization, phoneNumber: '1' }, { 'idempotency-key': 'two' });
  for (const name of ['capture', 'cancel', 'refund']) {
    await yes(409, 'POST', `${purse}/${name}`, { amount: 1 }, key);
    await yes(422, 'POST', `${purse}/${name}`, { amount: 100_000 });
  }
  await yes(409, 'POST', '/v1/distributions', distribution);
  await yes(409, 'POST', '/v1/distributions/bulk', { items: [{}] }, key);
  await yes(422, 'POST', '/v1/distributions', { ...distribution, orderReference: 'D-3', recipient: { ...recipient, kbe: '99' } });
  await yes(409, 'POST', '/v1/cards', {}, key);
  await yes(409, 'POST', '/v1/customers', { externalUserId: 'u-2' }, key);
  await yes(409, 'POST', '/v1/sandbox/topup', { amount: 2, currency: 'KZT' }, key);
  await yes(409, 'POST', '/v1/api-keys', { scopes: [] }, key);
  await yes(409, 'POST', '/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/2' }, key);
  await yes(409, 'POST', `${hook}/roll-secret`, { overlapSeconds: 1 }, key);
  await yes(409, 'POST', `/v1/api-keys/${apiKey.id}/roll`, {});
  await yes(422, 'POST', '/v1/payout', { tokenId: m.cardToken, amount: 1, description: 'to 4111111111111111' });
  await yes(422, 'POST', '/v1/cards', { cardData: await card('5555555555554445') });
  await yes(422, 'POST', '/v1/customers', {});
  await yes(422, 'POST', '/v1/webhook-endpoints', { url: 'x' });
  await yes(422, 'PATCH', hook, { url: 'x' });
  await yes(200, 'PATCH', hook, { description: 'mine' });
  await yes(200, 'POST', `${hook}/disable`);
  for (const [path, body] of [[`${hook}/deliveries/${eventId}/resend`], [`${hook}/replay`, { from: '2020-01-01T00:00:00Z' }], [`${hook}/test`]] as const)
    await yes(409, 'POST', path, body);
  await yes(200, 'POST', `${hook}/enable`);
  for (const { method, path, operation } of await operations()) await explorer.refusals(method, path, Object.keys(operation.responses));
  await th.merchant({ mode: 'live' });
  await yes(409, 'POST', '/v1/sandbox/clock', { advanceSeconds: 1 });

  const missed = conformance.documented().filter((one) => !conformance.reached.has(one));
  console.info(
    `${conformance.reached.size} of ${conformance.documented().length} documented answers were reached${missed.length > 0 ? `; not: ${missed.join(', ')}` : ''}`,
  );
  expect(missed).toEqual([]);
}, 60_000);

test('a commit that nobody knows of is 503, and says how to find out', async () => {
  const m = await th.merchant();
  await th.get('/v1/customers', m);
  const db = th.house.db as { merchant: Db['merchant'] };
  const whole = db.merchant;
  db.merchant = async () => {
    throw new CommitUnknown(new Error('gone'));
  };
  const heard = await th.post('/v1/customers', m, { externalUserId: 'x' });
  db.merchant = whole;
  expectRefusal(heard, 503, 'ask again with the same Idempotency-Key');
});

test('it is served, and the page that shows it loads nothing from elsewhere', async () => {
  const { status, text } = await th.get('/openapi.json', null);
  expect([status, text]).toEqual([200, JSON.stringify(api)]);
  const page = await th.app.inject({ method: 'GET', url: '/docs/' });
  expect(page.statusCode).toBe(200);
  expect([...page.body.matchAll(/(?:src|href)="(https?:[^"]*)"/g)].map(([, url]) => url)).toEqual([]);
  const program = await th.app.inject({ method: 'GET', url: '/docs/js/scalar.js' });
  expect([program.statusCode, program.headers['content-type']]).toEqual([200, 'text/javascript; charset=utf-8']);
  expect(program.body).toContain('createApiReference');
});
