/** What a developer sends by mistake, and what others send on purpose: a clear refusal in the API's format, and nothing is done. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';
import { Conformance } from './conformance.ts';
import { expectRefusal, rowsOf } from './refusals.ts';

let th: TestHouse;
let m: TestMerchant;
let before: Record<string, number>;
beforeAll(async () => {
  th = await openTestHouse();
  (await Conformance.open()).watch(th);
  m = await th.merchant({ available: 1_000_000_00n });
  await th.get('/v1/keys', m); // makes the platform's key, once
  before = await rowsOf(th);
});
afterAll(() => th.close());

/** A payout that would be accepted, as text, with one thing put in another's place. */
const payout = (change: Record<string, unknown> = {}): string => JSON.stringify({ tokenId: m.cardToken, amount: 100, currency: 'KZT', ...change });
const raw = (from: string, to: string) => () => payout().replace(from, to);
const changed = (change: Record<string, unknown>) => () => payout(change);

const bad: [what: string, body: () => string, status: number, says: string, field?: string][] = [
  ['an unknown field', changed({ amountMinor: 100 }), 400, 'amountMinor is not a field of this request', 'amountMinor'],
  ['an amount in quotes', changed({ amount: '100' }), 400, 'amount must be a number', 'amount'],
  ['an amount with a comma', changed({ amount: '100,05' }), 400, 'amount must be a number', 'amount'],
  ['an exponent', raw('100', '1e3'), 400, 'amount: 1e3 is written with an exponent', 'amount'],
  ['an exponent in capitals', raw('100', '1E3'), 400, 'amount: 1E3 is written with an exponent', 'amount'],
  ['less than nothing', changed({ amount: -1 }), 400, 'amount must be more than 0', 'amount'],
  ['nothing', changed({ amount: 0 }), 400, 'amount must be more than 0', 'amount'],
  ['minus nothing', raw('100', '-0'), 400, 'amount must be more than 0', 'amount'],
  ['0.00', raw('100', '0.00'), 400, 'amount must be more than 0', 'amount'],
  ['2^53 + 1', raw('100', '9007199254740993'), 400, 'amount: 9007199254740993 has more digits than can be kept exactly', 'amount'],
  ['more money than there is', changed({ amount: 10_000_000_000_000 }), 400, 'is more than can be moved at once'],
  ['three decimals of a tenge', changed({ amount: 1.005 }), 400, 'has more decimals than KZT has (2)'],
  ['a sum of floats', changed({ amount: 0.1 + 0.2 }), 400, 'more digits than can be kept exactly', 'amount'],
  ['decimals of a yen', changed({ amount: 1.5, currency: 'JPY' }), 400, 'has more decimals than JPY has (0)'],
  ['a leading zero', raw('100', '0100'), 400, 'the body is not JSON'],
  ['a plus', raw('100', '+100'), 400, 'the body is not JSON'],
  ['NaN', raw('100', 'NaN'), 400, 'the body is not JSON'],
  ['hexadecimal', raw('100', '0x64'), 400, 'the body is not JSON'],
  ['an amount that is null', changed({ amount: null }), 400, 'amount must be a number', 'amount'],
  ['an amount that is true', changed({ amount: true }), 400, 'amount must be a number', 'amount'],
  ['an amount with a currency in it', changed({ amount: { value: 100, currency: 'KZT' } }), 400, 'amount must be a number', 'amount'],
  ['an amount in a list', changed({ amount: [100] }), 400, 'amount must be a number', 'amount'],
  ['a currency that is none', changed({ currency: 'XXX' }), 400, 'currency: "XXX" is not an ISO 4217 code'],
  ['a currency in small letters', changed({ currency: 'kzt' }), 400, 'currency must be an ISO 4217 code in capitals, such as KZT', 'currency'],
  ['a currency that looks like one', changed({ currency: 'КZT' }), 400, 'currency must be an ISO 4217 code', 'currency'],
  ['a currency by its number', changed({ currency: 398 }), 400, 'currency must be a string', 'currency'],
  ['a currency with a line after it', changed({ currency: 'KZT\n' }), 400, 'currency must be an ISO 4217 code', 'currency'],
  ['no token', changed({ tokenId: undefined }), 400, 'tokenId is required', 'tokenId'],
  ['an empty token', changed({ tokenId: '' }), 400, 'tokenId must not be empty', 'tokenId'],
  ['a token that is null', changed({ tokenId: null }), 400, 'tokenId must be a string', 'tokenId'],
  ['a token that is a card number', changed({ tokenId: '4111111111111111' }), 404, 'no such saved card'],
  ['a token that nobody has', changed({ tokenId: '019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb' }), 404, 'no saved card'],
  ['a token that is a list', changed({ tokenId: ['a'] }), 400, 'tokenId must be a string', 'tokenId'],
  ['a long description', changed({ description: 'я'.repeat(256) }), 400, 'description must not have more than 255 characters', 'description'],
  ['a description that is a number', changed({ description: 5 }), 400, 'description must be a string', 'description'],
  ['an empty reference', changed({ merchantReference: '' }), 400, 'merchantReference must not be empty', 'merchantReference'],
  ['two references', changed({ merchantReference: 'a', orderReference: 'b' }), 400, 'are two names of one thing, and differ'],
  ['a requestId with a space', changed({ requestId: 'a b' }), 400, 'requestId must be visible ASCII characters, without spaces', 'requestId'],
  ['NUL', changed({ description: 'a\0b' }), 400, 'description: has the character U+0000'],
  ['NUL in a name', changed({ 'a\0': 1 }), 400, 'U+0000'],
  ['half a surrogate pair', raw('}', ',"description":"\\ud800"}'), 400, 'description: has half of a surrogate pair'],
  ['surrogates the wrong way round', raw('}', ',"description":"\\udc00\\ud800"}'), 400, 'half of a surrogate pair'],
  ['a name twice', raw('{', '{"amount":1,'), 400, 'amount: this name stands twice', 'amount'],
  ['a name twice, once escaped', raw('{', '{"\\u0061mount":1,'), 400, 'amount: this name stands twice', 'amount'],
  ['__proto__', raw('{', '{"__proto__":{"isAdmin":true},'), 400, '__proto__: not a name that is accepted'],
  ['__proto__, escaped', raw('{', '{"__pr\\u006fto__":{"isAdmin":true},'), 400, '__proto__: not a name that is accepted'],
  ['constructor', changed({ constructor: { prototype: { isAdmin: true } } }), 400, 'constructor is not a field of this request', 'constructor'],
  ['toString', changed({ toString: 1, hasOwnProperty: 1 }), 400, 'toString is not a field of this request', 'toString'],
  ['all that is wrong at once', () => '{"amount":"x","currency":"kzt","foo":1}', 400, 'tokenId is required'],
  ['an empty object', () => '{}', 400, 'tokenId is required; amount is required'],
  ['an empty body', () => '', 400, 'the body is empty; send a JSON object'],
  ['spaces', () => ' \n ', 400, 'the body is not JSON'],
  ['null', () => 'null', 400, 'the body is empty; send a JSON object'],
  ['a list', () => `[${payout()}]`, 400, 'body must be an object'],
  ['a string', () => JSON.stringify(payout()), 400, 'body must be an object'],
  ['a number', () => '5', 400, 'body must be an object'],
  ['two objects', () => payout() + payout(), 400, 'something follows the JSON value'],
  ['a body that was cut off', () => payout().slice(0, -20), 400, 'the body is not JSON'],
  ['a comma too many', raw('}', ',}'), 400, 'the body is not JSON'],
  ['a comment', raw('{', '{/* hello */'), 400, 'the body is not JSON'],
  ['quotes of another kind', () => payout().replaceAll('"', "'"), 400, 'the body is not JSON'],
  ['deep nesting', () => `${'['.repeat(20_000)}${']'.repeat(20_000)}`, 400, 'nested deeper than 32'],
  ['deep nesting of objects', () => '{"a":'.repeat(10_000), 400, 'nested deeper than 32'],
  ['a form', () => 'tokenId=x&amount=100', 400, 'the body is not JSON'],
];

