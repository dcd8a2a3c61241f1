/** Why a bank says no: the response codes that the sandbox uses, in the words that its answers carry.
 *  @source ISO 8583:1987, field 39; 82 as Visa uses it */
export const responseCodes: Readonly<Record<string, string>> = {
  '05': 'do not honour',
  '12': 'invalid transaction',
  '13': 'invalid amount',
  '14': 'invalid card number',
  '17': 'cancelled by the customer',
  '30': 'format error',
  '41': 'lost card',
  '43': 'stolen card',
  '51': 'insufficient funds',
  '54': 'expired card',
  '57': 'transaction not permitted to cardholder',
  '59': 'suspected fraud',
  '61': 'exceeds amount limit',
  '62': 'restricted card',
  '65': 'exceeds frequency limit',
  '82': 'incorrect CVV',
  '91': 'issuer not available',
  '96': 'system malfunction',
};

/** The code of a POST whose ref was cancelled before: 17, customer cancellation. */
export const fencedCode = '17';

/** The code of a card number that fails its check digit: 14. */
export const badNumberCode = '14';

/** The code of a card that is past its date. */
export const expiredCardCode = '54';

/** The code of a CVV that is not the card's. */
export const badCvvCode = '82';

/** Why an operation on an authorization is refused: the nearest response codes, in words of their own. */
export const operationCodes = {
  /** nothing was authorized, or nothing taken that could go back */
  state: '12',
  /** more than is left */
  rest: '61',
  /** no such authorization, or none any more */
  unknown: '25',
  /** the bank has let go of it */
  expired: '54',
} as const;

const operationMessages: Readonly<Record<string, string>> = {
  [operationCodes.state]: 'the authorization does not stand so',
  [operationCodes.rest]: 'exceeds what is left of the authorization',
  [operationCodes.unknown]: 'no such authorization',
  [operationCodes.expired]: 'the authorization has expired',
};

/** As `messageOf`, of an operation. */
export const operationMessageOf = (code: string): string => operationMessages[code] ?? messageOf(code);

export const messageOf = (code: string): string => responseCodes[code] ?? `declined with code ${code}`;

/**
 * The response code that an amount asks for, if it does: its digits are 20RR0, as minor units (20510 is 51) or as major
 * units with two decimals (2051000 is 51 too). 00 means approved.
 * @param amount minor units
 */
export function codeInAmount(amount: string): string | undefined {
  return /^20(\d\d)0(?:00)?$/.exec(amount)?.[1];
}
