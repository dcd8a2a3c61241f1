import type {
  ActionRequired,
  Authorization,
  AuthorizationInquiry,
  AuthorizeOutcome,
  Authorized,
  Authorizer,
  Done,
  Operation,
  OperationInquiry,
  OperationKind,
  OperationOutcome,
} from './authorizer.ts';
import type { ProcessorLimits, Unknown, Unsent } from './connector.ts';
import { hiding, type Hide } from './http-hiding.ts';
import { conflict, declined, isOurs, ProcessorLine, read, unreadable, type HttpConnectorOptions, type Said } from './http-line.ts';

const rooms: Record<OperationKind, string> = { capture: 'captures', cancel: 'cancellations', refund: 'refunds' };

/** The authorizations of processor protocol v1, as strictly read as transfers: what cannot be read to the letter is unknown. */
export class HttpAuthorizer implements Authorizer {
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
    return this.line.acquaint('/v1/authorizations');
  }

  async authorize(request: Authorization): Promise<AuthorizeOutcome> {
    const { reference: ref, instrument } = request;
    const answer = await this.line.call('POST', '/v1/authorizations', wire(request));
    if ('kind' in answer) return answer;
    if (answer.status === 409) return conflict(answer);
    const hide = hiding(instrument);
    const said = read(answer, ref);
    if (answer.status === 200 && said?.status === 'authorized') return authorized(said, hide);
    if (answer.status === 200 && said?.status === 'action_required') return action(said, hide) ?? unreadable(answer);
    if (answer.status === 202 && said?.status === 'pending') return { kind: 'pending' };
    if (answer.status === 422 && said?.status === 'declined') return declined(said, hide.words);
    return unreadable(answer);
  }

  async inquireAuthorization(ref: string): Promise<AuthorizationInquiry> {
    const answer = await this.line.call('GET', `/v1/authorizations/${encodeURIComponent(ref)}`);
    if ('kind' in answer) return answer;
    if (answer.status === 404) return isOurs(answer) ? { kind: 'absent' } : unreadable(answer);
    if (answer.status !== 200) return unreadable(answer);
    const said = read(answer, ref);
    switch (said?.status) {
      case 'authorized':
        return authorized(said, hiding());
      case 'action_required':
        return action(said, hiding()) ?? unreadable(answer);
      case 'pending':
        return { kind: 'pending' };
      case 'declined':
        return declined(said, hiding().words);
      case 'cancelled':
        return { kind: 'voided' };
      default:
        return unreadable(answer);
    }
  }

  async operate({ kind, reference: ref, authorization, amount }: Operation): Promise<OperationOutcome> {
    const path = `/v1/authorizations/${encodeURIComponent(authorization)}/${rooms[kind]}`;
    const answer = await this.line.call('POST', path, `{"ref":${JSON.stringify(ref)},"amount":${amount}}`);
    if ('kind' in answer) return answer;
    if (answer.status === 409) return conflict(answer);
    const said = read(answer, ref);
    if (answer.status === 200 && said?.status === 'executed') return done(said);
    if (answer.status === 202 && said?.status === 'pending') return { kind: 'pending' };
    if (answer.status === 422 && said?.status === 'declined') return declined(said, hiding().words);
    return unreadable(answer);
  }

  async inquireOperation(ref: string): Promise<OperationInquiry> {
    const answer = await this.line.call('GET', `/v1/operations/${encodeURIComponent(ref)}`);
    if ('kind' in answer) return answer;
    if (answer.status === 404) return isOurs(answer) ? { kind: 'absent' } : unreadable(answer);
    if (answer.status !== 200) return unreadable(answer);
    const said = read(answer, ref);
    switch (said?.status) {
      case 'executed':
        return done(said);
      case 'pending':
        return { kind: 'pending' };
      case 'declined':
        return declined(said, hiding().words);
      default:
        return unreadable(answer);
    }
  }
}

/** The amount is put in as digits: as a number of JavaScript it would lose some. */
function wire({ reference, amount, currency, instrument: { kind, ...instrument }, returnUrl, initiator, initialReference }: Authorization): string {
  const rest = JSON.stringify({ currency, instrument, returnUrl, initiator, initialRef: initialReference });
  return `{"ref":${JSON.stringify(reference)},"kind":"${kind}","amount":${amount},${rest.slice(1)}`;
}

const authorized = (said: Said, hide: Hide): Authorized => ({ kind: 'authorized', rrn: hide.number(said.rrn), authCode: hide.number(said.authCode) });
const done = (said: Said): Done => ({ kind: 'done', rrn: hiding().number(said.rrn) });

/** The customer is sent there: an address of the web, and of nothing else. */
function action({ action: asked }: Said, hide: Hide): ActionRequired | undefined {
  if (typeof asked !== 'object' || asked === null) return undefined;
  const { type, url } = asked as Said;
  if (type !== 'redirect' || typeof url !== 'string' || url.length > 2048 || !URL.canParse(url) || hide.isIn(url)) return undefined;
  return /^https?:$/.test(new URL(url).protocol) ? { kind: 'action_required', url } : undefined;
}
