/** What all calls of processor protocol v1 have in common: how one is made, what its headers teach, and when an answer is one. */
import { ApiError } from '../errors.ts';
import { parseJson } from '../http/json.ts';
import { masked } from '../log.ts';
import { NetError, type Net, type NetAnswer } from '../ports.ts';
import type { Conflict, Declined, ProcessorLimits, Unknown, Unsent } from './connector.ts';

export interface HttpConnectorOptions {
  name: string;
  /** of the processor, without a trailing slash */
  url: string;
  /** the Bearer that it expects */
  secret: string;
  net: Net;
  timeoutMs: number;
}

/** The members of an answer. */
export type Said = Record<string, unknown>;

const MAX_ANSWER = 64 * 1024;
/** A reference that is nobody's: whatever is answered about it has the limits beside it. */
export const NOBODYS = 'acquaintance';

export class ProcessorLine {
  private readonly o: HttpConnectorOptions;
  /** Until the processor has said its own: short, for whoever believes in more than it remembers pays twice. */
  private known: ProcessorLimits = { retentionSeconds: 600, maxInFlightSeconds: 60 };
  private isAcquainted = false;

  constructor(options: HttpConnectorOptions) {
    this.o = options;
  }

  limits(): ProcessorLimits {
    return this.known;
  }

  /** @param room in which a reference can be asked for, `/v1/transfers` */
  async acquaint(room: string): Promise<Unknown | Unsent | undefined> {
    if (this.isAcquainted) return undefined;
    const answer = await this.call('GET', `${room}/${NOBODYS}`);
    if ('kind' in answer) return answer;
    // One that does not know the reference and says nothing of its memory: the short one stands.
    if (answer.status === 404 && read(answer)) this.isAcquainted = true;
    return this.isAcquainted ? undefined : unreadable(answer);
  }

  async call(method: 'GET' | 'POST', path: string, body?: string): Promise<NetAnswer | Unknown | Unsent> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.o.secret}`, ...(body ? { 'content-type': 'application/json' } : {}) };
    try {
      const answer = await this.o.net.request({
        method,
        url: `${this.o.url}${path}`,
        headers,
        ...(body ? { body } : {}),
        timeoutMs: this.o.timeoutMs,
        maxBytes: MAX_ANSWER,
      });
      this.learn(answer);
      return answer;
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      return { kind: error.sent ? 'unknown' : 'unsent', why: error.message };
    }
  }

  private learn({ headers }: NetAnswer): void {
    const seconds = (name: string) => (/^\d{1,9}$/.test(headers[name] ?? '') ? Number(headers[name]) : undefined);
    const [retentionSeconds, maxInFlightSeconds] = [seconds('retention-seconds'), seconds('max-in-flight-seconds')];
    if (retentionSeconds === undefined || maxInFlightSeconds === undefined) return;
    this.known = { retentionSeconds, maxInFlightSeconds };
    this.isAcquainted = true;
  }
}

/** A 404, 405 or 409 of something in between (a proxy, a wrong address) says nothing about the reference. */
export const isOurs = ({ headers }: NetAnswer): boolean => headers['max-in-flight-seconds'] !== undefined;

/**
 * Read as strictly as a merchant's request: a body with two meanings (a name that stands twice) has none.
 *
 * @param pan a number that the processor may repeat in its words, and that is not to go further
 * @returns the body, where it is an object about this reference
 */
export function read({ body, truncated }: NetAnswer, ref?: string, pan?: string): Said | undefined {
  if (truncated) return undefined;
  try {
    const said = parseJson(pan ? without(pan, body) : body);
    if (typeof said !== 'object' || said === null || Array.isArray(said)) return undefined;
    if (ref !== undefined && (said as { ref?: unknown }).ref !== ref) return undefined;
    return said as Said;
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

const without = (pan: string, body: Buffer): Buffer => (body.includes(pan) ? Buffer.from(body.toString('latin1').replaceAll(pan, '[digits]'), 'latin1') : body);

export const text = (value: unknown): string | null => (typeof value === 'string' && value.length <= 64 ? value : null);

/** Its words are stored and shown, and may repeat a card number. @param hide takes out what must not go further */
export function declined(said: Said, hide: (words: string) => string = masked): Declined {
  return {
    kind: 'declined',
    code: hide(text(said.code) ?? '05'),
    message: typeof said.message === 'string' ? hide(said.message).slice(0, 200) : 'declined by the processor',
  };
}

/** A 409 of something in between would send a person looking for a bug that is not there. */
export const conflict = (answer: NetAnswer): Conflict | Unknown =>
  isOurs(answer) ? { kind: 'conflict', why: 'the processor knows this reference with other content' } : unreadable(answer);

export const unreadable = ({ status, truncated }: NetAnswer): Unknown => ({
  kind: 'unknown',
  why: `the processor answered ${status}${truncated ? ', cut off' : ''}, which says nothing certain`,
});
