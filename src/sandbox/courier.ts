/**
 * The bank's callbacks: each attempt is in the journal before it leaves, and is repeated until a 2xx or until the bank gives up.
 * Who receives them gets them at least once, also over restarts of the bank.
 */
import { createHmac } from 'node:crypto';
import type { Clock, Net, Random } from '../ports.ts';
import type { Agenda } from './agenda.ts';
import type { Deed } from './deeds.ts';
import { rrnOf } from './effects.ts';
import type { Fact } from './journal.ts';
import type { CallbackPlan } from './script.ts';

export interface CallbackMessage {
  /** webhook-id: the same in every attempt */
  id: string;
  body: string;
  /** to be signed with a secret that is not the bank's */
  forged: boolean;
}

/** Makes one attempt. @returns the HTTP status, 0 when there was no answer; never rejects */
export type SendCallback = (message: CallbackMessage) => Promise<number>;

/** The bytes of a `whsec_…` secret. @throws when it is not one of at least 24 bytes
 *  @source Standard Webhooks 1.0, "Signature scheme" */
export function secretBytes(secret: string): Buffer {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (bytes.length < 24) throw new Error('the secret must be whsec_ and at least 24 bytes in base64');
  return bytes;
}

const timeoutMs = 10_000;

/** Callbacks over the network, with the headers of Standard Webhooks. @throws as secretBytes */
export function signedCallbacks({ net, clock, random, url, secret }: { net: Net; clock: Clock; random: Random; url: string; secret: string }): SendCallback {
  const key = secretBytes(secret);
  const wrongKey = random.bytes(32);
  return async ({ id, body, forged }) => {
    const timestamp = Math.floor(clock.wall().getTime() / 1000).toString();
    const signature = createHmac('sha256', forged ? wrongKey : key)
      .update(`${id}.${timestamp}.${body}`)
      .digest('base64');
    const headers = { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
    try {
      return (await net.request({ method: 'POST', url, headers, body, timeoutMs, maxBytes: 65_536 })).status;
    } catch {
      return 0; // nobody knows whether it arrived, which is what repeating is for
    }
  };
}

export interface CourierParts {
  send: SendCallback;
  agenda: Agenda;
  random: Random;
  pace: number;
  /** attempts for one callback */
  attempts: number;
  /** Writes to the journal; resolves when it is on disk. */
  record: (fact: Fact) => Promise<void>;
}

interface Job {
  deed: Deed;
  plan: CallbackPlan;
  /** names the callback among all */
  key: string;
  message: CallbackMessage;
}

const atOnce = 32;

export class Courier {
  readonly #parts: CourierParts;
  #inFlight = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(parts: CourierParts) {
    this.#parts = parts;
  }

  /** Delivers the copies of one callback that are not done yet. Resolves after the first attempt of each; never rejects. */
  async deliver(deed: Deed, plan: CallbackPlan, index: number): Promise<void> {
    const jobs = Array.from({ length: plan.copies ?? 1 }, (_, copy) => jobOf(deed, plan, index, copy));
    await Promise.all(
      jobs.filter(({ key }) => !deed.callbacks?.get(key)?.done).map((job) => this.#attempt(job, (deed.callbacks?.get(job.key)?.attempts ?? 0) + 1)),
    );
  }

  async #attempt(job: Job, attempt: number): Promise<void> {
    const { deed, plan, key, message } = job;
    const { agenda, send, record, attempts } = this.#parts;
    const about = { ref: deed.ref, request: deed.request, callback: key };
    if (this.#inFlight >= atOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#inFlight++;
    try {
      await record({ type: 'callback_sent', ...about, id: message.id, attempt, says: plan.says, ...(plan.lie && { lie: true }) });
      const status = await send(message);
      const arrived = status >= 200 && status < 300;
      const last = attempt >= (plan.forged || plan.stranger ? 1 : attempts);
      await record({ type: 'callback_answered', ...about, attempt, status });
      if (!arrived && last) await record({ type: 'callback_given_up', ...about });
      if (!arrived && !last) agenda.after(this.#backoff(attempt), () => void this.#attempt(job, attempt + 1));
    } catch {
      // The bank has stopped or its journal has failed, and the bank said so: nothing leaves any more.
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#inFlight--;
    }
  }

  /** 1 s, 2 s, 4 s … at most 60 s, less up to a fifth so that many do not come back together. */
  #backoff(attempt: number): number {
    return Math.min(1000 * 2 ** (attempt - 1), 60_000) * (1 - 0.2 * this.#parts.random.fraction()) * this.#parts.pace;
  }
}

/** The ids come from the number of the request, so that a bank that starts again finds the same. */
function jobOf(deed: Deed, plan: CallbackPlan, index: number, copy: number): Job {
  const { request } = deed;
  const key = `${request}.${index}.${copy}`;
  const id = `msg_${request}_${index}${plan.ownIds ? `_${copy}` : ''}`;
  return { deed, plan, key, message: { id, body: bodyOf(deed, plan), forged: plan.forged === true } };
}

function bodyOf(deed: Deed, { says, stranger }: CallbackPlan): string {
  const { request, code = '05', rrn = rrnOf(request) } = deed;
  const ref = stranger ? `stranger-${request}` : deed.ref;
  switch (says) {
    case 'executed':
    case 'authorized':
      return JSON.stringify({ ref, status: says, rrn });
    case 'declined':
      return JSON.stringify({ ref, status: says, code });
    case 'cancelled':
      return JSON.stringify({ ref, status: says });
    case 'returned':
      return JSON.stringify({ ref, status: says, rrn, ...(deed.room === 'transfers' && { returnedAt: deed.returnedAt }) });
  }
}
