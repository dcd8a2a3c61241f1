/** The bank as a network in memory: a simulation's product calls it through this, on the same virtual clock, with every bad line kept. */
import { NetError, type Clock, type Net, type NetAnswer, type NetRequest } from '../ports.ts';
import { standingHeaders, type Desk } from './desk.ts';
import type { Reply } from './reply.ts';
import type { Promises } from './script.ts';

export interface DoorParts extends Promises {
  /** Asked for each request, so that a simulation can put another bank behind the door after a crash. */
  desk: () => Desk;
  clock: Clock;
}

const timedOut = Symbol('timed out');

export class Door implements Net {
  readonly #parts: DoorParts;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  async request(request: NetRequest): Promise<NetAnswer> {
    const { clock } = this.#parts;
    const over = new AbortController();
    const timeout = clock.sleep(request.timeoutMs, over.signal).then((): typeof timedOut => timedOut);
    try {
      const answer = await Promise.race([this.#exchange(request), timeout]);
      if (answer === timedOut) throw new NetError('no answer in time', true);
      return answer;
    } finally {
      over.abort();
    }
  }

  async #exchange({ method, url, headers, body = '', maxBytes }: NetRequest): Promise<NetAnswer> {
    const { pathname, search } = new URL(url);
    const authorization = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1];
    let reply: Reply;
    try {
      reply = await this.#parts.desk().answer({ method, target: pathname + search, authorization, body: Buffer.from(body) });
    } catch (error) {
      throw new NetError('connection reset', true, { cause: error }); // the bank went down with the request in its hands
    }
    await this.#carry(reply);
    const bytes = Buffer.from(reply.body);
    return {
      status: reply.status,
      headers: { ...standingHeaders(this.#parts), ...reply.headers },
      body: bytes.subarray(0, maxBytes),
      truncated: bytes.length > maxBytes,
    };
  }

  /** Takes as long as the line takes, for ever when it is silent. @throws {NetError} when it breaks */
  async #carry({ way, delayMs, body }: Reply): Promise<void> {
    const { clock, pace } = this.#parts;
    if (delayMs > 0) await clock.sleep(delayMs);
    if (way === 'silent') await new Promise<never>(() => {});
    if (way === 'dripped') await clock.sleep(Buffer.byteLength(body) * 1000 * pace);
    if (way === 'cut' || way === 'dropped') throw new NetError('connection reset', true);
  }
}
