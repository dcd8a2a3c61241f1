/** Messages that come in: forged, replayed, shifted, doubled. Whoever does not know the secret moves nothing. */
import assert from 'node:assert/strict';
import { createHmac, createHash, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { test } from 'vitest';
import { verifyStandardWebhook } from './callback.ts';
import { secretKey, signatureOf, writtenSecret } from './signature.ts';

const secret = writtenSecret(Buffer.alloc(32, 7));
const key = secretKey(secret);
const now = new Date('2026-03-01T12:00:00Z');
const seconds = now.getTime() / 1000;
const raw = Buffer.from('{"ref":"abcdefgh-0123","status":"executed"}');

const headersOf = (id = 'msg_1_0', at: number | string = seconds, body: Buffer = raw, by: Buffer = key) => ({
  'webhook-id': id,
  'webhook-timestamp': String(at),
  'webhook-signature': `v1,${signatureOf(by, id, at, body)}`,
});
const good = headersOf();
const verify = (headers: Record<string, string | string[] | undefined>, body = raw, at = now) => verifyStandardWebhook(secret, headers, body, at);

test('what the reference library signs is accepted', () => {
  const { 'webhook-signature': _, ...rest } = good;
  assert.deepEqual(verify({ ...rest, 'webhook-signature': new Webhook(secret).sign('msg_1_0', now, raw) }), { id: 'msg_1_0' });
  assert.deepEqual(verify(good), { id: 'msg_1_0' });
});

test('five minutes either way, and no more', () => {
  for (const off of [-300, -299, 0, 299, 300]) assert.ok(verify(headersOf('m', seconds + off)), `${off}`);
  for (const off of [-301, 301, -86_400, 86_400]) assert.equal(verify(headersOf('m', seconds + off)), undefined, `${off}`);
});

test('one signature of several is enough, wherever it stands', () => {
  const wrong = `v1,${signatureOf(Buffer.alloc(32, 9), 'msg_1_0', seconds, raw)}`;
  const right = good['webhook-signature'];
  for (const list of [`${wrong} ${right}`, `${right} ${wrong}`, `v1a,abc ${wrong} ${right}`, `v2,x ${right}`, `${right} ${right}`])
    assert.ok(verify({ ...good, 'webhook-signature': list }), list);
  for (const list of [wrong, `${wrong} ${wrong}`, 'v1,', 'v1', ',', ' ', '', `${wrong}  ${right}`, ` ${right}`, `${right} `, `${right},${right}`])
    assert.equal(verify({ ...good, 'webhook-signature': list }), undefined, list);
  assert.equal(verify({ ...good, 'webhook-signature': `${`${wrong} `.repeat(8)}${right}` }), undefined, 'only so many are looked at');
});

test('another secret, another algorithm, another form of the same bytes', () => {
  const content = `msg_1_0.${seconds}.${raw.toString()}`;
  const ed25519 = generateKeyPairSync('ed25519');
  const forgeries = [
    signatureOf(Buffer.alloc(32, 8), 'msg_1_0', seconds, raw),
    signatureOf(Buffer.from(secret), 'msg_1_0', seconds, raw), // the text of the secret as the key
    signatureOf(Buffer.alloc(0), 'msg_1_0', seconds, raw),
    createHash('sha256').update(content).digest('base64'),
    createHash('sha256')
      .update(Buffer.concat([key, Buffer.from(content)]))
      .digest('base64'),
    createHmac('sha1', key).update(content).digest('base64'),
    createHmac('sha512', key).update(content).digest('base64'),
    createHmac('sha256', key).update(raw).digest('base64'), // the body alone
    createHmac('sha256', key).update(content).digest('hex'),
    createHmac('sha256', key).update(content).digest('base64url'),
    createHmac('sha256', key).update(content).digest('base64').replace('=', ''),
    sign(null, Buffer.from(content), ed25519.privateKey).toString('base64'),
  ];
  for (const forged of forgeries) assert.equal(verify({ ...good, 'webhook-signature': `v1,${forged}` }), undefined, forged);
  for (const scheme of ['v1a', 'v2', 'V1', 'v0', 'none', 'hs256', ''])
    assert.equal(verify({ ...good, 'webhook-signature': good['webhook-signature'].replace('v1', scheme) }), undefined, scheme);
});

test('a signature of one message does not fit another', () => {
  const other = headersOf('msg_2_0');
  assert.equal(verify({ ...good, 'webhook-signature': other['webhook-signature'] }), undefined);
  assert.equal(verify({ ...good, 'webhook-id': 'msg_2_0' }), undefined);
  assert.equal(verify({ ...good, 'webhook-timestamp': String(seconds + 1) }), undefined);
  assert.equal(verify(good, Buffer.from(JSON.stringify(JSON.parse(raw.toString()), null, 1))), undefined, 'the same, written again');
  assert.equal(verify(good, Buffer.concat([raw, Buffer.from('\n')])), undefined);
  assert.equal(verify(good, Buffer.alloc(0)), undefined);
});

test('fields cannot be shifted into one another', () => {
  // All of these have the same signed text: a.1772366400.1772366401.{}
  const text = `a.${seconds}.${seconds + 1}.{}`;
  const signature = `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
  assert.deepEqual(verify({ 'webhook-id': 'a', 'webhook-timestamp': String(seconds), 'webhook-signature': signature }, Buffer.from(`${seconds + 1}.{}`)), {
    id: 'a',
  });
  assert.equal(
    verify({ 'webhook-id': `a.${seconds}`, 'webhook-timestamp': String(seconds + 1), 'webhook-signature': signature }, Buffer.from('{}')),
    undefined,
    'no id has a dot',
  );
});

test('a header that is missing, there twice, or not in its form', () => {
  for (const name of Object.keys(good)) {
    const value = good[name as keyof typeof good];
    assert.equal(verify({ ...good, [name]: undefined }), undefined, name);
    assert.equal(verify({ ...good, [name]: [value, value] }), undefined, name);
    assert.equal(verify({ ...good, [name]: `${value}, ${value}` }), undefined, name);
    assert.equal(verify({ ...good, [name]: '' }), undefined, name);
  }
  for (const at of [
    `${seconds}.0`,
    ` ${seconds}`,
    `+${seconds}`,
    `0${seconds}`,
    `0x${seconds.toString(16)}`,
    `${seconds}e0`,
    'NaN',
    'Infinity',
    '-1',
    `${seconds}\n`,
    '１７７２３６６４００',
  ]) {
    assert.equal(verify({ 'webhook-id': 'm', 'webhook-timestamp': at, 'webhook-signature': `v1,${signatureOf(key, 'm', at, raw)}` }), undefined, at);
  }
  for (const id of ['', 'a b', 'a.b', 'ä', 'a\n', 'x'.repeat(129)]) assert.equal(verify({ ...headersOf(id), 'webhook-id': id }), undefined, id);
});

test('no changed byte is accepted, anywhere', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, flip) => {
      const body = Buffer.from(bytes);
      const headers = headersOf('m', seconds, body);
      assert.ok(verify(headers, body));
      const changed = Buffer.from(body);
      changed[at % body.length] = (changed[at % body.length] as number) ^ flip;
      assert.equal(verify(headers, changed), undefined);
      const signature = Buffer.from(headers['webhook-signature']);
      signature[at % signature.length] = (signature[at % signature.length] as number) ^ ((flip & 0x3f) | 1);
      assert.equal(verify({ ...headers, 'webhook-signature': signature.toString('latin1') }, body), undefined);
    }),
  );
});
