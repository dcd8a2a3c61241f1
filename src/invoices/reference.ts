/**
 * The number of an invoice: a creditor reference, which banks know and check: RF, two check digits, then the merchant's code and ten
 * characters of its own. All in the alphabet of our codes (no I, L, O, U), so that it can be read out and typed.
 * @source ISO 11649
 */

const LENGTH = 22;

/** @param tail ten characters of base 32 */
export function invoiceNumber(merchantCode: string, tail: string): string {
  const body = `${merchantCode}${tail}`.toUpperCase();
  return `RF${String(98 - mod97(`${body}RF00`)).padStart(2, '0')}${body}`;
}

/** The code of the merchant whose invoice it is. */
export const merchantCodeIn = (number: string): string => number.slice(4, 12).toLowerCase();

/** As it is printed: in fours. */
export const inFours = (number: string): string => number.replaceAll(/(.{4})(?=.)/g, '$1 ');

/** As much of a remittance as is looked at, and of what follows the letters: banks have 140 characters, a file may have millions. */
const [MOST, SPAN] = [4_096, 100];

/**
 * Finds the number of an invoice in what a payer wrote, however it was typed: in small letters, with spaces, hyphens or line ends in
 * it, with Cyrillic letters that look like Latin ones. The check digits tell a number from what only looks like one.
 */
export function numberIn(text: string): string | undefined {
  const latin = text.slice(0, MOST).toUpperCase().replaceAll(/РФ/g, 'RF').replaceAll(/[АВЕКМНОРСТУХЅІЈ]/g, (letter) => LOOKS_LIKE[letter] as string); // prettier-ignore
  for (const { index } of latin.matchAll(/R[\s.-]*F(?=[\s.-]*[0-9OIL])/g)) {
    const number = `RF${inOurAlphabet(
      latin
        .slice(index, index + SPAN)
        .replaceAll(/[^0-9A-Z]/g, '')
        .slice(2, LENGTH),
    )}`;
    if (isNumber(number)) return number;
  }
  return undefined;
}

/** Whether a text is the number of an invoice, as we write it. */
export const isNumber = (text: string): boolean => /^RF\d{2}[0-9A-HJKMNP-TV-Z]{18}$/.test(text) && mod97(text.slice(4) + text.slice(0, 4)) === 1;

const inOurAlphabet = (text: string): string => text.replaceAll('O', '0').replaceAll(/[IL]/g, '1');

const LOOKS_LIKE: Record<string, string> = {
  ...{ А: 'A', В: 'B', Е: 'E', К: 'K', М: 'M', Н: 'H', О: '0', Р: 'P', С: 'C', Т: 'T', У: 'Y', Х: 'X', Ѕ: 'S', І: '1', Ј: 'J' },
};

/** Letters count as two digits, A as 10. @source ISO 7064, MOD 97-10 */
function mod97(text: string): number {
  let rest = 0;
  for (const letter of text) for (const digit of String(Number.parseInt(letter, 36))) rest = (rest * 10 + Number(digit)) % 97;
  return rest;
}
