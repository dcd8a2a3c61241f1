import type { Key } from '../http/idempotency.ts';
import type { Ids } from '../ids.ts';
import type { Merchant } from '../merchants/merchants.ts';
import { type Detail, wrongFields } from '../errors.ts';
import { exponentOf } from '../money.ts';
import { cardNumberProblem, normalized, type Recipient, recipientProblems, unwritable } from '../sending/recipient.ts';
import type { DistributionRequest } from './accept.ts';

/** A distribution as it is asked for. */
export interface Asked {
  orderReference: string;
  /** minor units; what is shown to be an integer that a double holds exactly */
  amount: number;
  currency: string;
  recipient: Recipient;
  paymentPurpose: string;
}

/**
 * Checks what the shape does not say, and writes IBAN and BIC as banks do.
 * @param live check digits of numbers are looked at; test merchants may use the examples of the documentation
 * @throws {ApiError} 400 or 422, with each field that is wrong
 */
export function checked(asked: Asked, mode: { live: boolean }): Asked {
  exponentOf(asked.currency);
  const { recipient, orderReference, paymentPurpose } = asked;
  const found = [
    ...recipientProblems(recipient, mode, 'recipient.'),
    ...problem('orderReference', cardNumberProblem(orderReference)),
    ...problem('paymentPurpose', cardNumberProblem(paymentPurpose)),
  ];
  const written = normalized(recipient);
  if (found.length === 0) found.push(...problem('paymentPurpose', unwritable(written, BigInt(asked.amount), asked.currency, paymentPurpose)));
  if (found.length > 0) throw wrongFields(found);
  return { ...asked, recipient: written };
}

/**
 * The request that is accepted, from what is asked for.
 * @throws {ApiError} as {@link checked}
 */
export function requestOf(asked: Asked, merchant: Merchant, key: Key | undefined, ids: Ids): DistributionRequest {
  const { recipient, orderReference, amount, currency, paymentPurpose } = checked(asked, { live: merchant.mode === 'live' });
  return { id: ids.uuid(), merchant, key, orderReference, amount: BigInt(amount), currency, recipient, paymentPurpose };
}

const problem = (field: string, message: string | undefined): Detail[] => (message ? [{ field, message }] : []);
