import { BankFileError } from '../connectors/iso20022/bank-file-error.ts';
import { checkCreditTransfer } from '../connectors/iso20022/pain001.ts';
import type { BankAccount } from '../connectors/connector.ts';
import type { Detail } from '../errors.ts';
import { bicProblem, binOrIinProblem, ibanProblem, kbeProblem, knpProblem, normalizedBic, normalizedIban } from '../kazakhstan.ts';
import type { Minor } from '../money.ts';
import { holdsCardNumber } from '../vault/card-number.ts';

/** Who is paid at a bank. The same as the bank's account, but that what it is for is the payment's. */
export type Recipient = Omit<BankAccount, 'purpose'>;

/** What is wrong with the fields of somebody who is paid; what is not there is not looked at. Values are not repeated: they are people's. */
export function recipientProblems(given: { [Field in keyof Recipient]?: string | null }, { live }: { live: boolean }, path = ''): Detail[] {
  const check: { [Field in keyof Recipient]: (text: string) => string | undefined } = {
    name: cardNumberProblem,
    // Test merchants may use the examples of the documentation, whose check digits are made up.
    bin: (text) => (/^\d{12}$/.test(text) ? (live ? binOrIinProblem(text, { checkDigit: true }) : undefined) : 'must be 12 digits'),
    iban: ibanProblem,
    bic: bicProblem,
    kbe: kbeProblem,
    knp: knpProblem,
  };
  return (Object.keys(check) as (keyof Recipient)[]).flatMap((field): Detail[] => {
    const text = given[field];
    const message = text === undefined || text === null ? undefined : check[field](text);
    return message ? [{ field: `${path}${field}`, message }] : [];
  });
}

/** IBAN and BIC as banks write them. */
export const normalized = <T extends { iban: string; bic: string }>(given: T): T => ({
  ...given,
  iban: normalizedIban(given.iban),
  bic: normalizedBic(given.bic),
});

/** What is written beside a payment is stored and sent on in the open. */
export const cardNumberProblem = (text: string): string | undefined =>
  holdsCardNumber(text) ? 'looks like a card number, which is nowhere to be written in the open' : undefined;

/** What a bank's file cannot hold (a control character, for one) is refused when it is asked for, not when the file is made. */
export function unwritable({ name, bin, iban, bic, kbe, knp }: Recipient, amount: Minor, currency: string, purpose: string): string | undefined {
  try {
    for (const version of ['09', '03'] as const)
      checkCreditTransfer({ endToEndId: 'x', amount, currency, creditor: { name, bin, iban, bic }, kbe, knp, purpose }, version);
    return undefined;
  } catch (error) {
    if (error instanceof BankFileError) return `or the recipient’s name cannot be written in a bank file: ${error.message}`;
    throw error;
  }
}