test.each(bad)('a payout with %s is refused', async (_, body, status, says, field) => {
  const text = body();
  const { details } = expectRefusal(await th.post('/v1/payout', m, text), status, says);
  if (field) expect(details?.map((detail) => detail.field)).toContain(field);
});

test('ten megabytes are refused before they are read', async () => {
  expectRefusal(await th.post('/v1/payout', m, payout({ description: 'x'.repeat(10_000_000) })), 413, 'the body is larger than 64 KB');
  expectRefusal(await th.post('/v1/payout', m, ' '.repeat(64 * 1024 + 1)), 413, 'the body is larger than 64 KB');
});

test.each([
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/xml',
  'application/merge-patch+json',
  'application/jsonx',
  'nonsense',
  '',
])('Content-Type %j is refused', async (type) => {
  expectRefusal(await th.post('/v1/payout', m, payout(), { 'content-type': type }), 415, 'send JSON, with Content-Type: application/json');
});

test('a body without a Content-Type is refused', async () => {
  const answer = await th.app.inject({ method: 'POST', url: '/v1/payout', headers: { authorization: m.apiKey }, payload: payout() });
  expectRefusal({ status: answer.statusCode, text: answer.body, headers: answer.headers }, 415, 'send JSON');
});

test.each([
  ['a list', Buffer.from([0x5b, 0xff, 0x5d])],
  ['a surrogate, encoded', Buffer.concat([Buffer.from('{"description":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')])],
  ['UTF-16', Buffer.from('{"amount":1}', 'utf16le')],
])('what is not UTF-8 is refused: %s', async (_, payload) => {
  const answer = await th.app.inject({ method: 'POST', url: '/v1/payout', headers: { authorization: m.apiKey, 'content-type': 'application/json' }, payload });
  expectRefusal({ status: answer.statusCode, text: answer.body, headers: answer.headers }, 400, /not UTF-8|not JSON/);
});

