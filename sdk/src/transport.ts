import { readErrorBody, TolemConnectionError, TolemError } from './errors.ts';
import { keyed, type Operations } from './generated.ts';

export interface TolemOptions {
  /** pr_test_… or pr_live_…; or a token, tk_… */
  apiKey: string;
  /** where the platform is, e.g. https://pay.example.kz */
  baseUrl: string;
  /** instead of the global one */
  fetch?: typeof fetch;
  /** for one attempt, to the last byte of the answer; 30 seconds where nothing is said */
  timeoutMs?: number;
  /** attempts after the first; 3 where nothing is said */
  maxRetries?: number;
  /** told of every answer, for your log */
  onAnswer?(answer: AnswerInfo): void;
}

export interface AnswerInfo {
  /** e.g. "POST /v1/payout" */
  operation: keyof Operations;
  status: number;
  requestId: string | undefined;
  idempotencyKey: string | undefined;
  /** it had been done before under this key, and this is the answer of then */
  replayed: boolean;
  /** counted from 1 */
  attempt: number;
}

export interface CallOptions {
  /** your own name of this piece of work; a random one where nothing is said */
  idempotencyKey?: string;
  signal?: AbortSignal;
  timeoutMs?: number;
  maxRetries?: number;
}

/** What an operation takes, beside its options. */
export type Request<N extends keyof Operations> = Omit<Operations[N], 'answer'>;
export type Answer<N extends keyof Operations> = Operations[N]['answer'];

const LONGEST_WAIT_SECONDS = 60;

/** Asks the platform: once, and again where that is safe. */
export class Transport {
  readonly #authorization: string;
  readonly #baseUrl: string;
  readonly #options: TolemOptions;

  constructor(options: TolemOptions) {
    const { apiKey, baseUrl } = options;
    if (!/^[\x21-\x7e]+$/.test(apiKey ?? '')) throw new TypeError('apiKey: the secret key, as it was shown');
    if (!/^https?:\/\/[^/?#]/.test(baseUrl ?? '')) throw new TypeError('baseUrl: where the platform is, e.g. https://pay.example.kz');
    this.#authorization = apiKey.startsWith('tk_') ? `Bearer ${apiKey}` : apiKey;
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
    this.#options = options;
  }

  /** @throws {TolemError | TolemConnectionError}, or the reason that the caller's signal was aborted for */
  async call<N extends keyof Operations>(operation: N, request: Request<N>, options: CallOptions = {}): Promise<Answer<N>> {
    const { path, query, body } = request as { path?: Record<string, string>; query?: Record<string, unknown>; body?: unknown };
    const [method, template] = operation.split(' ') as [string, string];
    const idempotencyKey = keyed.has(operation) ? (options.idempotencyKey ?? crypto.randomUUID()) : undefined;
    const asked: Asked = {
      ...{ operation, method, idempotencyKey, signal: options.signal },
      url: `${this.#baseUrl}${filled(template, path)}${queryOf(query)}`,
      body: body === undefined ? undefined : JSON.stringify(body),
      timeoutMs: options.timeoutMs ?? this.#options.timeoutMs ?? 30_000,
      isRepeatable: method === 'GET' || idempotencyKey !== undefined,
    };
    const most = 1 + (options.maxRetries ?? this.#options.maxRetries ?? 3);
    for (let attempt = 1; ; attempt++) {
      const heard = await this.#attempt(asked, attempt);
      if ('answer' in heard) return heard.answer as Answer<N>;
      const wait = attempt < most ? waitFor(heard, asked, attempt) : undefined;
      if (wait === undefined) throw heard.error;
      await sleep(wait, asked.signal);
    }
  }

  async #attempt({ operation, method, url, body, idempotencyKey, signal, timeoutMs }: Asked, attempt: number): Promise<Heard> {
    const headers: Record<string, string> = { authorization: this.#authorization, accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey;
    const timeout = AbortSignal.timeout(timeoutMs);
    let response: Response;
    let text: string;
    try {
      const send = this.#options.fetch ?? fetch;
      response = await send(url, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      text = await response.text();
    } catch (cause) {
      signal?.throwIfAborted();
      return { error: new TolemConnectionError(timeout.aborted ? `none within ${timeoutMs} ms` : reasonOf(cause), idempotencyKey, cause) };
    }
    const requestId = response.headers.get('x-request-id') ?? undefined;
    this.#options.onAnswer?.({
      operation,
      status: response.status,
      requestId,
      idempotencyKey,
      replayed: response.headers.get('idempotent-replayed') === 'true',
      attempt,
    });
    if (!response.ok)
      return {
        error: new TolemError(response.status, readErrorBody(text), {
          requestId,
          idempotencyKey,
          retryAfter: retryAfterOf(response.headers.get('retry-after')),
        }),
      };
    try {
      return { answer: text === '' ? undefined : JSON.parse(text) };
    } catch (cause) {
      return { error: new TolemConnectionError('what came is not JSON', idempotencyKey, cause) };
    }
  }
}

interface Asked {
  operation: keyof Operations;
  method: string;
  url: string;
  body: string | undefined;
  idempotencyKey: string | undefined;
  signal: AbortSignal | undefined;
  timeoutMs: number;
  /** asked twice, it is done once */
  isRepeatable: boolean;
}

type Heard = { answer: unknown } | { error: TolemError | TolemConnectionError };

/** @returns milliseconds until it may be asked again, or undefined when it may not */
function waitFor({ error }: { error: TolemError | TolemConnectionError }, { isRepeatable }: Asked, attempt: number): number | undefined {
  const backoff = Math.min(8_000, 250 * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
  if (error instanceof TolemConnectionError) return isRepeatable ? backoff : undefined;
  const { status, retryAfter } = error;
  // 429 is said before any work; 409 with Retry-After: the first request with this key is still being worked on.
  const isWorth = status === 429 || (isRepeatable && (status >= 500 || (status === 409 && retryAfter !== undefined)));
  if (!isWorth || (retryAfter ?? 0) > LONGEST_WAIT_SECONDS) return undefined;
  return Math.max(backoff, (retryAfter ?? 0) * 1000);
}

/** @throws the reason of the signal */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const abort = () => (end(), reject(signal?.reason as Error));
    const timer = setTimeout(() => (end(), resolve()), ms);
    signal?.addEventListener('abort', abort);
  });
}

const filled = (template: string, path: Record<string, string> = {}): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = path[name];
    if (typeof value !== 'string' || /^\.{0,2}$/.test(value)) throw new TypeError(`${name}: an id is needed`); // "" and ".." would be another path
    return encodeURIComponent(value);
  });

function queryOf(query: Record<string, unknown> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length > 0 ? `?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]))}` : '';
}

function retryAfterOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

/** "fetch failed" says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const { message = String(error), cause } = error as { message?: string; cause?: { message?: string } };
  return cause?.message ? `${message}: ${cause.message}` : message;
}

export { sleep };
