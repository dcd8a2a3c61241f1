import { bytesOf } from './cards.ts';
import type {
  CardSavedMessage,
  CardSaveFailedMessage,
  DistributionMessage,
  DistributionReturnedMessage,
  InvoiceMessage,
  PaymentOrderMessage,
  SplitMessage,
  TransactionMessage,
  WalletTransactionMessage,
} from './generated.ts';

/** What POST /v1/webhook-endpoints/{id}/test sends. */
export interface TestMessage {
  name: 'webhook.test';
  merchantId: string;
  data: { endpointId: string; url: string };
  postedAt: string;
}

/** What a webhook brings, and the feed too: tell them apart by `name`. */
export type Message =
  | TransactionMessage
  | CardSavedMessage
  | CardSaveFailedMessage
  | DistributionMessage
  | DistributionReturnedMessage
  | PaymentOrderMessage
  | SplitMessage
  | InvoiceMessage
  | WalletTransactionMessage
  | TestMessage;

/** A message that was verified. */
export interface Delivery {
  /** the event's id, the same on every attempt: do what follows from it once */
  id: string;
  /** when this attempt was sent */
  sentAt: Date;
  message: Message;
}

/** The message is not to be believed: answer 400 and do nothing. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError';
}

/** As Node, fetch and the frameworks have them. */
export type WebhookHeaders = Headers | Record<string, string | string[] | undefined>;

export interface VerifyOptions {
  /** how far the sender's clock and yours may be apart; 300 where nothing is said */
  toleranceSeconds?: number;
  /** the merchant's webhook token: where it is given, it must be in Authorization too */
  webhookToken?: string;
  /** instead of the time now */
  now?: Date;
}

/**
 * Verifies a message by its signature (Standard Webhooks): that it was signed by who knows the endpoint's secret, just now,
 * over these bytes.
 * @param secret whsec_…, of the endpoint
 * @param rawBody as it came, before anything parses it
 * @throws {WebhookError}
 */
export async function verifyWebhook(secret: string, headers: WebhookHeaders, rawBody: string | Uint8Array, options: VerifyOptions = {}): Promise<Delivery> {
  const { toleranceSeconds = 300, webhookToken, now = new Date() } = options;
  const id = single(headers, 'webhook-id', /^[A-Za-z0-9_-]{1,128}$/);
  const timestamp = single(headers, 'webhook-timestamp', /^[1-9]\d{0,11}$/);
  const signatures = single(headers, 'webhook-signature', /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/);
  if (!(Math.abs(now.getTime() / 1000 - Number(timestamp)) <= toleranceSeconds))
    throw new WebhookError('webhook-timestamp: too long ago, or ahead of this clock');
  if (webhookToken !== undefined && !hasWebhookToken(headers, webhookToken)) throw new WebhookError('authorization: not the webhook token');
  const body = typeof rawBody === 'string' ? new TextEncoder().encode(rawBody) : rawBody;
  const key = await crypto.subtle.importKey('raw', keyIn(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
  const signed = joined(new TextEncoder().encode(`${id}.${timestamp}.`), body);
  const fits = await Promise.all(signatures.split(' ', 8).map((signature) => isSignature(key, signature, signed)));
  if (!fits.includes(true)) throw new WebhookError('webhook-signature: none of this secret over these bytes');
  return { id, sentAt: new Date(Number(timestamp) * 1000), message: read(body) };
}

/** Whether `Authorization: Bearer <webhookToken>` is there. Takes the same time wherever it differs. */
export function hasWebhookToken(headers: WebhookHeaders, webhookToken: string): boolean {
  const given = new TextEncoder().encode(valueOf(headers, 'authorization') ?? '');
  const expected = new TextEncoder().encode(`Bearer ${webhookToken}`);
  let difference = given.length ^ expected.length;
  for (let i = 0; i < expected.length; i++) difference |= (given[i] ?? 0) ^ (expected[i] as number);
  return webhookToken !== '' && difference === 0;
}

/** Only v1, which is HMAC-SHA-256; other schemes are passed over. */
async function isSignature(key: Parameters<typeof crypto.subtle.verify>[1], text: string, signed: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const [, base64] = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(text) ?? [];
  return base64 !== undefined && crypto.subtle.verify('HMAC', key, bytesOf(base64), signed);
}

function keyIn(secret: string): Uint8Array<ArrayBuffer> {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  if (!base64) throw new TypeError('secret: whsec_…, as the answer that made the endpoint had it');
  return bytesOf(base64);
}

function read(body: Uint8Array): Message {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as Message;
  } catch {
    throw new WebhookError('the body is not JSON');
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

/** A header that is there once; two of a name say two things, and which one was signed nobody knows. */
function single(headers: WebhookHeaders, name: string, form: RegExp): string {
  const value = valueOf(headers, name);
  if (value === undefined || value.length > 2048 || !form.test(value)) throw new WebhookError(`${name}: missing, or not as it must be`);
  return value;
}

function valueOf(headers: WebhookHeaders, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const values = Object.entries(headers)
    .filter(([key, value]) => key.toLowerCase() === name && value !== undefined)
    .flatMap(([, value]) => value);
  return values.length === 1 ? values[0] : undefined;
}