test.each(['a b', '', 'ключ', 'a'.repeat(256), 'a\tb'])('the Idempotency-Key %j is refused', async (key) => {
  expectRefusal(await th.post('/v1/payout', m, payout(), { 'idempotency-key': key }), 400, 'Idempotency-Key: 1 to 255 visible ASCII characters');
});

test('an Idempotency-Key and a requestId that differ are refused', async () => {
  expectRefusal(await th.post('/v1/payout', m, payout({ requestId: 'a' }), { 'idempotency-key': 'b' }), 409, 'Idempotency-Key and requestId differ');
});

const others: [path: string, body: unknown, status: number, says: string | RegExp][] = [
  ['/v1/sandbox/topup', { amount: 1.5, currency: 'KZT' }, 400, 'amount must be a whole number'],
  ['/v1/sandbox/topup', { amount: '100', currency: 'KZT' }, 400, 'amount must be a whole number'],
  ['/v1/sandbox/topup', { amount: 0, currency: 'KZT' }, 400, 'amount must be >= 1'],
  ['/v1/sandbox/topup', { amount: 10 ** 15, currency: 'KZT' }, 400, 'amount must be <= 999999999999999'],
  ['/v1/sandbox/topup', { amount: 1 }, 400, 'currency is required'],
  ['/v1/sandbox/topup', { amount: 1, currency: 'ZZZ' }, 400, 'not an ISO 4217 code'],
  ['/v1/sandbox/clock', { advanceSeconds: -1 }, 400, 'advanceSeconds must be >= 1'],
  ['/v1/cards', { cardData: { encryptedCardNumber: 'x' } }, 400, 'cardData.encryptedExpiryMonth is required; cardData.encryptedExpiryYear is required'],
  ['/v1/cards', { cardData: { encryptedCardNumber: 'x', encryptedExpiryMonth: 'x', encryptedExpiryYear: 'x' } }, 422, 'cardData cannot be decrypted'],
  [
    '/v1/cards',
    { cardData: { encryptedCardNumber: 'x', encryptedExpiryMonth: 'x', encryptedExpiryYear: 'x', number: '4111111111111111' } },
    400,
    'cardData.number is not a field of this request',
  ],
  ['/v1/cards', { customer: { email: 'a@example.kz', isAdmin: true } }, 400, 'customer.isAdmin is not a field of this request'],
  ['/v1/cards', { customer: { email: 'a@example.kz' }, customerId: 'x' }, 422, 'two ways to say one thing'],
  ['/v1/cards', { customerId: 'x' }, 404, 'no such customer'],
  ['/v1/cards', { successUrl: 'javascript:alert(1)' }, 422, 'successUrl is not an address'],
  ['/v1/cards', { failureUrl: 'https://user:pass@example.kz/' }, 422, 'failureUrl is not an address'],
  ['/v1/customers', {}, 422, 'externalUserId or email is required'],
  ['/v1/customers', { externalUserId: '4111111111111111' }, 422, 'externalUserId holds a card number'],
  ['/v1/customers', { email: 'nobody' }, 422, 'email is not an e-mail address'],
  ['/v1/customers', { email: 5 }, 400, 'email must be a string'],
  ['/v1/webhook-endpoints', {}, 400, 'url is required'],
  ['/v1/webhook-endpoints', { url: 'ftp://example.kz/' }, 422, 'url: must begin with https://'],
  ['/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/', events: ['everything'] }, 400, '"everything" is not a type of event'],
  ['/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/', events: ['card.saved', 'card.saved'] }, 400, 'events must not have duplicate items'],
  ['/v1/api-keys', { scopes: ['root'] }, 400, /scopes\.0 must be "payouts" or "wallet" or "read" or/],
  ['/v1/api-keys', { scopes: [], kind: 'client' }, 400, 'kind must be "key" or "token"'],
  ['/v1/api-keys', { scopes: [], expiresInSeconds: 0 }, 400, 'expiresInSeconds must be >= 1'],
];
test.each(others)('POST %s %j is refused', async (path, body, status, says) => {
  expectRefusal(await th.post(path, m, body), status, says);
});

