import { test } from 'vitest';
import { openTestHouse } from '../harness/house.ts';
import { Conformance } from './conformance.ts';
test('x', async () => {
  const th = await openTestHouse();
  const c = await Conformance.open();
  c.watch(th);
  const m = await th.merchant({ available: 1000_00n });
  const out: string[] = [];
  const tryOne = async (label: string, path: string, body: unknown, headers?: Record<string,string>, method: any = 'POST') => {
    try { const r = await th.request(method, path, m, body, headers); out.push(`${label}: ${r.status} ${r.text.slice(0, 400)} ${r.headers.allow ?? ''}`); } catch (e) { out.push(`${label}: THROWN ${(e as Error).message}`); }
  };
  const good = { tokenId: m.cardToken, amount: 100, currency: 'KZT' };
  const j = (o: object) => JSON.stringify(o);
  for (const [l, b] of Object.entries<unknown>({
    unknownField: { ...good, foo: 1 }, amountString: { ...good, amount: '100' }, exp: j(good).replace('100', '1e3'), neg: { ...good, amount: -1 }, zero: { ...good, amount: 0 },
    big: j(good).replace('100', '9007199254740993'), three: { ...good, amount: 1.005 }, jpy: { ...good, currency: 'JPY', amount: 1.5 }, unknownCur: { ...good, currency: 'XXX' }, lower: { ...good, currency: 'kzt' },
    nul: j({ ...good, description: 'a\u0000b' }), surr: j(good).replace('}', ',"description":"\\ud800"}'), missing: {}, nulltoken: { ...good, tokenId: null }, arr: [], num: '5', str: '"x"', nullb: 'null', empty: '',
    cut: j(good).slice(0, -3), dup: j(good).replace('{', '{"amount":5,'), deep: '['.repeat(5000), proto: '{"__proto__":{"a":1},"amount":1}', ctor: { ...good, constructor: { prototype: { a: 1 } } },
    small: j(good).replace('100', '0.0000001'), max: { ...good, amount: 9999999999999.99 }, over: { ...good, amount: 10000000000000 }, desc: { ...good, description: 'x'.repeat(256) }, descNum: { ...good, description: 5 },
    ref: { ...good, merchantReference: '' }, refs: { ...good, merchantReference: 'a', orderReference: 'b' }, reqid: { ...good, requestId: 'a b' }, minusZero: j(good).replace('100', '-0'), tokenNotId: { ...good, tokenId: 'nope' }, amountNull: {...good, amount: null}, amtobj: {...good, amount: {}}, curNum: {...good, currency: 1}, curLong: {...good, currency: 'KZTT'},
    desc255astral: {...good, description: '😀'.repeat(255)},
  })) await tryOne(l, '/v1/payout', b);
  await tryOne('textplain', '/v1/payout', j(good), { 'content-type': 'text/plain' });
  await tryOne('nocontenttype', '/v1/payout', j(good), { 'content-type': '' });
  await tryOne('charset', '/v1/payout', j(good), { 'content-type': 'application/json; charset=latin1' });
  await tryOne('form', '/v1/payout', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' });
  await tryOne('patchjson', '/v1/payout', j(good), { 'content-type': 'application/merge-patch+json' });
  await tryOne('big', '/v1/payout', 'x'.repeat(10_000_000));
  await tryOne('key', '/v1/payout', good, { 'idempotency-key': 'a b' });
  await tryOne('key256', '/v1/payout', good, { 'idempotency-key': 'a'.repeat(256) });
  await tryOne('keyempty', '/v1/payout', good, { 'idempotency-key': '' });
  for (const p of ['/v1/payout?page=0', '/v1/payout?size=101', '/v1/payout?page=x', '/v1/payout?status=x', '/v1/payout?from=yesterday', '/v1/payout?from=2025-13-01T00:00:00Z', '/v1/payout?page=1&page=2', '/v1/payout?nonsense=1', '/v1/payout?from=2025-02-30T00:00:00Z', '/v1/payout?from=2025-02-28T00:00:00', '/v1/payout?from=0001-01-01T00:00:00Z', '/v1/payout?from=2025-02-28T00:00:00.123456789%2B05:00', '/v1/payout?page=1e1', '/v1/payout?page=1.5', '/v1/payout?page=%00', '/v1/payout?status=%00',
    '/v1/transactions/by-order-reference/%00', '/v1/transactions/by-order-reference/%ED%A0%80', '/v1/transactions/%zz', '/v1/transactions/by-order-reference/' + 'a'.repeat(300), '/v1/transactions/x%2Fy', '//v1//payout', '/v1/payout/', '/v1/nothing', '/v1/events?after=x', '/v1/events?limit=501', '/v1/webhook-endpoints/deliveries?endpointId=x', '/v1/webhook-endpoints/deliveries?state=x', '/v1/webhook-endpoints/x', '/v1/../v1/payout', '/v1/events?after=a&after=b', '/v1/customers/../../etc/passwd'])
    await tryOne(p, p, undefined, {}, 'GET');
  for (const mm of ['DELETE', 'PUT', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'QUERY', 'GET']) await tryOne(mm, '/v1/payout', undefined, {}, mm);
  for (const mm of ['DELETE', 'PUT', 'GET', 'OPTIONS', 'HEAD']) { await tryOne(mm, '/v1/cards', undefined, {}, mm); await tryOne(mm, '/v1/nothing', undefined, {}, mm); }
  await tryOne('wh no body', '/v1/webhook-endpoints', undefined);
  await tryOne('wh url', '/v1/webhook-endpoints', { url: 'ftp://x' });
  await tryOne('wh events', '/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/x', events: ['x'] });
  await tryOne('wh events', '/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/x', events: ['a.b', 'a.b'] });
  await tryOne('apikeys', '/v1/api-keys', { scopes: ['root'] });
  await tryOne('apikeys', '/v1/api-keys', { scopes: ['read', 'read'], kind: 'client' });
  await tryOne('topup', '/v1/sandbox/topup', { amount: 1.5, currency: 'KZT' });
  await tryOne('topup', '/v1/sandbox/topup', { amount: 10 ** 15, currency: 'KZT' });
  await tryOne('topup', '/v1/sandbox/topup', { amount: 1, currency: 'XXX' });
  await tryOne('cards', '/v1/cards', { cardData: { encryptedCardNumber: 'x' } });
  await tryOne('cards', '/v1/cards', { cardData: { encryptedCardNumber: 'x', encryptedExpiryMonth: 'x', encryptedExpiryYear: 'x' } });
  await tryOne('cards', '/v1/cards', { customer: { email: 'x' }, customerId: 'x' });
  await tryOne('cards', '/v1/cards', { successUrl: 'javascript:alert(1)' });
  await tryOne('cards', '/v1/cards', { });
  await tryOne('cust', '/v1/customers', { });
  await tryOne('cust', '/v1/customers', { email: '4111111111111111' });
  await tryOne('enable ct', '/v1/webhook-endpoints/019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb/enable', '', { 'content-type': 'text/plain' });
  await tryOne('roll', '/v1/webhook-endpoints/019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb/roll-secret', '');
  await tryOne('roll', '/v1/webhook-endpoints/019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb/roll-secret', undefined);
  console.log(out.join('\n'));
  await th.close();
});
