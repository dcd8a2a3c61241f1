import { timingSafeEqual } from 'node:crypto';
import { secretKey, signatureOf } from './signature.ts';

/** How far the sender's clock and ours may be apart, which is also for how long a message could be sent again. */
const TOLERANCE_SECONDS = 5 * 60;
const MAX_SIGNATURES = 8;

/** Version and signature, one after another. Two headers of the name, which HTTP joins with a comma, are not of this form. */
const SIGNATURES = /^[a-z0-9]+,[A-Za-z0-9+/=_-]+(?: [a-z0-9]+,[A-Za-z0-9+/=_-]+)*$/;

type Headers = Record<string, string | string[] | undefined>;

/**
 * Whether a message that came in was signed by who knows the secret, just now, over these bytes. Only `v1` counts, which is
 * HMAC-SHA-256: other schemes in the header are passed over, never tried with this key.
 *
 * @param secret whsec_…
 * @param now the world's time
 * @returns the message's id, by which it is applied once; undefined when anything about it is not as it must be
 * @source Standard Webhooks 1.0, "Verifying webhook authenticity"
 */
export function verifyStandardWebhook(secret: string, headers: Headers, rawBody: Buffer, now: Date): { id: string } | undefined {
  const id = single(headers, 'webhook-id', /^[A-Za-z0-9_-]{1,128}$/);
  const timestamp = single(headers, 'webhook-timestamp', /^[1-9]\d{0,11}$/);
  const signatures = single(headers, 'webhook-signature', SIGNATURES);
  if (!id || !timestamp || !signatures) return undefined;
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return undefined;
  const expected = Buffer.from(`v1,${signatureOf(secretKey(secret), id, timestamp, rawBody)}`);
  const given = signatures.split(' ', MAX_SIGNATURES).map((text) => Buffer.from(text));
  // Every one is compared, each in the same time.
  const fitting = given.filter((one) => one.length === expected.length && timingSafeEqual(one, expected));
  return fitting.length > 0 ? { id } : undefined;
}

/** A header that is there once; two of a name say two things, and which one was signed nobody knows. */
function single(headers: Headers, name: string, form: RegExp): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value.length <= 2048 && form.test(value) ? value : undefined;
}
