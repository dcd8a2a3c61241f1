import type { Minor } from '../money.ts';
import type { Absent, Card, Conflict, Declined, Pending, ProcessorLimits, Unknown, Unsent } from './connector.ts';

/**
 * The contract between the house and a processor that takes money from customers: their consent first, the money later. As with
 * `Connector`, answers are values, and a reference with the same content is the same authorization or operation for as
 * long as the processor remembers.
 */
export interface Authorizer {
  readonly name: string;
  limits(): ProcessorLimits;
  /** @returns undefined when the limits are known; otherwise why not */
  acquaint?(): Promise<Unknown | Unsent | undefined>;
  /** Asks for consent to take an amount. Nothing is taken yet. */
  authorize(request: Authorization): Promise<AuthorizeOutcome>;
  /** Asks what became of an authorization. */
  inquireAuthorization(reference: string): Promise<AuthorizationInquiry>;
  /**
   * Takes, lets go or gives back a part of what was authorized. The processor holds the sums, too. A cancellation of the whole
   * amount is a fence where nothing is authorized yet: what is pending, or has not arrived, is never authorized after it.
   */
  operate(operation: Operation): Promise<OperationOutcome>;
  /** Asks what became of an operation. */
  inquireOperation(reference: string): Promise<OperationInquiry>;
}

export interface Authorization {
  reference: string;
  amount: Minor;
  currency: string;
  instrument: Instrument;
  /** where the customer comes back to from the page of an action */
  returnUrl?: string;
  initiator: 'customer' | 'merchant';
  /** the first authorization of a series that the merchant goes on with by itself */
  initialReference?: string;
}

export type Instrument = ({ kind: 'card'; cvv?: string } & Card) | ({ kind: 'wallet' } & Wallet);

/** A customer's wallet. */
export interface Wallet {
  /** E.164 */
  phone: string;
  /** personal number, 12 digits */
  iin: string;
}

export type OperationKind = 'capture' | 'cancel' | 'refund';

export interface Operation {
  kind: OperationKind;
  /** of the operation itself */
  reference: string;
  /** of the authorization that it is about */
  authorization: string;
  amount: Minor;
}

export interface Authorized {
  kind: 'authorized';
  rrn: string | null;
  authCode: string | null;
}
/** The customer has to do something first, on a page of the issuer. */
export interface ActionRequired {
  kind: 'action_required';
  url: string;
}
/** The operation was carried out. */
export interface Done {
  kind: 'done';
  rrn: string | null;
}
/** The authorization was let go in full, before anything of it was taken. */
export interface Voided {
  kind: 'voided';
}

export type AuthorizeOutcome = Authorized | ActionRequired | Pending | Declined | Unknown | Unsent | Conflict;
export type AuthorizationInquiry = Authorized | ActionRequired | Pending | Declined | Voided | Unknown | Unsent | Absent;
export type OperationOutcome = Done | Pending | Declined | Unknown | Unsent | Conflict;
export type OperationInquiry = Done | Pending | Declined | Unknown | Unsent | Absent;
