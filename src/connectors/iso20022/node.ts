import { ApiError } from '../../errors.ts';
import { type Minor, toMinor } from '../../money.ts';
import { BankFileError } from './bank-file-error.ts';
import { isDate } from './xml.ts';

/** A small part of a file as a tree: one transaction, one balance. Large parts are never held. */
export interface XmlNode {
  name: string;
  line: number;
  /** without the white space around it */
  text: string;
  attributes: ReadonlyMap<string, string>;
  children: readonly XmlNode[];
}

export interface Money {
  amount: Minor;
  currency: string;
}

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

const NO_CHILDREN: readonly XmlNode[] = [];

export const emptyNode = (name: string, line: number, attributes = NO_ATTRIBUTES): XmlNode => ({ name, line, text: '', attributes, children: NO_CHILDREN });

/** Most elements hold a text and no others: a list is made only for those that do. */
export function addTo(parent: XmlNode, node: XmlNode): void {
  if (parent.children === NO_CHILDREN) parent.children = [node];
  else (parent.children as XmlNode[]).push(node);
}

/**
 * The one element at a path, or undefined.
 * @throws {BankFileError} when there are two of one name: what has two meanings has none
 */
export function child(node: XmlNode | undefined, ...path: string[]): XmlNode | undefined {
  let at = node;
  for (const name of path) at = at && only(at, name);
  return at;
}

function only(node: XmlNode, name: string): XmlNode | undefined {
  let found: XmlNode | undefined;
  for (const one of node.children) {
    if (one.name !== name) continue;
    if (found) throw new BankFileError(`${node.name} has more than one ${name}`, one.line);
    found = one;
  }
  return found;
}

export const all = (node: XmlNode | undefined, name: string): XmlNode[] => node?.children.filter((one) => one.name === name) ?? [];

/** @returns null when it is not there or is empty */
export const textAt = (node: XmlNode | undefined, ...path: string[]): string | null => child(node, ...path)?.text || null;

/** @throws {BankFileError} when it is not there or is empty */
export function neededText(node: XmlNode, ...path: string[]): string {
  const text = textAt(node, ...path);
  if (text === null) throw new BankFileError(`${node.name} has no ${path.join('/')}`, node.line);
  return text;
}

/** The code or the bank's own word of a choice `Cd | Prtry`; in older versions some of these are plain text. */
export const codeAt = (node: XmlNode | undefined, ...path: string[]): string | null => {
  const choice = child(node, ...path);
  return textAt(choice, 'Cd') ?? textAt(choice, 'Prtry') ?? (choice?.children.length ? null : choice?.text || null);
};

/**
 * An amount with its currency.
 * @throws {BankFileError} when it is signed, is not plain digits, has more decimals than its currency, or that is not known
 */
export function moneyOf(node: XmlNode): Money {
  const currency = node.attributes.get('Ccy');
  if (currency === undefined) throw new BankFileError(`${node.name} has no currency`, node.line);
  try {
    return { amount: toMinor(node.text, currency), currency };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new BankFileError(`${node.name}: ${error.message}`, node.line);
  }
}

export const moneyAt = (node: XmlNode | undefined, ...path: string[]): Money | null => {
  const found = child(node, ...path);
  return found ? moneyOf(found) : null;
};

/**
 * The day of a choice `Dt | DtTm` (older versions have some dates as plain text), as the bank wrote it: its own day, whatever the zone.
 * @throws {BankFileError} when it is not a day of the calendar
 */
export function dayAt(node: XmlNode | undefined, ...path: string[]): string | null {
  const found = child(node, ...path);
  const written = textAt(found, 'Dt') ?? textAt(found, 'DtTm') ?? (found?.text || null);
  if (written === null) return null;
  const day = written.slice(0, 10);
  if (!isDate(day) || !/^(?:T.*|Z|[+-]\d\d:\d\d)?$/.test(written.slice(10))) throw new BankFileError(`${found?.name} is not a date`, found?.line);
  return day;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?$/;

/** A point in time as the bank wrote it; many write none of the zone, so it is not made a Date here. */
export function timeAt(node: XmlNode | undefined, ...path: string[]): string | null {
  const found = child(node, ...path);
  if (!found?.text) return null;
  if (!TIME.test(found.text) || !isDate(found.text.slice(0, 10))) throw new BankFileError(`${found.name} is not a date and time`, found.line);
  return found.text;
}

const MAX_KEPT = 1_000;

/** Keeps a part of something large that is read in parts (a statement's head). @throws {BankFileError} when there is no end of them */
export function keep(into: XmlNode, part: XmlNode, wanted: ReadonlySet<string>): void {
  if (!wanted.has(part.name)) return;
  if (into.children.length >= MAX_KEPT) throw new BankFileError(`${into.name} has more than ${MAX_KEPT} parts`, part.line);
  addTo(into, part);
}
