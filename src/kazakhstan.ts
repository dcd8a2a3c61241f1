/**
 * The numbers by which Kazakhstan knows people, companies, accounts and payments. What is wrong is said as a clause after the
 * name of the field ("must be 12 digits") and never repeats the value: it may be personal data.
 */
import { getCountrySpecifications, isValidBIC, ValidationErrorsIBAN, validateIBAN } from 'ibantools';

export { type Bank, bankOfIban } from './kazakhstan/banks.ts';

/** Whether more than the shape is looked at: a real number passes, a typed-over or made-up one (as in examples) mostly does not. */
export interface Strictness {
  checkDigit: boolean;
}

const TWELVE_DIGITS = 'must be 12 digits (a spreadsheet may have dropped zeros in front)';
const WRONG_CHECK_DIGIT = 'has a wrong check digit: some digit is mistyped';

/**
 * The last digit of an IIN or BIN, by its first eleven: their sum with the weights 1 to 11, modulo 11; where that is 10, the sum with
 * 3 to 11, 1, 2. Where that is 10 too the number is never given out.
 * @source the rules for forming identification numbers (Government decree No. 406 of 22 May 2007, with No. 565 of 11 June 2003)
 */
export function checkDigitOf(digits: string): number | undefined {
  const sum = (shift: number) => [...digits.slice(0, 11)].reduce((total, digit, at) => total + Number(digit) * (((at + shift) % 11) + 1), 0) % 11;
  return [sum(0), sum(2)].find((remainder) => remainder < 10);
}

/** First years of the centuries that the seventh digit of an IIN means; it also tells the sex (odd: male). 0 is for foreigners and tells neither. */
const CENTURIES: Record<string, number[]> = { 0: [1800, 1900, 2000], 1: [1800], 2: [1800], 3: [1900], 4: [1900], 5: [2000], 6: [2000] };

/**
 * What is wrong with a personal number (IIN): YYMMDD of birth, century and sex, four digits of a series, check digit. The date is only
 * looked at as a date: since 2013 it need not be its owner's (a corrected birthday does not change the number).
 * @source the same rules, and decree No. 853 of 26 August 2013; 0 in the seventh place by public validators, since no text of the rules was at hand
 */
export function iinProblem(text: string, { checkDigit }: Strictness): string | undefined {
  if (!/^[0-9]{12}$/.test(text)) return TWELVE_DIGITS;
  if (!checkDigit) return undefined;
  const centuries = CENTURIES[text.charAt(6)];
  if (!centuries) return 'has a seventh digit that no person’s number has (0 to 6)';
  if (!centuries.some((century) => isDate(century, text.slice(0, 6)))) return 'does not begin with a date of birth (year, month, day: two digits each)';
  return checkDigitOf(text) === Number(text.charAt(11)) ? undefined : WRONG_CHECK_DIGIT;
}

/** @param yymmdd year of the century, month, day */
function isDate(century: number, yymmdd: string): boolean {
  const [year = 0, month = 0, day = 0] = (yymmdd.match(/../g) ?? []).map(Number);
  const date = new Date(Date.UTC(century + year, month - 1, day)); // rolls over what no calendar has
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/**
 * What is wrong with a business number (BIN): YYMM of registration; 4 resident company, 5 foreign company, 6 joint sole traders;
 * 0 head office, 1 branch, 2 representation, 3 farm; five digits of a series; check digit.
 * @source OECD, Kazakhstan: information on tax identification numbers
 */
export function binProblem(text: string, { checkDigit }: Strictness): string | undefined {
  if (!/^[0-9]{12}$/.test(text)) return TWELVE_DIGITS;
  if (!checkDigit) return undefined;
  if (/^.{4}[0-3]/.test(text)) return 'looks like a person’s number (IIN); a company’s (BIN) has 4, 5 or 6 as its fifth digit';
  if (!/^..(?:0[1-9]|1[0-2])[4-6][0-3]/.test(text)) return 'is not put together as a business number (year, month, type 4 to 6, part 0 to 3)';
  return checkDigitOf(text) === Number(text.charAt(11)) ? undefined : WRONG_CHECK_DIGIT;
}

/**
 * What is wrong with the number of a company or of a sole trader, who is known by a personal number: the fifth digit tells them apart
 * (that of a day is at most 3, that of a company at least 4).
 */
export const binOrIinProblem = (text: string, strictness: Strictness): string | undefined =>
  (/^.{4}[0-3]/.test(text) ? iinProblem : binProblem)(text, strictness);

const upperCase = (text: string) => text.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase()); // ASCII alone: ı and ß would turn into other letters

/** An IBAN as it is stored and compared: no spaces, capitals. */
export const normalizedIban = (text: string): string => upperCase(text.replaceAll(/\s/g, ''));

const COUNTRIES = getCountrySpecifications();

/** What is wrong with an IBAN of any country of the registry. @source ISO 13616 and the IBAN registry, as ibantools has them */
export function ibanProblem(text: string): string | undefined {
  const iban = normalizedIban(text);
  if (!/^[A-Z0-9]*$/.test(iban)) return 'must have Latin letters and digits alone (a Cyrillic letter may look the same)';
  const country = COUNTRIES[iban.slice(0, 2)];
  if (!country?.IBANRegistry) return 'must begin with the code of a country that has IBANs, such as KZ';
  const { errorCodes } = validateIBAN(iban);
  if (errorCodes.includes(ValidationErrorsIBAN.WrongBBANLength)) return `must have ${String(country.chars)} characters in this country`;
  if (errorCodes.includes(ValidationErrorsIBAN.WrongBBANFormat)) return 'has letters where this country has digits, or digits where it has letters';
  return errorCodes.length > 0 ? 'has wrong check digits: some character is mistyped' : undefined;
}

/** A BIC as it is stored and compared. */
export const normalizedBic = (text: string): string => upperCase(text.trim());

/** What is wrong with a BIC (БИК, SWIFT code). @source ISO 9362, as ibantools has it */
export const bicProblem = (text: string): string | undefined =>
  isValidBIC(normalizedBic(text)) ? undefined : 'must be a BIC of 8 or 11 Latin letters and digits, such as CASPKZKA';

/**
 * What is wrong with a code of the beneficiary (КБе): residency (1 resident, 2 not) and sector (1 central government, 2 local government,
 * 3 central banks, 4 banks, 5 other finance, 6 state companies, 7 private companies, 8 non-profits, 9 households and sole traders).
 * @source rules of the National Bank's resolution No. 203 of 31 August 2016
 */
export const kbeProblem = (text: string): string | undefined =>
  /^[12][1-9]$/.test(text) ? undefined : 'must be two digits: residency (1 or 2) and sector of the economy (1 to 9), such as 17';

/** What is wrong with a payment purpose code (КНП). Only its shape: the list changes. @source the same rules, with the list in their appendix */
export const knpProblem = (text: string): string | undefined => (/^[0-9]{3}$/.test(text) ? undefined : 'must be three digits, such as 119');
