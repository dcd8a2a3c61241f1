import type { Net, NetAnswer } from '../ports.ts';
import { NetError } from '../ports.ts';
import { ApiError } from '../errors.ts';
import { parseJson } from '../http/json.ts';
import { masked } from '../log.ts';
import type { CancelOutcome, Connector, InquiryOutcome, ProcessorLimits, SendOutcome, Transfer, Unknown, Unsent } from './connector.ts';

export interface HttpConnectorOptions {
  name: string;
  /** of the processor, without a trailing slash */
  url: string;
  /** the Bearer that it expects */
  secret: string;
  net: Net;
  timeoutMs: number;
}

const MAX_ANSWER = 64 * 1024;
/** A reference that is nobody's: whatever is answered about it has the limits beside it. */
export const NOBODYS = 'acquaintance';

/** Speaks processor protocol v1, JSON over HTTP. What it cannot read to the letter is unknown. */
export class HttpConnector implements Connector {
  readonly name: string;
  private readonly o: HttpConnectorOptions;
  /** Until the processor has said its own: short, for whoever believes in more than it remembers pays twice. */
  private known: ProcessorLimits = { retentionSeconds: 600, maxInFlightSeconds: 60 };
  private isAcquainted = false;

  constructor(options: HttpConnectorOptions) {
    this.name = options.name;
    this.o = options;
  }

  limits(): ProcessorLimits {
    return this.known;
  }

  async acquaint(): Promise<Unknown | Unsent | undefined> {
    if (this.isAcquainted) return undefined;
    const answer = await this.call('GET', `/v1/transfers/${NOBODYS}`);
    if ('kind' in answer) return answer;
    // One that does not know the reference and says nothing of its memory: the short one stands.
    if (answer.status === 404 && this.read(answer)) this.isAcquainted = true;
    return this.isAcquainted ? undefined : unreadable(answer);
  }

  async send(transfer: Transfer): Promise<SendOutcome> {
    const { reference: ref, kind, amount, currency, destination, description } = transfer;
    const body = `{"ref":${JSON.stringify(ref)},"kind":"${kind}","amount":${amount},"currency":"${currency}","destination":${JSON.stringify(destination)},"description":${JSON.stringify(description)}}`;
    const answer = await this.call('POST', '/v1/transfers', body);
    if ('kind' in answer) return answer;
    // A 409 of something in between would send a person looking for a bug that is not there.
    if (answer.status === 409)
      return this.isOurs(answer) ? { kind: 'conflict', why: 'the processor knows this reference with other content' } : unreadable(answer);
    const said = this.read(answer, ref, transfer.kind === 'card' ? transfer.destination.pan : undefined);
    if (answer.status === 200 && said?.status === 'executed') return executed(said);
    if (answer.status === 202 && said?.status === 'pending') return { kind: 'pending' };
    if (answer.status === 422 && said?.status === 'declined') return declined(said);
    return unreadable(answer);
  }

  async inquire(ref: string): Promise<InquiryOutcome> {
    const answer = await this.call('GET', `/v1/transfers/${encodeURIComponent(ref)}`);
    if ('kind' in answer) return answer;
    if (answer.status === 404) return this.isOurs(answer) ? { kind: 'absent' } : unreadable(answer);
    const said = this.read(answer, ref);
    if (answer.status !== 200) return unreadable(answer);
    switch (said?.status) {
      case 'executed':
        return executed(said);
      case 'pending':
        return { kind: 'pending' };
      case 'declined':
        return declined(said);
      case 'cancelled':
        return { kind: 'cancelled' };
      case 'returned':
        return returned(said);
      default:
        return unreadable(answer);
    }
  }

  async cancel(ref: string): Promise<CancelOutcome> {
    const answer = await this.call('POST', `/v1/transfers/${encodeURIComponent(ref)}/cancel`, '{}');
    if ('kind' in answer) return answer;
    if (answer.status === 404 || answer.status === 405 || answer.status === 501) return this.isOurs(answer) ? { kind: 'unsupported' } : unreadable(answer);
    const said = this.read(answer);
    if (said?.ref !== undefined && said.ref !== ref) return unreadable(answer); // it need not be repeated here, but must not be another
    if (answer.status === 200 && said?.status === 'cancelled') return { kind: 'cancelled' };
    if (answer.status === 409 && said?.status === 'executed') return executed(said);
    if (answer.status === 409 && said?.status === 'declined') return declined(said);
    if (answer.status === 409 && said?.status === 'returned') return returned(said);
    return unreadable(answer);
  }

  private async call(method: 'GET' | 'POST', path: string, body?: string): Promise<NetAnswer | Unknown | Unsent> {
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

  /** A 404 or 405 of something in between (a proxy, a wrong address) says nothing about the reference. */
  private isOurs({ headers }: NetAnswer): boolean {
    return headers['max-in-flight-seconds'] !== undefined;
  }

  /**
   * Read as strictly as a merchant's request: a body with two meanings (a name that stands twice) has none.
   *
   * @param pan a number that the processor may repeat in its words, and that is not to go further
   * @returns the body, where it is an object about this reference
   */
  private read({ body, truncated }: NetAnswer, ref?: string, pan?: string): Record<string, unknown> | undefined {
    if (truncated) return undefined;
    try {
      const said = parseJson(pan ? without(pan, body) : body);
      if (typeof said !== 'object' || said === null || Array.isArray(said)) return undefined;
      if (ref !== undefined && (said as { ref?: unknown }).ref !== ref) return undefined;
      return said as Record<string, unknown>;
    } catch (error) {
      if (error instanceof ApiError) return undefined;
      throw error;
    }
  }
}

const without = (pan: string, body: Buffer): Buffer => (body.includes(pan) ? Buffer.from(body.toString('latin1').replaceAll(pan, '[digits]'), 'latin1') : body);

const text = (value: unknown): string | null => (typeof value === 'string' && value.length <= 64 ? value : null);

function executed(said: Record<string, unknown>) {
  const at = typeof said.executedAt === 'string' ? new Date(said.executedAt) : null;
  return { kind: 'executed', rrn: text(said.rrn), executedAt: at && !Number.isNaN(at.getTime()) ? at : null } as const;
}

/** Its words are stored and shown, and may repeat a card number. */
function declined(said: Record<string, unknown>) {
  return {
    kind: 'declined',
    code: masked(text(said.code) ?? '05'),
    message: typeof said.message === 'string' ? masked(said.message).slice(0, 200) : 'declined by the processor',
  } as const;
}

function returned(said: Record<string, unknown>) {
  const code = text(said.code);
  return { kind: 'returned', rrn: text(said.rrn), code: code && masked(code) } as const;
}

const unreadable = ({ status, truncated }: NetAnswer): Unknown => ({
  kind: 'unknown',
  why: `the processor answered ${status}${truncated ? ', cut off' : ''}, which says nothing certain`,
});
