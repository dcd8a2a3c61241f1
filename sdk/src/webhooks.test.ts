import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { secretKey, signedHeaders } from '../../src/webhooks/signature.ts';
import { hasWebhookToken, verifyWebhook, WebhookError } from './index.ts';

const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const other = `whsec_${Buffer.alloc(24, 6).toString('base64')}`;
const id = '019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb';
const body = JSON.stringify({
  name: 'transaction.settled',
  merchantId: 'm',
  data: { id: 't', description: 'Әділ 😀' },
  postedAt: '2025-12-08T13:48:15.135728094Z',
});
const now = new Date('2026-01-01T00:00:00Z');
/** As the platform sends it. */
const sent = (at = now, text = body, secrets = [secret]): Record<string, string> =>
  signedHeaders({ keys: secrets.map(secretKey), webhookToken: 'whk_token' }, id, at, 1, text);

test('what the platform signs is verified and read, whatever form it comes in', async () => {
  const expected = { id, sentAt: now, message: JSON.parse(body) as unknown };
  const headers = sent();
  const shouted = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
  for (const form of [headers, shouted, new Headers(headers), { ...headers, 'x-empty': undefined }])
    expect(await verifyWebhook(secret, form, body, { now })).toEqual(expected);
  for (const bytes of [Buffer.from(body), new TextEncoder().encode(body)])
    expect(await verifyWebhook(secret, headers, bytes, { now, webhookToken: 'whk_token' })).toEqual(expected);
});

test('the library of Standard Webhooks says the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.boolean(), async (value, isOurs) => {
      const text = JSON.stringify(value);
      const at = new Date();
      const timestamp = Math.floor(at.getTime() / 1000);
      const signature = new Webhook(isOurs ? secret : other).sign(id, new Date(timestamp * 1000), text);
      const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
      const verdict = await verifyWebhook(secret, headers, text).then(
        () => true,
        () => false,
      );
      expect(verdict).toBe(isOurs);
    }),
    { numRuns: 60 },
  );
});

test('while the secret is being rolled, one good signature of several is enough', async () => {
  for (const keys of [
    [secret, other],
    [other, secret],
  ])
    expect((await verifyWebhook(secret, sent(now, body, keys), body, { now })).id).toBe(id);
  const foreign = { ...sent(), 'webhook-signature': `v1a,${'A'.repeat(86)}== v2,x ${sent()['webhook-signature'] as string}` };
  expect((await verifyWebhook(secret, foreign, body, { now })).id).toBe(id);
});

test.each<[string, () => [Record<string, string | string[] | undefined>, string, object?], string]>([
  ['another secret', () => [sent(now, body, [other]), body], 'none of this secret'],
  ['another body', () => [sent(), body.replace('settled', 'failed ')], 'none of this secret'],
  ['another id', () => [{ ...sent(), 'webhook-id': 'msg_2' }, body], 'none of this secret'],
  ['another time', () => [{ ...sent(), 'webhook-timestamp': String(now.getTime() / 1000 + 1) }, body], 'none of this secret'],
  ['a message of long ago', () => [sent(new Date(now.getTime() - 301_000)), body], 'too long ago'],
  ['a message of the future', () => [sent(new Date(now.getTime() + 301_000)), body], 'too long ago'],
  ['less tolerance', () => [sent(new Date(now.getTime() - 11_000)), body, { toleranceSeconds: 10 }], 'too long ago'],
  ['no tolerance that is a number', () => [sent(), body, { toleranceSeconds: Number.NaN }], 'too long ago'],
  ['no signature', () => [{ ...sent(), 'webhook-signature': undefined }, body], 'webhook-signature: missing'],
  [
    'two signatures in two headers',
    () => [{ ...sent(), 'webhook-signature': [sent()['webhook-signature'] as string, 'v1,x'] }, body],
    'webhook-signature: missing',
  ],
  ['one header in two spellings', () => [{ ...sent(), 'Webhook-Id': id }, body], 'webhook-id: missing'],
  ['a signature without a version', () => [{ ...sent(), 'webhook-signature': (sent()['webhook-signature'] as string).slice(3) }, body], 'none of this secret'],
  [
    'a signature in another spelling of base64',
    () => [{ ...sent(), 'webhook-signature': (sent()['webhook-signature'] as string).replaceAll('=', '') }, body],
    'none of this secret',
  ],
  ['an id with a dot', () => [{ ...sent(), 'webhook-id': 'a.1' }, body], 'webhook-id: missing'],
  ['a time that is none', () => [{ ...sent(), 'webhook-timestamp': '1e9' }, body], 'webhook-timestamp: missing'],
  ['another token', () => [sent(), body, { webhookToken: 'whk_other' }], 'not the webhook token'],
  ['no JSON', () => [sent(now, 'hello'), 'hello'], 'not JSON'],
])('%s is refused', async (_, message, why) => {
  const [headers, text, options] = message();
  const error = await verifyWebhook(secret, headers, text, { now, ...options }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(WebhookError);
  expect((error as Error).message).toContain(why);
});

test('one bit less, and nothing fits', async () => {
  const signature = Buffer.from((sent()['webhook-signature'] as string).slice(3), 'base64');
  for (let bit = 0; bit < 256; bit += 37) {
    const bent = Buffer.from(signature);
    bent.writeUInt8(bent.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    await expect(verifyWebhook(secret, { ...sent(), 'webhook-signature': `v1,${bent.toString('base64')}` }, body, { now })).rejects.toThrow(WebhookError);
  }
});

test('a secret that is none is a mistake of the caller', async () => {
  for (const wrong of ['', 'secret', 'whsec_', 'whsec_!!', undefined as unknown as string])
    await expect(verifyWebhook(wrong, sent(), body, { now })).rejects.toThrow(TypeError);
});

test('the token is compared as a whole', () => {
  const headers = (authorization?: string) => ({ authorization });
  expect(hasWebhookToken(headers('Bearer whk_a'), 'whk_a')).toBe(true);
  expect(hasWebhookToken(new Headers({ Authorization: 'Bearer whk_a' }), 'whk_a')).toBe(true);
  for (const wrong of [undefined, '', 'whk_a', 'Bearer', 'Bearer ', 'Bearer whk_', 'Bearer whk_ab', 'bearer whk_a', 'Bearer whk_b'])
    expect(hasWebhookToken(headers(wrong), 'whk_a'), wrong).toBe(false);
  expect(hasWebhookToken(headers('Bearer '), '')).toBe(false);
});
