import { BankFileError } from './bank-file-error.ts';

/** What XML 1.0 can carry; half a surrogate pair is no character. @source XML 1.0 (fifth edition), production 2 */
const CHARACTERS = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u;

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;', '\r': '&#13;' };

/**
 * A text as it stands in a file. A carriage return is written as a number, for a reader would make a line feed of it.
 * @param max in characters (code points), as XML Schema counts
 * @throws {BankFileError} when it is empty, too long, or has a character that XML does not
 */
export function written(text: string, max: number, what: string): string {
  if (text.trim() === '') throw new BankFileError(`${what} is empty`);
  if (text.length > max && [...text].length > max) throw new BankFileError(`${what} is longer than ${max} characters`);
  if (!CHARACTERS.test(text)) throw new BankFileError(`${what} has a character that XML does not have`);
  return text.replaceAll(/[&<>"'\r]/g, (character) => ENTITIES[character] as string);
}

/** @throws {BankFileError} when the text is not of that form; what is of it needs no escaping */
export function formed(text: string, form: RegExp, what: string): string {
  if (!form.test(text)) throw new BankFileError(`${what} is not of the form ${form.source}`);
  return text;
}

/** An element around what it holds. Nothing is written of one that holds nothing: the schemas know no empty elements. */
export const tag = (name: string, ...content: (string | false | null | undefined)[]): string => {
  const inner = content.map((part) => part || '').join('');
  return inner && `<${name}>${inner}</${name}>`;
};

/** A document of a message, such as pain.002.001.14; lines are broken between its larger parts for people and line numbers. */
export const documentOf = (message: string, ...content: string[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:${message}">${content.join('')}</Document>\n`;

/** An instant in UTC, to the second. */
export const isoTime = (at: Date): string => `${at.toISOString().slice(0, 19)}Z`;

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Whether a text is a day of the calendar, as YYYY-MM-DD: 2026-02-30 is none. */
export function isDate(text: string): boolean {
  if (!DATE.test(text)) return false;
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8))];
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day >= 1 && day <= (month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0));
}

/** @throws {BankFileError} when it is not a day of the calendar */
export function isoDate(text: string, what: string): string {
  if (!isDate(text)) throw new BankFileError(`${what} is not a date such as 2026-03-05`);
  return text;
}

/** The forms of the schemas. */
export const IBAN = /^[A-Z]{2}\d{2}[a-zA-Z0-9]{1,30}$/;
export const BIC = /^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$/;
/** The versions of 2009 ask more of a BIC than those of 2019. */
export const BIC_03 = /^[A-Z]{6}[A-Z2-9][A-NP-Z0-9](?:[A-Z0-9]{3})?$/;
/** BIN of an organisation and IIN of a person alike. */
export const BIN = /^\d{12}$/;

/**
 * A Kazakh identification number where ISO 20022 wants it: a BIN names an organisation (its fifth digit is 4, 5 or 6), an IIN a
 * person (digits five and six are the day of birth).
 */
export function identified(bin: string, what: string): string {
  const id = formed(bin, BIN, what);
  return tag('Id', tag(/^\d{4}[0-3]/.test(id) ? 'PrvtId' : 'OrgId', tag('Othr', tag('Id', id))));
}
