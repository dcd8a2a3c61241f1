import cardValidator from 'card-validator';
import { type CardDetails, CheckedCard } from './checked-card.ts';

/** Card data as somebody typed it. */
export interface CardFields {
  number: string;
  expiryMonth: string;
  expiryYear: string;
  holder?: string;
}

export type NumberProblem = 'missing' | 'digits' | 'length' | 'check';
export type ExpiryProblem = 'missing' | 'format' | 'past' | 'far';
export type HolderProblem = 'characters' | 'long';
/** What is wrong, field by field; at most one thing of each. */
export interface CardProblems {
  number?: NumberProblem;
  expiry?: ExpiryProblem;
  holder?: HolderProblem;
}

const MAX_HOLDER = 64;
/** No card is issued for longer. */
const MAX_YEARS_AHEAD = 20;
/** The names that merchants see, where they are not the validator's own. */
const BRANDS: Record<string, string> = { 'american-express': 'amex', 'diners-club': 'diners' };

/** Checks card data as far as it can be checked without asking anybody. @returns the card, or what is wrong with it */
export function readCard(fields: CardFields, now: Date): CheckedCard | CardProblems {
  const pan = plain(fields.number);
  const brand = brandOf(pan);
  const [expiryMonth, expiryYear] = [monthOf(plain(fields.expiryMonth)), yearOf(plain(fields.expiryYear))];
  const holder = plainName(fields.holder ?? '');
  const problems: CardProblems = {
    ...named('number', numberProblem(pan, brand)),
    ...named('expiry', expiryProblem(fields, expiryMonth, expiryYear, now)),
    ...named('holder', holderProblem(holder)),
  };
  if (Object.keys(problems).length > 0) return problems;
  const details: CardDetails = { pan, expiryMonth, expiryYear, ...(holder ? { holder } : {}) };
  return new CheckedCard(details, { brand: brand?.name ?? 'unknown', bin: pan.slice(0, 6), last4: pan.slice(-4), expiryMonth, expiryYear });
}

/** "09 / 29", "9/2029", "0929" and the like, as month and year; what cannot be told apart is handed on to be refused. */
export function splitExpiry(text: string): Pick<CardFields, 'expiryMonth' | 'expiryYear'> {
  const [, month = '', year = ''] = /^(\d{1,2})\D+(\d{2}|\d{4})$/.exec(text.normalize('NFKC').trim()) ?? /^(\d{2})(\d{2}|\d{4})$/.exec(plain(text)) ?? [];
  return month ? { expiryMonth: month, expiryYear: year } : { expiryMonth: plain(text), expiryYear: '' };
}

/** A card is good through the last day of its month, anywhere on earth. @source ISO/IEC 7813 */
export const isExpired = (card: { expiryMonth: number; expiryYear: number }, now: Date): boolean =>
  Date.UTC(card.expiryYear, card.expiryMonth, 1) + 12 * 3_600_000 <= now.getTime();

/** Whether somewhere in a text stands what can only be a card number: a known brand, of its length, with its check digit. */
export function holdsCardNumber(text: string): boolean {
  const runs = text.normalize('NFKC').match(/\d+(?:[ \-._]\d+)*/g) ?? [];
  return runs.map((run) => run.split(/\D/)).some((groups) => groups.some((_, from) => beginsCardNumber(groups, from)));
}

/** Whether some of these groups of digits, from one on, are a card number together. */
function beginsCardNumber(groups: string[], from: number): boolean {
  let digits = '';
  for (let i = from; i < groups.length && digits.length <= 19; i++) if (isCardNumber((digits += groups[i]))) return true;
  return false;
}

const isCardNumber = (digits: string): boolean =>
  digits.length >= 12 && digits.length <= 19 && luhn(digits) && brandOf(digits)?.lengths.includes(digits.length) === true;

function numberProblem(pan: string, brand: Brand | undefined): NumberProblem | undefined {
  if (pan === '') return 'missing';
  if (!/^\d+$/.test(pan)) return 'digits';
  // A brand that nobody knows is the bank's to judge, as long as it can be a card at all. @source ISO/IEC 7812-1
  if (brand ? !brand.lengths.includes(pan.length) : pan.length < 16 || pan.length > 19) return 'length';
  return luhn(pan) ? undefined : 'check';
}

function expiryProblem({ expiryMonth, expiryYear }: CardFields, month: number, year: number, now: Date): ExpiryProblem | undefined {
  if (plain(expiryMonth) === '' && plain(expiryYear) === '') return 'missing';
  if (!(month >= 1 && month <= 12) || Number.isNaN(year)) return 'format';
  if (year > now.getUTCFullYear() + MAX_YEARS_AHEAD) return 'far';
  return isExpired({ expiryMonth: month, expiryYear: year }, now) ? 'past' : undefined;
}

function holderProblem(holder: string): HolderProblem | undefined {
  if ([...holder].length > MAX_HOLDER) return 'long';
  return /^[\p{L}\p{M} .,'’\-/]*$/u.test(holder) ? undefined : 'characters';
}

interface Brand {
  name: string;
  lengths: number[];
}

function brandOf(digits: string): Brand | undefined {
  const { card } = cardValidator.number(digits, { skipLuhnValidation: true });
  return card ? { name: BRANDS[card.type] ?? card.type, lengths: card.lengths } : undefined;
}

/** @source ISO/IEC 7812-1, annex B */
function luhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  return sum % 10 === 0;
}

/** Without the spaces and dashes that people put between digits; full-width digits as plain ones. */
const plain = (text: string): string => text.normalize('NFKC').replace(/[\s\-‐-―−]/g, '');
const plainName = (text: string): string => text.normalize('NFC').replace(/\s+/g, ' ').trim();
const monthOf = (text: string): number => (/^\d{1,2}$/.test(text) ? Number(text) : Number.NaN);
const yearOf = (text: string): number => (/^\d{4}$/.test(text) ? Number(text) : /^\d{2}$/.test(text) ? 2000 + Number(text) : Number.NaN);
const named = <K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> => (value === undefined ? {} : ({ [name]: value } as Record<K, V>));
