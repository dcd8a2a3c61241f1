/**
 * What the bank can tell from a card or account number alone. The bank shares no code with the product on purpose: it is the
 * judge, and a mistake made in both would cancel out.
 */

/** @source ISO/IEC 7812-1, annex B */
export function passesLuhn(pan: string): boolean {
  let sum = 0;
  for (let i = 0; i < pan.length; i++) {
    const digit = Number(pan[pan.length - 1 - i]);
    const weighed = i % 2 === 1 ? digit * 2 : digit;
    sum += weighed > 9 ? weighed - 9 : weighed;
  }
  return sum % 10 === 0;
}

const brands: readonly [RegExp, string][] = [
  [/^4/, 'visa'],
  [/^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, 'mastercard'],
  [/^220[0-4]/, 'mir'],
  [/^3[47]/, 'amex'],
  [/^62/, 'unionpay'],
];

/** The card's scheme in lower case, `unknown` for a prefix outside the list. */
export const brandOf = (pan: string): string => brands.find(([prefix]) => prefix.test(pan))?.[1] ?? 'unknown';

/** The remainder by 97 that a valid IBAN leaves as 1.
 *  @source ISO 13616-1; ISO/IEC 7064, MOD 97-10 */
export function ibanRemainder(iban: string): number {
  let remainder = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    for (const digit of parseInt(character, 36).toString()) remainder = (remainder * 10 + Number(digit)) % 97;
  }
  return remainder;
}

/** A Kazakh IBAN (country, check digits, 3 digits of bank, 13 of account) with its check digits worked out. */
export function kazakhIban(bankCode: string, account: string): string {
  const check = 98 - ibanRemainder(`KZ00${bankCode}${account}`);
  return `KZ${String(check).padStart(2, '0')}${bankCode}${account}`;
}