test.each([
  ['/v1/payout?page=0', 'query: page must be >= 1'],
  ['/v1/payout?size=101', 'query: size must be <= 100'],
  ['/v1/payout?page=x', 'query: page must be a whole number'],
  ['/v1/payout?page=1.5', 'query: page must be a whole number'],
  ['/v1/payout?page=1e1', 'query: page must be a whole number'],
  ['/v1/payout?page=-1', 'query: page must be'],
  ['/v1/payout?page=', 'query: page must be a whole number'],
  ['/v1/payout?page=1&page=2', 'query: page must be a whole number'],
  ['/v1/payout?page=99999999999999999999', 'query: page must be a whole number'],
  ['/v1/payout?status=paid', 'query: status must be "new" or "processing" or "settled" or "rejected" or "failed"'],
  ['/v1/payout?from=yesterday', 'query: from must be a moment such as 2025-12-08T13:48:09Z'],
  ['/v1/payout?from=2025-02-30T00:00:00Z', 'query: from must be a moment'],
  ['/v1/payout?to=%00', 'the URL has the character U+0000'],
  ['/v1/events?after=x', 'after: this is not a cursor that was given to you'],
  ['/v1/events?after=a&after=b', 'query: after must be a string'],
  ['/v1/events?limit=501', 'query: limit must be <= 500'],
  ['/v1/webhook-endpoints/deliveries?state=lost', 'query: state must be "pending" or'],
  ['/v1/transactions/by-order-reference/%00', 'the URL has the character U+0000'],
])('GET %s is refused', async (path, says) => {
  expectRefusal(await th.get(path, m), 400, says);
});

test('a card that has expired is refused when it is saved', async () => {
  await expect(th.saveCard(m, '4111111111111111', [1, 2020])).rejects.toThrow('the expiry date is past');
});

test('after all of this nothing was done, and nobody is an administrator', async () => {
  expect(await rowsOf(th)).toEqual(before);
  expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
});

test('a saved card that has expired meanwhile: the payout is made and rejected, and nothing is held', async () => {
  const token = await th.saveCard(m, '4200000000000000', [12, 2026]);
  const was = await th.balances(m);
  const offset = Date.UTC(2027, 0, 2) - th.house.clock.now().getTime();
  th.house.clock.setOffset(Math.max(0, offset));
  const { status, body } = await th.post('/v1/payout', m, { tokenId: token, amount: 100 });
  th.house.clock.setOffset(0);
  expect(status).toBe(201);
  expect(body).toMatchObject({ status: 'rejected', errorCode: '54', error_code: '54', errorMessage: 'expired card' });
  expect(await th.balances(m)).toEqual(was);
});

test('a reference of any letters is found again', async () => {
  for (const reference of ['я'.repeat(128), '😀'.repeat(128), 'a/b?c#d%e', '../me', 'a b\u00a0c']) {
    await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: 1, merchantReference: reference });
    const { status, body } = await th.get(`/v1/transactions/by-order-reference/${encodeURIComponent(reference)}`, m);
    expect([status, body.merchantReference]).toEqual([200, reference]);
  }
});
