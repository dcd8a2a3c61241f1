import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { test } from 'vitest';
import { secretKey, signatureOf, signedHeaders, writtenSecret } from './signature.ts';

/** @source the hosted API's contract, §9.1, reference vector */
test('the reference vector of the hosted API', () => {
  const body =
    '{"id":"pay_a1b2c3d4","type":"payout","status":"succeeded","url":"https://example.com/checkin/pay_a1b2c3d4","externalId":"3e3f3796-4c3a-41e2-a90a-2c0f3e20b0a1","amount":"10.00","currency":"EUR","description":"Order #1456","metadata":{"orderId":1456},"createdAt":"2025-05-27T14:25:00Z"}';
  assert.equal(Buffer.byteLength(body), 284);
  const key = Buffer.from('tk_test_n4912345faza90aefk4c3awf');
  assert.equal(writtenSecret(key), 'whsec_dGtfdGVzdF9uNDkxMjM0NWZhemE5MGFlZms0YzNhd2Y=');
  assert.deepEqual(secretKey(writtenSecret(key)), key);
  assert.equal(signatureOf(key, 'msg_2xTestVector0001', 1748356200, body), 'uOl8QqHW/GQWZb5NjuYoFcS1CLDgZNTroCvCub3ufd8=');
});

/** @source the examples of Standard Webhooks' libraries */
test('the vector of Standard Webhooks', () => {
  const key = secretKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
  assert.equal(signatureOf(key, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}'), 'g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

const signing = (keys: Buffer[]) => ({ keys, webhookToken: 'whk_x' });

test('whatever is signed, the reference library accepts; whatever byte is changed, it does not', () => {
  const bytes = fc.uint8Array({ minLength: 24, maxLength: 64 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(bytes, bytes, fc.uuid(), fc.json(), fc.nat(), (key, previous, id, body, at) => {
      const headers = signedHeaders(signing([key, previous]), id, new Date(), 1, body);
      for (const one of [key, previous]) new Webhook(writtenSecret(one)).verify(body, headers);
      const verifier = new Webhook(writtenSecret(key));
      const raw = Buffer.from(body);
      const changed = Buffer.from(raw);
      changed[at % raw.length] = (changed[at % raw.length] as number) ^ 1;
      assert.throws(() => verifier.verify(changed, headers));
      assert.throws(() => verifier.verify(`${body} `, headers));
      assert.throws(() => verifier.verify(body, { ...headers, 'webhook-id': `${id}0` }));
      assert.throws(() => verifier.verify(body, { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) }));
      assert.throws(() => new Webhook(randomBytes(32)).verify(body, headers));
    }),
    { numRuns: 200 },
  );
});

test('the timestamp is of the attempt, in whole seconds', () => {
  const headers = signedHeaders(signing([Buffer.alloc(32)]), 'e', new Date('2026-01-02T03:04:05.999Z'), 7, '{}');
  assert.equal(headers['webhook-timestamp'], '1767323045');
  assert.equal(headers['x-plexy-delivery-attempt'], '7');
  assert.equal(headers.authorization, 'Bearer whk_x');
});

/** @source openssl dgst -sha256 -hmac */
test('for receivers that know nothing but an HMAC of the body, there is one; two where a secret is being rolled', () => {
  const [key, previous] = [secretKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), Buffer.alloc(32, 1)];
  const headers = signedHeaders(signing([key, previous]), 'e', new Date(0), 1, '{"test": 2432232314}');
  assert.equal(headers['x-signature'], '80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c');
  assert.match(headers['plexy-signature'] ?? '', /^t=0,v1=80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c,v1=[0-9a-f]{64}$/);
});

test('a secret that is none, or too short, is not taken', () => {
  for (const wrong of ['', 'whsec_', 'whsec_c2hvcnQ=', 'c2hvcnQ=', `whsec_${'A'.repeat(31)}`, `whsec_${'A'.repeat(40)}!`, ` whsec_${'A'.repeat(44)}`])
    assert.throws(() => secretKey(wrong), wrong);
});
