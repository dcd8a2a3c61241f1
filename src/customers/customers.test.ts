import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type CardDesk, openCardDesk } from '../cards/testing.ts';
import type { NewMerchant } from '../merchants/open.ts';

let desk: CardDesk;
let m: NewMerchant;
beforeAll(async () => {
  desk = await openCardDesk(inject('postgres'));
  m = await desk.merchant();
});
afterAll(() => desk?.close());

test('a customer is made once for its externalUserId, and what is new is added', async () => {
  const made = await desk.api('POST', '/v1/customers', m, { externalUserId: 'u-1', email: 'a@example.kz', firstName: 'Айгерім' });
  expect(made.status).toBe(201);
  expect(made.body).toEqual({
    id: expect.any(String),
    externalUserId: 'u-1',
    email: 'a@example.kz',
    phone: null,
    firstName: 'Айгерім',
    lastName: null,
    createdAt: expect.any(String),
    updatedAt: expect.any(String),
  });
  const again = await desk.api('POST', '/v1/customers', m, { externalUserId: 'u-1', phone: '+77011234567', firstName: null });
  expect(again.status).toBe(200);
  expect(again.body).toMatchObject({ id: made.body.id, email: 'a@example.kz', phone: '+77011234567', firstName: 'Айгерім', createdAt: made.body.createdAt });
  expect((await desk.api('GET', `/v1/customers/${made.body.id}`, m)).body).toEqual(again.body);
});

test('of many at once with one externalUserId, one is made', async () => {
  const answers = await Promise.all(Array.from({ length: 12 }, () => desk.api('POST', '/v1/customers', m, { externalUserId: 'crowd' })));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(answers.filter(({ status }) => status === 201).length).toBe(1);
});

test('under an Idempotency-Key the answer stays what it was', async () => {
  const first = await desk.api('POST', '/v1/customers', m, { externalUserId: 'k-1' }, { 'idempotency-key': 'k' });
  const again = await desk.api('POST', '/v1/customers', m, { externalUserId: 'k-1' }, { 'idempotency-key': 'k' });
  expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([201, first.text, 'true']);
});

test.each([
  [{}, 422],
  [{ firstName: 'Nobody' }, 422],
  [{ email: 'no address' }, 422],
  [{ externalUserId: '' }, 400],
  [{ externalUserId: 'x'.repeat(129) }, 400],
  [{ externalUserId: 'u', status: 'vip' }, 400],
  [{ externalUserId: 42 }, 400],
  [{ externalUserId: 'u-pan', lastName: '4111 1111 1111 1111' }, 422],
])('%j is refused with %i', async (body, status) => {
  const answer = await desk.api('POST', '/v1/customers', m, body);
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({ source: 'customers', details: expect.any(Array) });
});

test('customers come newest first, by the page, and only one’s own', async () => {
  const shop = await desk.merchant('Lister');
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.unshift((await desk.api('POST', '/v1/customers', shop, { externalUserId: `c${i}` })).body.id);
  const page = async (query: string) => (await desk.api('GET', `/v1/customers${query}`, shop)).body;
  expect((await page('')).data.map(({ id }: { id: string }) => id)).toEqual(ids);
  const second = await page('?page=2&size=2');
  expect(second).toMatchObject({ page: 2, size: 2, total: 5 });
  expect(second.data.map(({ id }: { id: string }) => id)).toEqual(ids.slice(2, 4));
  expect((await desk.api('GET', '/v1/customers?size=101', shop)).status).toBe(400);
  for (const path of ['', '/cards'])
    for (const id of [ids[0], desk.ids.uuid(), 'x']) expect((await desk.api('GET', `/v1/customers/${id}${path}`, m)).status).toBe(404);
});

test('a customer without cards has none', async () => {
  const { body } = await desk.api('POST', '/v1/customers', m, { externalUserId: 'bare' });
  expect((await desk.api('GET', `/v1/customers/${body.id}/cards`, m)).body).toEqual({ data: [] });
});
