/** What the tests of the sandbox bank stand on: a virtual clock, somebody to call back, a bank in a temporary directory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, systemRandom } from '../clock.ts';
import { openNet } from '../net.ts';
import { NetError, type Clock, type Net, type Random } from '../ports.ts';
import type { Entry } from './journal.ts';
import { runBank, type BankOptions, type RunningBank } from './main.ts';

export const clock: Clock = systemClock();
export const random: Random = systemRandom();
export const net: Net = openNet();

/** A clock that stands still until `advance`, which wakes sleepers in the order of their time. */
export class VirtualClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  #sleepers: { at: number; wake: () => void }[] = [];

  now = (): Date => new Date(this.#now);
  wall = this.now;
  monotonic = (): number => this.#now;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#sleepers.push({ at: this.#now + ms, wake: resolve });
      signal?.addEventListener('abort', () => resolve());
    });
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      for (let turn = 0; turn < 50; turn++) await Promise.resolve(); // let what is awake come to rest
      const next = this.#sleepers.sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > until) break;
      this.#sleepers.shift();
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    this.#now = until;
  }
}

export const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
/** How fast the tests' scenarios run: a second of the table takes 20 ms. */
export const pace = 0.02;

export const tempDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'tolem-bank-'));

export interface Received {
  at: number;
  headers: IncomingHttpHeaders;
  body: string;
  json: { ref: string; status: string; code?: string; rrn?: string; returnedAt?: string };
}

/** Stands for the product: keeps the callbacks that come, and answers them as told. */
export async function callbackSink(answerWith: () => number = () => 204) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      received.push({ at: performance.now(), headers: request.headers, body, json: JSON.parse(body) });
      response.writeHead(answerWith()).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callbacks/processor`;
  return { url, received, close: () => (server.closeAllConnections(), server.close()) };
}

export async function startBank(options: Partial<BankOptions> = {}): Promise<RunningBank & { dataDir: string }> {
  const dataDir = options.dataDir ?? (await tempDir());
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  return { ...(await runBank({ host: '127.0.0.1', port: 0, secret, clock, random, net, log, pace, dataDir, ...options })), dataDir };
}

export interface Heard {
  status: number;
  headers: Record<string, string>;
  text: string;
  json: Record<string, unknown>;
}

/** One call to the bank. @returns what came, or `undefined` when no whole answer did within `timeoutMs` */
export async function ask(
  bank: { url: string },
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  { timeoutMs = 1200, bearer = secret, maxBytes = 64 * 1024 } = {},
): Promise<Heard | undefined> {
  try {
    const text = body === undefined || typeof body === 'string' ? (body as string | undefined) : JSON.stringify(body);
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    const answer = await net.request({ method, url: bank.url + path, headers, body: text, timeoutMs, maxBytes });
    const heard = answer.body.toString();
    return { status: answer.status, headers: answer.headers, text: heard, json: answer.truncated || !heard.startsWith('{') ? {} : JSON.parse(heard) };
  } catch (error) {
    if (error instanceof NetError) return undefined;
    throw error;
  }
}

let refs = 0;
export const cardTransfer = (pan: string, more: Record<string, unknown> = {}) => ({
  ref: `po_test_${++refs}`,
  kind: 'card',
  amount: 150_00,
  currency: 'KZT',
  description: 'salary',
  destination: { pan, expiryMonth: 12, expiryYear: 2031, holder: 'AIGERIM S' },
  ...more,
});

export const walletAuthorization = (ending: string, more: Record<string, unknown> = {}) => ({
  ref: `wa_test_${++refs}`,
  kind: 'wallet',
  amount: 150_00,
  currency: 'KZT',
  instrument: { phone: `+770112345${ending}`, iin: '900101300017' },
  initiator: 'customer',
  ...more,
});

export const cardAuthorization = (pan: string, more: Record<string, unknown> = {}) => ({
  ref: `ca_test_${++refs}`,
  kind: 'card',
  amount: 150_00,
  currency: 'KZT',
  instrument: { pan, expiryMonth: 12, expiryYear: 2031, holder: 'AIGERIM S', cvv: '917' },
  initiator: 'customer',
  ...more,
});

export const operation = (amount: number, more: Record<string, unknown> = {}) => ({ ref: `op_test_${++refs}`, amount, ...more });

/** All entries of the bank's journal, over its own protocol. */
export async function journalOf(bank: { url: string }): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let after = 0, more = true; more;) {
    const page = (await ask(bank, 'GET', `/v1/journal?after=${after}&limit=5000`, undefined, { timeoutMs: 5000, maxBytes: Infinity }))!;
    const json = JSON.parse(page.text) as { entries: Entry[]; last: number; more: boolean };
    entries.push(...json.entries);
    [after, more] = [json.last, json.more];
  }
  return entries;
}

/** Does `act` for all, a few at a time: this process is client and bank in one, and a client's time-out is short. */
export async function eachOf<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  await Promise.all(
    Array.from({ length: 24 }, async () => {
      for (const [index, item] of queue) results[index] = await act(item);
    }),
  );
  return results;
}

/** Asks until the answer is as wished, for at most `ms`. @throws when it never is */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>, ms = 4000): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${look.toString()}`);
    await sleep(5);
  }
}

export const remove = (dir: string): Promise<void> => rm(dir, { recursive: true, force: true });
export { sleep };
