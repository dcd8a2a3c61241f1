import { masked } from '../log.ts';
import type { CancelOutcome, Connector, InquiryOutcome, ProcessorLimits, SendOutcome, Transfer, Unknown, Unsent } from './connector.ts';
import { conflict, declined, isOurs, ProcessorLine, read, text, unreadable, type HttpConnectorOptions, type Said } from './http-line.ts';

export { NOBODYS, type HttpConnectorOptions } from './http-line.ts';

/** Speaks processor protocol v1, JSON over HTTP. What it cannot read to the letter is unknown. */
export class HttpConnector implements Connector {
  readonly name: string;
  private readonly line: ProcessorLine;

  constructor(options: HttpConnectorOptions) {
    this.name = options.name;
    this.line = new ProcessorLine(options);
  }

  limits(): ProcessorLimits {
    return this.line.limits();
  }

  acquaint(): Promise<Unknown | Unsent | undefined> {
    return this.line.acquaint('/v1/transfers');
  }

  async send(transfer: Transfer): Promise<SendOutcome> {
    const { reference: ref, kind, amount, currency, destination, description } = transfer;
    const body = `{"ref":${JSON.stringify(ref)},"kind":"${kind}","amount":${amount},"currency":"${currency}","destination":${JSON.stringify(destination)},"description":${JSON.stringify(description)}}`;
    const answer = await this.line.call('POST', '/v1/transfers', body);
    if ('kind' in answer) return answer;
    if (answer.status === 409) return conflict(answer);
    const said = read(answer, ref, transfer.kind === 'card' ? transfer.destination.pan : undefined);
    if (answer.status === 200 && said?.status === 'executed') return executed(said);
    if (answer.status === 202 && said?.status === 'pending') return { kind: 'pending' };
    if (answer.status === 422 && said?.status === 'declined') return declined(said);
    return unreadable(answer);
  }

  async inquire(ref: string): Promise<InquiryOutcome> {
    const answer = await this.line.call('GET', `/v1/transfers/${encodeURIComponent(ref)}`);
    if ('kind' in answer) return answer;
    if (answer.status === 404) return isOurs(answer) ? { kind: 'absent' } : unreadable(answer);
    const said = read(answer, ref);
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
    const answer = await this.line.call('POST', `/v1/transfers/${encodeURIComponent(ref)}/cancel`, '{}');
    if ('kind' in answer) return answer;
    if (answer.status === 404 || answer.status === 405 || answer.status === 501) return isOurs(answer) ? { kind: 'unsupported' } : unreadable(answer);
    const said = read(answer);
    if (said?.ref !== undefined && said.ref !== ref) return unreadable(answer); // it need not be repeated here, but must not be another
    if (answer.status === 200 && said?.status === 'cancelled') return { kind: 'cancelled' };
    if (answer.status === 409 && said?.status === 'executed') return executed(said);
    if (answer.status === 409 && said?.status === 'declined') return declined(said);
    if (answer.status === 409 && said?.status === 'returned') return returned(said);
    return unreadable(answer);
  }
}

function executed(said: Said) {
  const at = typeof said.executedAt === 'string' ? new Date(said.executedAt) : null;
  return { kind: 'executed', rrn: text(said.rrn), executedAt: at && !Number.isNaN(at.getTime()) ? at : null } as const;
}

function returned(said: Said) {
  const code = text(said.code);
  return { kind: 'returned', rrn: text(said.rrn), code: code && masked(code) } as const;
}
