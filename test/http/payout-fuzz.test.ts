/** Bodies that nobody thought of, good ones and nearly good ones: never our fault, always the format, and a refusal leaves nothing. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';
import { Conformance } from './conformance.ts';
import { expectRefusal, rowsOf } from './refusals.ts';

let th: TestHouse;
let m: TestMerchant;
beforeAll(async () => {
  th = await openTestHouse();
  (await Conformance.open()).watch(th);
  m = await th.merchant({ available: 9_000_000_000_00n });
});
afterAll(() => th.close());

const TOKEN = '«token»';
const anything = fc.oneof(
  fc.anything({
    withNullPrototype: false,
    maxDepth: 2,
    values: [fc.constant(null), fc.boolean(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string({ unit: 'binary' })],
  }),
  fc.constantFrom<unknown>(null, '', 0, -0, [], {}, true, '100', 'null', '\0', '\ud800', 1e21, 5e-324, 2 ** 53, '﷽'.repeat(300)),
);
const or = (good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => fc.oneof({ weight: 6, arbitrary: good }, { weight: 1, arbitrary: anything });
const text = (maxLength: number) => fc.string({ unit: 'grapheme-composite', maxLength });

const body = fc
  .record(
    {
      tokenId: or(fc.oneof({ weight: 8, arbitrary: fc.constant(TOKEN) }, fc.uuid(), fc.string())),
      amount: or(
        fc.oneof(
          fc.integer({ min: 1, max: 1_000_000 }),
          fc.integer({ min: 1, max: 100_000_000 }).map((minor) => Number(`${minor}e-2`)),
          fc.integer({ min: 1, max: 1_000_000 }).map((minor) => Number(`${minor}e-3`)),
          fc.double(),
          fc.maxSafeInteger(),
        ),
      ),
      currency: or(fc.constantFrom('KZT', 'KZT', 'USD', 'JPY', 'KWD', 'kzt', 'XXX', 'KZ')),
      description: or(text(300)),
      merchantReference: or(text(140)),
      requestId: or(fc.string({ minLength: 1, maxLength: 40 })),
      [`extra`]: anything,
    },
    { requiredKeys: [] },
  )
  .map((fields): object => (Math.abs(JSON.stringify(fields)?.length ?? 0) % 3 === 0 ? fields : { tokenId: TOKEN, amount: 1, ...fields, extra: undefined }));

/** The text of a body; now and then with a slip of the finger. */
const written = fc
  .tuple(body, fc.option(fc.record({ at: fc.nat(), cut: fc.nat({ max: 2 }), put: fc.string({ maxLength: 2 }) }), { freq: 5 }))
  .map(([value, slip]) => {
    const text = JSON.stringify(value).replaceAll(TOKEN, m.cardToken);
    const at = slip ? slip.at % (text.length + 1) : 0;
    return slip ? text.slice(0, at) + slip.put + text.slice(at + slip.cut) : text;
  });

test('whatever is sent for a payout, the answer is one of those that are described, and a refusal leaves no row', async () => {
  const answers = new Map<number, number>();
  const before = await rowsOf(th);
  let made = 0;
  await fc.assert(
    fc.asyncProperty(written, async (text) => {
      const heard = await th.post('/v1/payout', m, text);
      answers.set(heard.status, (answers.get(heard.status) ?? 0) + 1);
      if (heard.status !== 201) {
        expect([400, 404, 409, 422]).toContain(heard.status); // 422: digits that could be a card number
        expectRefusal(heard, heard.status);
        return;
      }
      const { amount, currency } = JSON.parse(text) as { amount: number; currency?: string };
      expect(heard.body).toMatchObject({ amount, currency: currency ?? 'KZT' });
      if (heard.headers['idempotent-replayed'] === undefined) made++;
    }),
    { numRuns: 200, interruptAfterTimeLimit: 8_000, endOnFailure: true },
  );
  const after = await rowsOf(th);
  const {
    'tolem.payout': payouts,
    'tolem.event': events,
    'tolem.submission': submissions,
    'tolem.transfer': transfers,
    'tolem.idempotency': keys,
    'tolem.account': accounts,
    ...rest
  } = after;
  expect(payouts).toBe((before['tolem.payout'] as number) + made);
  expect(rest).toEqual(Object.fromEntries(Object.keys(rest).map((name) => [name, before[name]])));
  const poor = (await th.get('/v1/payout?status=rejected&size=1', m)).body.total as number; // in currencies that there is no money of
  expect({ events, submissions, transfers }).toEqual({
    events: (before['tolem.event'] as number) + made + poor,
    submissions: made - poor,
    transfers: (before['tolem.transfer'] as number) + made - poor,
  });
  expect(keys).toBeLessThanOrEqual(made);
  expect(accounts).toBe(3); // available, held and the world's, of tenge
  expect([...answers.keys()]).toEqual(expect.arrayContaining([201, 400])); // it knows both ways
}, 60_000);

test('whatever is sent to another route, the answer is never our fault', async () => {
  const routes = ['/v1/cards', '/v1/customers', '/v1/sandbox/topup', '/v1/webhook-endpoints', '/v1/api-keys'];
  const names = [
    'customer',
    'customerId',
    'cardData',
    'successUrl',
    'email',
    'externalUserId',
    'phone',
    'firstName',
    'amount',
    'currency',
    'url',
    'events',
    'description',
    'legacyWrappedIds',
    'scopes',
    'kind',
    'name',
    'expiresInSeconds',
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...routes),
      fc.dictionary(fc.constantFrom(...names), fc.oneof(anything, text(40), fc.webUrl(), fc.integer()), { maxKeys: 4 }),
      async (route, fields) => {
        const heard = await th.post(route, m, JSON.stringify(fields));
        expect(heard.status, heard.text).toBeLessThan(500);
        if (heard.status >= 400) expectRefusal(heard, heard.status);
      },
    ),
    { numRuns: 150, interruptAfterTimeLimit: 5_000, endOnFailure: true },
  );
}, 60_000);

test('whatever stands in an address, the answer is never our fault', async () => {
  const paths = [
    '/v1/transactions/',
    '/v1/transactions/by-order-reference/',
    '/v1/customers/',
    '/v1/events/',
    '/v1/webhook-endpoints/',
    '/v1/payout?status=',
    '/v1/payout?from=',
    '/v1/payout?page=',
    '/v1/events?after=',
    '/v1/webhook-endpoints/deliveries?objectId=',
  ];
  const part = fc.oneof(
    fc.string({ unit: 'binary' }).map((one) => encodeURIComponent(one.toWellFormed())),
    fc.string({ unit: fc.constantFrom('%', '0', '2', 'f', '/', '.', '?', '&', '=', 'a', '+', ';') }),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.bigInt({ min: 0n, max: 10n ** 25n }).map(String),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), part, async (path, rest) => {
      const heard = await th.get(path + rest, m);
      expect(heard.status, heard.text).toBeLessThan(500);
      if (heard.status >= 400) expectRefusal(heard, heard.status);
    }),
    { numRuns: 200, interruptAfterTimeLimit: 5_000, endOnFailure: true },
  );
}, 60_000);
