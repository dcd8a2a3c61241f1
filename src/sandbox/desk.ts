/** The protocol's calls over the bank: who may ask, what a request means, which answer it gets. No sockets: a server carries it, or a door in memory. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Bank } from './bank.ts';
import { onLine, refusal, type Answer, type Reply } from './reply.ts';
import { operationKinds, parseAuthorization, parseOperation } from './authorization-request.ts';
import { type Incoming, MalformedRequest, parseIncoming, parseTransfer, refPattern } from './request.ts';
import type { Promises } from './script.ts';

export interface Call {
  method: string;
  /** path and query, as on the request line */
  target: string;
  authorization: string | undefined;
  body: Buffer;
}

/** Bytes of a body that are read; beyond it the answer is 413. */
export const bodyLimit = 64 * 1024;
export const tooLarge: Answer = refusal(413, `body: must not be over ${bodyLimit} bytes`);

const pageLimit = 10_000;
const digest = (text: string) => createHash('sha256').update(text).digest();
const decoder = new TextDecoder('utf-8', { fatal: true });

export class Desk {
  readonly #bank: Bank;
  readonly #bearer: Buffer;
  /** Books money that somebody sends to an account here; unset where no statements are written. */
  receive: ((incoming: Incoming) => Promise<void>) | undefined;

  /** @param secret the whole `whsec_…` string, which is the Bearer */
  constructor(bank: Bank, secret: string) {
    this.#bank = bank;
    this.#bearer = digest(`Bearer ${secret}`);
  }

  /** Rejects when the bank has stopped or cannot write: then nothing may be answered. */
  async answer({ method, target, authorization, body }: Call): Promise<Reply> {
    // digests are compared: equal in length, and what timing tells of them tells nothing of the secret
    if (!timingSafeEqual(digest(authorization ?? ''), this.#bearer)) return whole(refusal(401, 'authorization: must be Bearer and the processor secret'));
    const url = new URL(target, 'http://bank');
    const [, version, room, ref, verb, ...rest] = url.pathname.split('/');
    if (version !== 'v1' || rest.length > 0) return notFound;
    if (room === 'journal' && ref === undefined) return method === 'GET' ? this.#page(url.searchParams) : wrongMethod('GET');
    const post = (act: () => Promise<Reply>) => (method === 'POST' ? act() : wrongMethod('POST'));
    const get = (act: () => Promise<Reply>) => (method === 'GET' ? act() : wrongMethod('GET'));
    if (room === 'transfers' && ref === undefined) return post(() => this.#heard(body, parseTransfer, (request) => this.#bank.transfer(request)));
    if (room === 'authorizations' && ref === undefined)
      return post(() => this.#heard(body, parseAuthorization, (request) => this.#bank.authorizations.authorize(request)));
    if (room === 'incoming' && ref === undefined && this.receive) {
      const { receive } = this;
      return post(() => this.#heard(body, parseIncoming, async (incoming) => (await receive(incoming), whole({ status: 202, body: '{"status":"booked"}' }))));
    }
    if (ref === undefined || !refPattern.test(ref)) return notFound;
    switch (`${room}/${verb ?? ''}`) {
      case 'transfers/':
        return get(() => this.#bank.inquire(ref));
      case 'transfers/cancel':
        return post(() => this.#bank.cancel(ref));
      case 'authorizations/':
        return get(() => this.#bank.authorizations.inquire(ref));
      case 'operations/':
        return get(() => this.#bank.authorizations.inquireOperation(ref));
      case 'authorizations/captures':
      case 'authorizations/cancellations':
      case 'authorizations/refunds':
        return post(() => this.#operation(verb as keyof typeof operationKinds, ref, body));
      default:
        return notFound;
    }
  }

  #operation(verb: keyof typeof operationKinds, ref: string, body: Buffer): Promise<Reply> {
    return this.#heard(
      body,
      (json) => parseOperation(operationKinds[verb], ref, json),
      (request) => this.#bank.authorizations.operate(request),
    );
  }

  async #heard<T>(body: Buffer, parse: (json: unknown) => T, act: (request: T) => Promise<Reply>): Promise<Reply> {
    let request: T;
    try {
      request = parse(parseJson(body));
    } catch (error) {
      if (error instanceof MalformedRequest) return this.#bank.malformed(error.message);
      throw error;
    }
    return act(request);
  }

  /** `?after=N&limit=M`: the entries after number N, as they were written. */
  async #page(query: URLSearchParams): Promise<Reply> {
    const after = query.get('after') ?? '0';
    const limit = query.get('limit') ?? '1000';
    if (!/^\d{1,15}$/.test(after)) return whole(refusal(400, 'after: must be the number of an entry'));
    if (!/^\d{1,5}$/.test(limit) || Number(limit) < 1 || Number(limit) > pageLimit) return whole(refusal(400, `limit: must be between 1 and ${pageLimit}`));
    const { lines, last, more } = await this.#bank.journal(Number(after), Number(limit));
    return whole({ status: 200, body: `{"entries":[${lines.join(',')}],"last":${last},"more":${more}}` });
  }
}

const whole = (what: Answer): Reply => onLine(what, { way: 'whole' }, 1);
const notFound = whole(refusal(404, 'no such call'));
const wrongMethod = (allow: string): Reply => whole({ ...refusal(405, `method: must be ${allow}`), headers: { allow } });

/** An amount beyond 2^53 is given to the parser as a string, which keeps its digits. (In a JSON text `"amount":` can only be a key.) */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(decoder.decode(body).replace(/("amount"\s*:\s*)(\d{16,})(?=\s*[,}])/g, '$1"$2"'));
  } catch {
    throw new MalformedRequest('body: must be JSON in UTF-8'); // the parser's own message quotes the body
  }
}

/** On every answer, also on errors: how long the bank remembers a ref, and after which time "not known" is proof. */
export const standingHeaders = ({
  retentionSeconds,
  maxInFlightSeconds,
}: Pick<Promises, 'retentionSeconds' | 'maxInFlightSeconds'>): Record<string, string> => ({
  'content-type': 'application/json',
  'retention-seconds': String(retentionSeconds),
  'max-in-flight-seconds': String(maxInFlightSeconds),
});
