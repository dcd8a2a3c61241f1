import type {
  Authorization,
  AuthorizationInquiry,
  AuthorizeOutcome,
  Authorizer,
  Operation,
  OperationInquiry,
  OperationOutcome,
} from '../../src/connectors/authorizer.ts';
import type { ProcessorLimits } from '../../src/connectors/connector.ts';

type Script = {
  authorize?: (request: Authorization) => AuthorizeOutcome | Promise<AuthorizeOutcome> | undefined;
  inquireAuthorization?: (reference: string) => AuthorizationInquiry | undefined;
  operate?: (operation: Operation) => OperationOutcome | Promise<OperationOutcome> | undefined;
  inquireOperation?: (reference: string) => OperationInquiry | undefined;
};

const refused = (message: string) => ({ kind: 'declined', code: '13', message }) as const;

/**
 * A wallet's bank that does as a test tells it; where nothing is told, its customers agree, and it does what it is asked within
 * what was authorised and taken, and remembers it.
 */
export class ScriptedWallet implements Authorizer {
  readonly name = 'processor';
  script: Script = {};
  known: ProcessorLimits = { retentionSeconds: 86_400, maxInFlightSeconds: 30 };
  readonly asked: Authorization[] = [];
  readonly operated: Operation[] = [];
  readonly inquired: string[] = [];
  private readonly consents = new Map<string, { amount: bigint; outcome: AuthorizeOutcome }>();
  private readonly done = new Map<string, { operation: Operation; outcome: OperationOutcome }>();

  limits(): ProcessorLimits {
    return this.known;
  }

  async authorize(request: Authorization): Promise<AuthorizeOutcome> {
    this.asked.push(request);
    return (await this.script.authorize?.(request)) ?? this.consent(request);
  }

  /** The customer agrees, once, whatever the house is told of it. */
  consent({ reference, amount }: Pick<Authorization, 'reference' | 'amount'>): AuthorizeOutcome {
    const rrn = String(700_000_000_000 + this.consents.size);
    const consent = this.consents.get(reference) ?? { amount, outcome: { kind: 'authorized', rrn, authCode: '123456' } };
    this.consents.set(reference, consent);
    return consent.outcome;
  }

  async inquireAuthorization(reference: string): Promise<AuthorizationInquiry> {
    this.inquired.push(reference);
    return (this.script.inquireAuthorization?.(reference) ?? this.consents.get(reference)?.outcome ?? { kind: 'absent' }) as AuthorizationInquiry;
  }

  async operate(operation: Operation): Promise<OperationOutcome> {
    this.operated.push(operation);
    return (await this.script.operate?.(operation)) ?? this.carryOut(operation);
  }

  /** Carries an operation out, once, if the sums allow it, whatever the house is told of it. */
  carryOut(operation: Operation): OperationOutcome {
    const before = this.done.get(operation.reference);
    if (before) return before.outcome;
    const outcome: OperationOutcome = this.objection(operation) ?? { kind: 'done', rrn: String(800_000_000_000 + this.done.size) };
    this.done.set(operation.reference, { operation, outcome });
    return outcome;
  }

  async inquireOperation(reference: string): Promise<OperationInquiry> {
    this.inquired.push(reference);
    return (this.script.inquireOperation?.(reference) ?? this.done.get(reference)?.outcome ?? { kind: 'absent' }) as OperationInquiry;
  }

  /** What was carried out of one kind for an authorization, in minor units. */
  sum(authorization: string, kind: Operation['kind']): bigint {
    const all = [...this.done.values()].filter(
      ({ operation, outcome }) => operation.authorization === authorization && operation.kind === kind && outcome.kind === 'done',
    );
    return all.reduce((sum, { operation }) => sum + operation.amount, 0n);
  }

  private objection({ kind, authorization, amount }: Operation): OperationOutcome | undefined {
    const consent = this.consents.get(authorization);
    if (consent?.outcome.kind !== 'authorized') return refused('no such authorization');
    const [captured, cancelled, refunded] = [this.sum(authorization, 'capture'), this.sum(authorization, 'cancel'), this.sum(authorization, 'refund')];
    const room = kind === 'refund' ? captured - refunded : consent.amount - captured - cancelled;
    return amount > room ? refused(`only ${room} is left`) : undefined;
  }
}
