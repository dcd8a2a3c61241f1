/** The body of `POST /v1/transfers`, checked. What is not in the protocol is refused, so that a mistake is seen at the first try. */

export interface CardDestination {
  pan: string;
  /** 1 to 12 */
  expiryMonth: number;
  /** four digits */
  expiryYear: number;
  holder?: string;
}

export interface BankDestination {
  iban: string;
  bic: string;
  name: string;
  /** the recipient's BIN or IIN, 12 digits */
  bin: string;
  kbe: string;
  knp: string;
  purpose: string;
}

export interface TransferRequest {
  ref: string;
  kind: 'card' | 'bank';
  /** minor units, in decimal digits */
  amount: string;
  currency: string;
  destination: CardDestination | BankDestination;
  description: string;
}

/** Why a body was refused; it names the field and never repeats a value, which may be a card number. */
export class MalformedRequest extends Error {}

/** A ref has a letter in it: so it is never a card number, and the journal may show it. */
export const refPattern = /^(?=.*[A-Za-z])[A-Za-z0-9._:-]{1,128}$/;

export type Fields = Record<string, unknown>;

export function fieldsOf(value: unknown, name: string, allowed: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new MalformedRequest(`${name}: must be an object`);
  const extra = Object.keys(value).some((key) => !allowed.includes(key));
  if (extra) throw new MalformedRequest(`${name}: has a field beside ${allowed.join(', ')}`);
  return value as Fields;
}

export function text(fields: Fields, name: string, pattern: RegExp): string {
  const value = fields[name];
  if (typeof value !== 'string' || !pattern.test(value)) throw new MalformedRequest(`${name}: must be a string like ${pattern.source}`);
  return value;
}

export const optionalText = (fields: Fields, name: string, pattern: RegExp) => (fields[name] === undefined ? undefined : text(fields, name, pattern));

/** Minor units: a whole number, or its digits as a string; a number that is not exact is refused. */
export function amountOf(value: unknown): string {
  if (typeof value === 'string' && /^[1-9]\d{0,18}$/.test(value)) return value;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return String(value);
  throw new MalformedRequest('amount: must be whole minor units above 0, of at most 19 digits');
}

function integer(fields: Fields, name: string, least: number, most: number): number {
  const value = fields[name];
  const number = typeof value === 'string' && /^\d{1,4}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < least || number > most) {
    throw new MalformedRequest(`${name}: must be between ${least} and ${most}`);
  }
  return number;
}

export const panOf = (fields: Fields): string => text(fields, 'pan', /^\d{12,19}$/);

export const expiryOf = (fields: Fields) => ({
  expiryMonth: integer(fields, 'expiryMonth', 1, 12),
  expiryYear: integer(fields, 'expiryYear', 2000, 2099),
});

function cardOf(value: unknown): CardDestination {
  const fields = fieldsOf(value, 'destination', ['pan', 'expiryMonth', 'expiryYear', 'holder']);
  return { pan: panOf(fields), ...expiryOf(fields), holder: optionalText(fields, 'holder', /^.{0,140}$/su) };
}

function accountOf(value: unknown): BankDestination {
  const fields = fieldsOf(value, 'destination', ['iban', 'bic', 'name', 'bin', 'kbe', 'knp', 'purpose']);
  return {
    iban: text(fields, 'iban', /^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/),
    bic: text(fields, 'bic', /^[A-Z0-9]{8}([A-Z0-9]{3})?$/),
    name: text(fields, 'name', /^.{1,140}$/su),
    bin: text(fields, 'bin', /^\d{12}$/),
    kbe: text(fields, 'kbe', /^\d{2}$/),
    knp: text(fields, 'knp', /^\d{3}$/),
    purpose: text(fields, 'purpose', /^.{1,500}$/su),
  };
}

/** @throws {MalformedRequest} */
export function parseTransfer(body: unknown): TransferRequest {
  const fields = fieldsOf(body, 'body', ['ref', 'kind', 'amount', 'currency', 'destination', 'description']);
  const kind = fields.kind;
  if (kind !== 'card' && kind !== 'bank') throw new MalformedRequest('kind: must be card or bank');
  return {
    ref: text(fields, 'ref', refPattern),
    kind,
    amount: amountOf(fields.amount),
    currency: text(fields, 'currency', /^[A-Z]{3}$/),
    destination: kind === 'card' ? cardOf(fields.destination) : accountOf(fields.destination),
    description: optionalText(fields, 'description', /^.{0,1000}$/su) ?? '',
  };
}

/** The same text for the same content, however its JSON was written. */
/** Money that somebody sends to an account at this bank: what a developer asks for in a sandbox. */
export interface Incoming {
  iban: string;
  /** minor units */
  amount: bigint;
  currency: string;
  purpose: string;
  payer: { name: string; bin: string };
}

/** @throws {MalformedRequest} */
export function parseIncoming(body: unknown): Incoming {
  const fields = fieldsOf(body, 'body', ['iban', 'amount', 'currency', 'purpose', 'payer']);
  const payer = fieldsOf(fields.payer, 'payer', ['name', 'bin']);
  return {
    iban: text(fields, 'iban', /^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/),
    amount: BigInt(amountOf(fields.amount)),
    currency: text(fields, 'currency', /^[A-Z]{3}$/),
    purpose: text(fields, 'purpose', /^.{1,140}$/su),
    payer: { name: text(payer, 'name', /^.{1,140}$/su), bin: text(payer, 'bin', /^\d{12}$/) },
  };
}

export function canonical({ kind, amount, currency, destination: d, description }: TransferRequest): string {
  const where = 'pan' in d ? [d.pan, d.expiryMonth, d.expiryYear, d.holder ?? null] : [d.iban, d.bic, d.name, d.bin, d.kbe, d.knp, d.purpose];
  return JSON.stringify([kind, amount, currency, where, description]);
}
