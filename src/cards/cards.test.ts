import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { NewMerchant } from '../merchants/open.ts';
import { testPan } from '../vault/testing.ts';
import { type CardDesk, openCardDesk } from './testing.ts';

let desk: CardDesk;
let m: NewMerchant;
beforeAll(async () => {
  desk = await openCardDesk(inject('postgres'));
  m = await desk.merchant();
});
afterAll(() => desk?.close());

const events = (merchantId: string, objectId: string) =>
  desk.rows<{ type: string; body: string; object_seq: number }>(
    `select type, body, object_seq from tolem.event where merchant_id = '${merchantId}' and object_id = '${objectId}' order by object_seq`,
  );
const count = async (table: string) => Number((await desk.rows<{ n: string }>(`select count(*) as n from ${table}`))[0]?.n);

test('GET /v1/keys gives the key that card data is encrypted to', async () => {
  const { status, body } = await desk.api('GET', '/v1/keys', m);
  expect(status).toBe(200);
  expect(body).toEqual({
    id: 'key_1',
    publicKey: expect.stringMatching(/^-----BEGIN PUBLIC KEY-----\n[\s\S]+-----END PUBLIC KEY-----\n$/),
    algorithm: 'RSA-OAEP-256',
    keyType: 'RSA',
    expiresAt: null,
  });
});

test('card data is saved at once, and the webhook brings the token', async () => {
  const { status, body } = await desk.api('POST', '/v1/cards', m, {
    customer: { externalUserId: 'u-1', firstName: 'Aigerim' },
    cardData: await desk.cardData('4111 1111 1111 1111', ['12', '39'], { encryptedCvv: 'x' }),
  });
  expect(status).toBe(201);
  expect(body).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    status: 'saved',
    customerId: expect.any(String),
    url: null,
    cardTokenId: expect.any(String),
    createdAt: expect.any(String),
    expiresAt: null,
  });
  const [event, ...more] = await events(m.merchantId, body.cardTokenId);
  expect(more).toEqual([]);
  expect(JSON.parse(event?.body as string)).toEqual({
    name: 'card.saved',
    merchantId: m.merchantId,
    data: {
      cardTokenId: body.cardTokenId,
      customerId: body.customerId,
      externalUserId: 'u-1',
      brand: 'visa',
      bin: '411111',
      last4: '1111',
      expiryMonth: 12,
      expiryYear: 2039,
    },
    postedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/),
  });
  expect(await desk.panOf(m.merchantId, body.cardTokenId)).toBe('4111111111111111');
  const { body: cards } = await desk.api('GET', `/v1/customers/${body.customerId}/cards`, m);
  expect(cards.data).toEqual([
    {
      id: body.cardTokenId,
      customerId: body.customerId,
      brand: 'visa',
      bin: '411111',
      last4: '1111',
      expiryMonth: 12,
      expiryYear: 2039,
      createdAt: expect.any(String),
    },
  ]);
});

test('asked again under its key it is answered as before, and nothing is stored twice', async () => {
  const body = { customer: { email: 'b@example.kz' }, cardData: await desk.cardData(testPan(1)) };
  const before = await count('vault.card');
  const answers = await Promise.all(Array.from({ length: 8 }, () => desk.api('POST', '/v1/cards', m, body, { 'idempotency-key': 'again-1' })));
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined).length).toBe(1);
  const later = await desk.api('POST', '/v1/cards', m, body, { 'idempotency-key': 'again-1' });
  expect(later.text).toBe(answers[0]?.text);
  expect(await count('vault.card')).toBe(before + 1);
  expect((await desk.api('POST', '/v1/cards', m, { ...body, customer: { email: 'c@example.kz' } }, { 'idempotency-key': 'again-1' })).status).toBe(409);
});

test('a refused card names its fields, says nothing of their values, and leaves nothing behind', async () => {
  const before = [await count('vault.card'), await count('tolem.card_token'), await count('tolem.customer')];
  const refused = async (number: string, expiry?: [string, string], more?: Record<string, string>) =>
    (await desk.api('POST', '/v1/cards', m, { customer: { externalUserId: 'never' }, cardData: await desk.cardData(number, expiry, more) })).body;
  const { publicKey } = await desk.vault.publicKey();
  const { encrypted } = await import('../vault/testing.ts');
  expect(await refused('4111111111111112')).toEqual({
    code: 5,
    message: 'unprocessable entity: the card number fails its check digit',
    source: 'cards',
    type: 'validationError',
    details: [{ field: 'cardData.encryptedCardNumber', message: 'fails its check digit' }],
  });
  expect((await refused('4111111111111111', ['01', '2020'])).details).toEqual([
    { field: 'cardData.encryptedExpiryMonth', message: 'is past: the card has expired' },
    { field: 'cardData.encryptedExpiryYear', message: 'is past: the card has expired' },
  ]);
  expect((await refused('abc', ['13', '2039'], { encryptedCardholderName: encrypted(publicKey, '<b>') })).details.length).toBe(4);
  expect((await refused('4111111111111112')).message).not.toMatch(/\d{6}/);
  expect([await count('vault.card'), await count('tolem.card_token'), await count('tolem.customer')]).toEqual(before);
});

test('PKCS#1 v1.5 and everything else that cannot be decrypted is refused in the same words', async () => {
  const good = await desk.cardData('4111111111111111');
  const texts = await Promise.all(
    [{ encryptedCardNumber: 'AAAA' }, { encryptedExpiryMonth: good.encryptedCardNumber?.slice(0, -4) ?? '' }, { encryptedCardholderName: '!' }].map(
      async (wrong) => (await desk.api('POST', '/v1/cards', m, { cardData: { ...good, ...wrong } })).text,
    ),
  );
  expect(new Set(texts).size).toBe(1);
  expect(JSON.parse(texts[0] as string)).toMatchObject({ code: 5, details: [{ field: 'cardData' }] });
});

