import type { Key } from '../http/idempotency.ts';
import type { Ids } from '../ids.ts';
import type { Merchant } from '../merchants/merchants.ts';
import type { DistributionRequest } from './accept.ts';
import { BankFileError } from '../connectors/iso20022/bank-file-error.ts';
import { checkCreditTransfer } from '../connectors/iso20022/pain001.ts';
import { type ApiError, type Detail, unprocessable } from '../errors.ts';
import { bicProblem, binOrIinProblem, ibanProblem, kbeProblem, knpProblem, normalizedBic, normalizedIban } from '../kazakhstan.ts';
import { exponentOf } from '../money.ts';
import { holdsCardNumber } from '../vault/card-number.ts';
import type { Recipient } from './distribution.ts';

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
 * @throws {ApiError} 400 or 422, with each field that is wrong. Values are not repeated: they are people's
 */
export function checked(asked: Asked, { live }: { live: boolean }): Asked {
  exponentOf(asked.currency);
  const { recipient } = asked;
  const found: Record<string, string | undefined> = {
    'recipient.bin': binOrIinShape(recipient.bin) ?? (live ? binOrIinProblem(recipient.bin, { checkDigit: true }) : undefined),
    'recipient.iban': ibanProblem(recipient.iban),
    'recipient.bic': bicProblem(recipient.bic),
    'recipient.kbe': kbeProblem(recipient.kbe),
    'recipient.knp': knpProblem(recipient.knp),
    'recipient.name': cardNumber(recipient.name),
    orderReference: cardNumber(asked.orderReference),
    paymentPurpose: cardNumber(asked.paymentPurpose),
  };
  if (Object.values(found).every((problem) => problem === undefined)) found.paymentPurpose = unwritable(asked);
  const details = Object.entries(found).flatMap(([field, message]): Detail[] => (message ? [{ field, message }] : []));
  if (details.length > 0) throw wrong(details);
  return { ...asked, recipient: { ...recipient, iban: normalizedIban(recipient.iban), bic: normalizedBic(recipient.bic) } };
}

/**
 * The request that is accepted, from what is asked for.
 * @throws {ApiError} as {@link checked}
 */
export function requestOf(asked: Asked, merchant: Merchant, key: Key | undefined, ids: Ids): DistributionRequest {
  const { recipient, orderReference, amount, currency, paymentPurpose } = checked(asked, { live: merchant.mode === 'live' });
  return { id: ids.uuid(), merchant, key, orderReference, amount: BigInt(amount), currency, recipient, paymentPurpose };
}

const binOrIinShape = (text: string): string | undefined => (/^\d{12}$/.test(text) ? undefined : 'must be 12 digits');
/** What is written beside a payment is stored and sent on in the open. */
const cardNumber = (text: string): string | undefined =>
  holdsCardNumber(text) ? 'looks like a card number, which is nowhere to be written in the open' : undefined;

/** What a bank's file cannot hold (a control character, for one) is refused here, not when the file is made. */
function unwritable({ amount, currency, recipient: { name, bin, iban, bic, kbe, knp }, paymentPurpose }: Asked): string | undefined {
  const creditor = { name, bin, iban: normalizedIban(iban), bic: normalizedBic(bic) };
  try {
    for (const version of ['09', '03'] as const)
      checkCreditTransfer({ endToEndId: 'x', amount: BigInt(amount), currency, creditor, kbe, knp, purpose: paymentPurpose }, version);
    return undefined;
  } catch (error) {
    if (error instanceof BankFileError) return `or the recipient’s name cannot be written in a bank file: ${error.message}`;
    throw error;
  }
}

const wrong = (details: Detail[]): ApiError => unprocessable(details.map(({ field, message }) => `${field} ${message}`).join('; '), details);
