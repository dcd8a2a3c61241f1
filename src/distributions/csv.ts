import { ApiError, type Detail } from '../errors.ts';
import { exponentOf, type Minor, toMinor } from '../money.ts';
import { CsvError, type CsvFormat, csvRecords } from './csv-text.ts';

export { CsvError, type CsvFormat } from './csv-text.ts';

/** A distribution as the file has it: a request of the API, but for the amount. What the numbers of the recipient must be is not looked at here. */
export interface DistributionRow {
  orderReference: string;
  amount: Minor;
  currency: string;
  recipient: { name: string; bin: string; iban: string; bic: string; kbe: string; knp: string };
  paymentPurpose: string;
}

/** What a row came to. `row` is the line of the file, the header's being 1; a problem's field is the name of a column, or "row". */
export type ReadRow = { row: number; item: DistributionRow } | { row: number; problems: Detail[] };

const COLUMNS = ['orderReference', 'amount', 'currency', 'name', 'bin', 'iban', 'bic', 'kbe', 'knp', 'paymentPurpose'] as const;
type Column = (typeof COLUMNS)[number];

/** What else a column may be called. Compared in lower case, without spaces and signs. */
const SYNONYMS: Record<Column, string> = {
  orderReference: 'orderreference референс номерзаказа номерраспределения',
  amount: 'amount сумма',
  currency: 'currency валюта',
  name: 'name recipientname получатель наименование наименованиеполучателя имяполучателя',
  bin: 'bin recipientbin бин биниин иинбин бинполучателя',
  iban: 'iban recipientiban иик счет счетполучателя номерсчета иикполучателя',
  bic: 'bic recipientbic бик бикбанка swift',
  kbe: 'kbe recipientkbe кбе',
  knp: 'knp recipientknp кнп',
  paymentPurpose: 'paymentpurpose назначение назначениеплатежа',
};
const plain = (name: string) =>
  name
    .toLowerCase()
    .replaceAll('ё', 'е')
    .replaceAll(/[^\p{L}\p{N}]/gu, '');
const columnOf = new Map<string, Column>(COLUMNS.flatMap((column) => SYNONYMS[column].split(' ').map((name) => [name, column] as const)));

/**
 * Reads distributions from a CSV file as it arrives: UTF-8 or Windows-1251, with commas, semicolons or tabs. A row that is wrong is told and the
 * rest goes on. Nothing in a cell is ever computed: what begins with = + - @ is text.
 *
 * @param found is told which encoding and delimiter were taken
 * @throws {CsvError} when the header is not one or the file breaks off; the rows before are valid
 */
export async function* readDistributions(bytes: AsyncIterable<Uint8Array>, found: (format: CsvFormat) => void = () => {}): AsyncGenerator<ReadRow> {
  let columns: Column[] | undefined;
  for await (const { line, cells } of csvRecords(bytes, found)) {
    if (cells.every((cell) => !cell.trim())) continue; // a spreadsheet's empty rows
    if (columns) yield readRow(line, cells, columns);
    else columns = columnsOf(cells, line);
  }
  if (!columns) throw new CsvError(`the file is empty: its first line must name the columns ${COLUMNS.join(', ')}`);
}

/** Columns that are wrong are told by their place: without a header, their names are somebody's data. */
function columnsOf(cells: string[], line: number): Column[] {
  const header = withoutBlankEnd(cells, 0).map((cell) => columnOf.get(plain(cell)));
  const places = (wrong: (column: Column | undefined, at: number) => boolean) => header.flatMap((column, at) => (wrong(column, at) ? [at + 1] : [])).join(', ');
  const unknown = places((column) => !column);
  const twice = places((column, at) => column !== undefined && header.indexOf(column) < at);
  const missing = COLUMNS.filter((column) => !header.includes(column)).join(', ');
  const faults = [missing && `it lacks ${missing}`, unknown && `not known: column ${unknown}`, twice && `there twice: column ${twice}`].filter(Boolean);
  if (faults.length > 0)
    throw new CsvError(`the header is not as it must be (${faults.join('; ')}): name each of ${COLUMNS.join(', ')} once, in any order`, line);
  return header as Column[];
}

function withoutBlankEnd(cells: string[], from: number): string[] {
  const last = cells.findLastIndex((cell) => cell.trim());
  return cells.slice(0, Math.max(last + 1, from));
}

function readRow(row: number, all: string[], columns: Column[]): ReadRow {
  const cells = withoutBlankEnd(all, columns.length);
  if (cells.length !== columns.length)
    return { row, problems: [{ field: 'row', message: `has ${cells.length} columns, and the header has ${columns.length}` }] };
  const values = Object.fromEntries(columns.map((column, at) => [column, (cells[at] ?? '').trim()])) as Record<Column, string>;
  const { orderReference, amount, currency, paymentPurpose, ...recipient } = values;
  const money = amountOf(amount, currency);
  const problems = [...columns.flatMap((column) => problemOfCell(column, values[column])), ...('problem' in money ? [money.problem] : [])];
  const seen = new Set<string>();
  const first = problems.filter(({ field }) => !seen.has(field) && seen.add(field)); // what is not there is not also of the wrong form
  if (first.length > 0 || 'problem' in money) return { row, problems: first };
  return { row, item: { orderReference, amount: money.minor, currency, recipient, paymentPurpose } };
}

function problemOfCell(field: Column, text: string): Detail[] {
  if (!text) return [{ field, message: 'is required' }];
  if (text.includes('\0')) return [{ field, message: 'has the character U+0000' }];
  // 9.4014E+11 is what a spreadsheet makes of a BIN: the digits are lost.
  if (/^\d[.,]\d+E\+\d+$/.test(text)) return [{ field, message: 'was rounded by a spreadsheet: make the column text, enter it anew and save the file again' }];
  return [];
}

/** Digits, in threes with spaces between them or without, and at most one point or comma with one or two decimals after it: 1500, 1 500,50. */
const AMOUNT = /^(\d+|\d{1,3}(?:[ \u00a0\u202f]\d{3})+)(?:[.,](\d{1,2}))?$/;

/** What reads in two ways is nobody's amount: 1,500 is one and a half in some countries. */
function amountOf(text: string, currency: string): { minor: Minor } | { problem: Detail } {
  if (!isCurrency(currency)) return { problem: { field: 'currency', message: 'must be an ISO 4217 code in capitals, such as KZT' } };
  const wrong = (message: string) => ({ problem: { field: 'amount', message } });
  const [, whole, decimals] = AMOUNT.exec(text) ?? [];
  if (!whole) return wrong('must be a number such as 1500, 1500.50 or 1 500,50, without signs, with at most two decimals');
  if ((decimals ?? '').length > exponentOf(currency)) return wrong('has more decimals than its currency');
  const digits = whole.replaceAll(/\D/g, '').replace(/^0+(?=\d)/, '');
  if (digits.length > 15) return wrong('is more than can be moved at once');
  try {
    const minor = toMinor(decimals ? `${digits}.${decimals}` : digits, currency);
    return minor > 0n ? { minor } : wrong('must be more than 0');
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return wrong('is more than can be moved at once');
  }
}

function isCurrency(code: string): boolean {
  try {
    return exponentOf(code) >= 0;
  } catch {
    return false;
  }
}