test('the customer is found, or made, or named by its id', async () => {
  const save = async (who: object) => (await desk.api('POST', '/v1/cards', m, { ...who, cardData: await desk.cardData(testPan(7)) })).body.customerId as string;
  const first = await save({ customer: { externalUserId: 'u-7', email: 'u7@example.kz' } });
  expect(await save({ customer: { externalUserId: 'u-7', phone: '+77010000007' } })).toBe(first);
  expect(await save({ customer: { email: 'U7@example.kz' } })).toBe(first);
  expect(await save({ customerId: first })).toBe(first);
  expect(await save({})).not.toBe(first);
  expect((await desk.api('GET', `/v1/customers/${first}`, m)).body).toMatchObject({
    externalUserId: 'u-7',
    email: 'u7@example.kz',
    phone: '+77010000007',
    firstName: null,
  });
  for (const customerId of [desk.ids.uuid(), 'nobody'])
    expect((await desk.api('POST', '/v1/cards', m, { customerId, cardData: await desk.cardData(testPan(8)) })).status).toBe(404);
  expect((await desk.api('POST', '/v1/cards', m, { customerId: first, customer: { email: 'x@example.kz' } })).status).toBe(422);
});

test('without card data there is a page; what opens it is not in the database', async () => {
  const { status, body } = await desk.api('POST', '/v1/cards', m, { customer: { externalUserId: 'u-9' } });
  expect(status).toBe(201);
  expect(body).toEqual({
    id: expect.any(String),
    status: 'new',
    customerId: expect.any(String),
    url: expect.stringMatching(/^https:\/\/pay\.example\/cards\/[0-9A-Za-z]{28}$/),
    cardTokenId: null,
    createdAt: expect.any(String),
    expiresAt: expect.any(String),
  });
  expect(Date.parse(body.expiresAt) - Date.parse(body.createdAt)).toBe(24 * 3_600_000);
  const pageId = body.url.split('/').at(-1);
  for (const table of ['tolem.card_session', 'tolem.page_owner']) expect(JSON.stringify(await desk.rows(`select * from ${table}`))).not.toContain(pageId);
});

test.each([
  'http://shop.example/done',
  'javascript:alert(1)',
  '//evil.example',
  'https:evil.example',
  'https://user:pw@shop.example',
  'https://shop.example\\@evil.example',
  'https://a;b.example/',
  "https://shop.example/'%0d%0aSet-Cookie:x",
  'data:text/html,x',
  'https://shop.example/\u202Egnp.exe',
  'http://localhost.evil.example/',
  'http://127.0.0.1/',
  'https://',
  'https://shop.example/"><script>',
  '/relative',
  ' https://shop.example',
  'https://shop.example/\n',
  'ftp://localhost/',
])('the page leads to no such address: %j', async (url) => {
  const { status, body } = await desk.api('POST', '/v1/cards', m, { successUrl: url });
  // An apostrophe and an escape are text in an address; nothing else of these is one.
  expect(status).toBe(url.startsWith("https://shop.example/'") ? 201 : 422);
  if (status === 422) expect(body.details).toEqual([{ field: 'successUrl', message: expect.any(String) }]);
});

test('a card number in any field but the encrypted ones is refused', async () => {
  for (const [name, value] of Object.entries({
    externalUserId: '4111111111111111',
    firstName: 'Card 4111 1111 1111 1111',
    phone: '4111-1111-1111-1111',
    email: '4111111111111111@example.kz',
  })) {
    const { status, body } = await desk.api('POST', '/v1/cards', m, { customer: { [name]: value } });
    expect([status, body.details?.[0]?.field]).toEqual([422, `customer.${name}`]);
  }
});

test("another merchant's customer is not there", async () => {
  const other = await desk.merchant('Other');
  const { body } = await desk.api('POST', '/v1/customers', m, { externalUserId: 'mine' });
  expect((await desk.api('POST', '/v1/cards', other, { customerId: body.id, cardData: await desk.cardData(testPan(11)) })).status).toBe(404);
  expect((await desk.api('GET', `/v1/customers/${body.id}/cards`, other)).status).toBe(404);
});

test('no column outside the vault holds a card number, nor does the log', async () => {
  const pan = testPan(4242);
  const data = await desk.cardData(pan, ['12', '2039']);
  await desk.api('POST', '/v1/cards', m, { cardData: data }, { 'idempotency-key': 'hunt' });
  const page = await desk.page(m);
  await desk.send(page, { number: `${pan.slice(0, -1)}${(Number(pan.at(-1)) + 1) % 10}`, expiry: '12/39' });
  await desk.send(page, { number: pan, expiry: '12/39', holder: 'A SERIKOVA' });
  const tables = await desk.rows<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('tolem', 'vault', 'audit_v1')`,
  );
  expect(tables.length).toBeGreaterThan(15);
  const spellings = [
    pan,
    pan.replace(/(.{4})(?=.)/g, '$1 '),
    pan.replace(/(.{4})(?=.)/g, '$1-'),
    [...pan].reverse().join(''),
    Buffer.from(pan).toString('base64').slice(0, 20),
    Buffer.from(pan).toString('hex'),
    'SERIKOVA',
    Buffer.from('SERIKOVA').toString('hex'),
  ];
  for (const { name } of tables) {
    const [row] = await desk.rows<{ all: string }>(`select string_agg(t::text, ' ') as all from ${name} t`);
    for (const spelling of spellings) expect(row?.all ?? '').not.toContain(spelling);
  }
  for (const spelling of spellings) expect(desk.logged.join('\n')).not.toContain(spelling);
});
