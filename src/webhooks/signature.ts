import { createHmac } from 'node:crypto';

const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

/**
 * The key of a secret that is written as `whsec_<base64>`.
 * @throws when it is written otherwise, or has fewer than 24 bytes
 * @source Standard Webhooks 1.0, "Signature scheme"
 */
export function secretKey(secret: string): Buffer {
  const key = Buffer.from(SECRET.exec(secret)?.[1] ?? '', 'base64');
  if (key.length < 24) throw new Error('a signing secret is whsec_ and at least 24 bytes in base64');
  return key;
}

export const writtenSecret = (key: Buffer): string => `whsec_${key.toString('base64')}`;

/**
 * One signature in base64, over id, time and every byte of the body. An id with a dot in it could be read in two ways, so
 * none is signed and none accepted.
 * @source Standard Webhooks 1.0, symmetric signatures
 */
export function signatureOf(key: Buffer, id: string, unixSeconds: number | string, body: string | Buffer): string {
  return createHmac('sha256', key).update(`${id}.${unixSeconds}.`).update(body).digest('base64');
}

/** What one attempt is signed with. */
export interface Signing {
  /** the endpoint's keys: while a secret is being rolled, the new and the old */
  keys: Buffer[];
  /** the merchant's Bearer, as clients of the v1 API compare it */
  webhookToken: string;
}

/**
 * The plain signature, for receivers that know nothing but "HMAC of the body": its key is the secret as it is written, its
 * message the body alone. It does not say when it was made, so it does not keep an old message out.
 * @source the v1 API's guide to webhooks: hex(HMAC-SHA256(secret, raw body))
 */
export const plainSignatureOf = (key: Buffer, body: string | Buffer): string => createHmac('sha256', writtenSecret(key)).update(body).digest('hex');

/**
 * The headers of one attempt: Standard Webhooks, and what the v1 API's clients expect beside it. While a secret is being
 * rolled, X-Signature has room for the new one alone.
 * @param sentAt by the world's clock, since the receiver compares it with his own
 * @param attempt counted from 1
 */
export function signedHeaders({ keys, webhookToken }: Signing, eventId: string, sentAt: Date, attempt: number, body: string | Buffer): Record<string, string> {
  const seconds = Math.floor(sentAt.getTime() / 1000);
  const plain = keys.map((key) => plainSignatureOf(key, body));
  return {
    'content-type': 'application/json',
    'user-agent': 'Tolem-Webhooks/1',
    authorization: `Bearer ${webhookToken}`,
    'webhook-id': eventId,
    'webhook-timestamp': String(seconds),
    'webhook-signature': keys.map((key) => `v1,${signatureOf(key, eventId, seconds, body)}`).join(' '),
    'x-signature': plain[0] as string,
    'plexy-signature': [`t=${seconds}`, ...plain.map((signature) => `v1=${signature}`)].join(','),
    'x-plexy-event-id': eventId,
    'x-plexy-delivery-attempt': String(attempt),
  };
}
