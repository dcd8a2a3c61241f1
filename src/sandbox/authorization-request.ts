/** The bodies of `POST /v1/authorizations` and of the operations on one, checked as transfers are. */
import { amountOf, expiryOf, fieldsOf, MalformedRequest, optionalText, panOf, refPattern, text, type CardDestination } from './request.ts';

export interface CardInstrument extends CardDestination {
  cvv?: string;
}

export interface WalletInstrument {
  /** E.164 */
  phone: string;
  /** personal number, 12 digits */
  iin: string;
}

export interface AuthorizationRequest {
  ref: string;
  kind: 'card' | 'wallet';
  /** minor units, in decimal digits; 0 asks whether a card is good and holds nothing */
  amount: string;
  currency: string;
  instrument: CardInstrument | WalletInstrument;
  /** where the customer comes back to from the issuer's page */
  returnUrl?: string;
  initiator: 'customer' | 'merchant';
  /** the ref of the first authorization of a series */
  initialRef?: string;
}

/** The calls under an authorization, by the last word of their path. */
export const operationKinds = { captures: 'capture', cancellations: 'cancellation', refunds: 'refund' } as const;
export type OperationKind = (typeof operationKinds)[keyof typeof operationKinds];

export interface OperationRequest {
  /** the operation's own */
  ref: string;
  kind: OperationKind;
  /** the ref of the authorization */
  authorization: string;
  /** minor units, in decimal digits */
  amount: string;
}

function cardOf(value: unknown): CardInstrument {
  const fields = fieldsOf(value, 'instrument', ['pan', 'expiryMonth', 'expiryYear', 'holder', 'cvv']);
  return { pan: panOf(fields), ...expiryOf(fields), holder: optionalText(fields, 'holder', /^.{0,140}$/su), cvv: optionalText(fields, 'cvv', /^\d{3,4}$/) };
}

function walletOf(value: unknown): WalletInstrument {
  const fields = fieldsOf(value, 'instrument', ['phone', 'iin']);
  return { phone: text(fields, 'phone', /^\+[1-9]\d{7,14}$/), iin: text(fields, 'iin', /^\d{12}$/) };
}

/** @throws {MalformedRequest} */
export function parseAuthorization(body: unknown): AuthorizationRequest {
  const fields = fieldsOf(body, 'body', ['ref', 'kind', 'amount', 'currency', 'instrument', 'returnUrl', 'initiator', 'initialRef']);
  const { kind, initiator } = fields;
  if (kind !== 'card' && kind !== 'wallet') throw new MalformedRequest('kind: must be card or wallet');
  if (initiator !== 'customer' && initiator !== 'merchant') throw new MalformedRequest('initiator: must be customer or merchant');
  return {
    ref: text(fields, 'ref', refPattern),
    kind,
    amount: kind === 'card' && (fields.amount === 0 || fields.amount === '0') ? '0' : amountOf(fields.amount),
    currency: text(fields, 'currency', /^[A-Z]{3}$/),
    instrument: kind === 'card' ? cardOf(fields.instrument) : walletOf(fields.instrument),
    returnUrl: optionalText(fields, 'returnUrl', /^https?:\/\/[\x21-\x7e]{1,2000}$/),
    initiator,
    initialRef: optionalText(fields, 'initialRef', refPattern),
  };
}

/** @throws {MalformedRequest} */
export function parseOperation(kind: OperationKind, authorization: string, body: unknown): OperationRequest {
  const fields = fieldsOf(body, 'body', ['ref', 'amount']);
  return { ref: text(fields, 'ref', refPattern), kind, authorization, amount: amountOf(fields.amount) };
}

/**
 * The same text for the same content, however its JSON was written. The CVV is no part of it: who repeats a request after
 * a crash has it no more, for nobody may keep it, and the repetition must not be a conflict.
 */
export function canonicalAuthorization({ kind, amount, currency, instrument: i, returnUrl, initiator, initialRef }: AuthorizationRequest): string {
  const who = 'pan' in i ? [i.pan, i.expiryMonth, i.expiryYear, i.holder ?? null] : [i.phone, i.iin];
  return JSON.stringify(['authorization', kind, amount, currency, who, returnUrl ?? null, initiator, initialRef ?? null]);
}

export const canonicalOperation = ({ kind, authorization, amount }: OperationRequest): string => JSON.stringify(['operation', kind, authorization, amount]);
