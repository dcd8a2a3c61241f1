import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { wrapIds } from './wrapping.ts';

test('four ids are wrapped, null stays null, and nothing else changes', () => {
  const body =
    '{"name":"transaction.charged","merchantId":"m","data":{"id":"t","amount":12345678901234567890.5,"paymentLinkId":"pl_1","paymentSessionId":null,"cardTokenId":"c","customerId":"u","metadata":{"customerId":"theirs"}},"customerId":"outside","postedAt":"x"}';
  assert.equal(
    wrapIds(body),
    '{"name":"transaction.charged","merchantId":"m","data":{"id":"t","amount":12345678901234567890.5,"paymentLinkId":{"Value":"pl_1"},"paymentSessionId":null,"cardTokenId":{"Value":"c"},"customerId":{"Value":"u"},"metadata":{"customerId":"theirs"}},"customerId":"outside","postedAt":"x"}',
  );
});

test('what looks like an id inside a text is left alone', () => {
  for (const description of ['"customerId":"x"', '\\"customerId\\":\\"x\\"', '{"customerId":"x"}', '\\', '\\\\"', ']}{[']) {
    const body = JSON.stringify({ data: { description, customerId: 'c' } });
    assert.deepEqual(JSON.parse(wrapIds(body)), { data: { description, customerId: { Value: 'c' } } });
  }
});

test('whatever the other fields hold, only the four change', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.option(fc.string()), (rest, customerId) => {
      const data = { ...rest, cardTokenId: 'c', customerId };
      const { customerId: _, cardTokenId: __, paymentLinkId: ___, paymentSessionId: ____, ...others } = data as Record<string, unknown>;
      const wrapped = JSON.parse(wrapIds(JSON.stringify({ name: 'n', data }))) as { data: Record<string, unknown> };
      assert.deepEqual(wrapped.data.cardTokenId, { Value: 'c' });
      assert.deepEqual(wrapped.data.customerId, customerId === null ? null : { Value: customerId });
      for (const [name, value] of Object.entries(others)) if (name !== '__proto__') assert.deepEqual(wrapped.data[name], JSON.parse(JSON.stringify(value)));
    }),
  );
});
