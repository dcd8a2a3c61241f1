import { TextDecoder } from 'node:util';
import { parse } from 'csv-parse';

/** What a file is, as far as it had to be found out. */
export interface CsvFormat {
  encoding: 'utf-8' | 'windows-1251';
  delimiter: ',' | ';' | '\t';
}

/** A record of the file as it stands. @param line at which it begins; the header's is 1 */
export interface CsvRecord {
  line: number;
  cells: string[];
}

/** A file that cannot be read on. Its message says what to do and is public; records that came before remain valid. */
export class CsvError extends Error {
  /** @param line where it was noticed, when that is one line */
  constructor(
    message: string,
    readonly line?: number,
  ) {
    super(line === undefined ? message : `line ${line}: ${message}`);
    this.name = 'CsvError';
  }
}

const PIECE = 64 * 1024;

/**
 * The records of a CSV file, with quotes as in RFC 4180, any line ends. A blank line is one empty cell. No more than two pieces of 64 KB are held.
 * @param found is told, before the first record, which encoding and delimiter were taken
 * @throws {CsvError} after the last record that could be read
 */
export async function* csvRecords(bytes: AsyncIterable<Uint8Array>, found: (format: CsvFormat) => void): AsyncGenerator<CsvRecord> {
  let encoding: CsvFormat['encoding'] = 'utf-8';
  let parser: RecordParser | undefined;
  try {
    for await (const text of withLineFeeds(textOf(bytes, (taken) => (encoding = taken)))) {
      if (!parser) {
        const delimiter = delimiterOf(text);
        found({ encoding, delimiter });
        parser = recordParser(delimiter);
      }
      yield* parser.read(text);
    }
    if (parser) yield* parser.end();
  } catch (error) {
    throw error instanceof NotUtf8 ? new CsvError(`after line ${parser?.line() ?? 0} it is not UTF-8, as its beginning is: save it as "CSV UTF-8"`) : error;
  }
}

/** The file in pieces of 64 KB, whatever it comes in: the first is what the encoding and the delimiter are chosen by. */
async function* pieces(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    waiting.push(chunk);
    size += chunk.length;
    if (size < PIECE) continue;
    let whole: Uint8Array = Buffer.concat(waiting);
    for (; whole.length >= PIECE; whole = whole.subarray(PIECE)) yield whole.subarray(0, PIECE);
    waiting = [whole];
    size = whole.length;
  }
  if (size > 0) yield Buffer.concat(waiting);
}

class NotUtf8 extends Error {}

async function* textOf(bytes: AsyncIterable<Uint8Array>, taken: (encoding: CsvFormat['encoding']) => void): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined;
  const decoded = (piece?: Uint8Array) => {
    try {
      return decoder?.decode(piece, { stream: piece !== undefined }) ?? '';
    } catch {
      throw new NotUtf8();
    }
  };
  for await (const piece of pieces(bytes)) {
    if (!decoder) {
      const encoding = encodingOf(piece);
      taken(encoding);
      decoder = new TextDecoder(encoding, { fatal: true }); // takes a BOM away
    }
    yield decoded(piece);
  }
  yield decoded();
}

/** ZIP (xlsx), the older xls, and the BOMs of UTF-16: a spreadsheet's other ways to save. */
const OTHER_FILES = /^(?:PK\x03\x04|\xd0\xcf\x11\xe0|\xff\xfe|\xfe\xff)/;

function encodingOf(first: Uint8Array): CsvFormat['encoding'] {
  if (OTHER_FILES.test(Buffer.from(first.subarray(0, 4)).toString('latin1')))
    throw new CsvError('this is a spreadsheet’s own file or UTF-16 text: save it as "CSV UTF-8"');
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(first, { stream: first.length >= PIECE }); // a piece may end within a character
    return 'utf-8';
  } catch {
    return 'windows-1251'; // takes any byte
  }
}

/** One line end for all, so that lines are counted as an editor counts them. */
async function* withLineFeeds(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let held = ''; // a carriage return whose line feed may be in the next piece
  for await (const piece of texts) {
    const text = held + piece;
    held = text.endsWith('\r') ? '\r' : '';
    const ready = text.slice(0, text.length - held.length).replaceAll(/\r\n?/g, '\n');
    if (ready) yield ready;
  }
  if (held) yield '\n';
}

/** The one that is most often in the first line, outside of quotes. */
function delimiterOf(text: string): CsvFormat['delimiter'] {
  const header = text
    .replace(/^\n+/, '')
    .split('\n', 1)
    .join('')
    .replaceAll(/"[^"]*"/g, '');
  const count = (delimiter: string) => header.split(delimiter).length;
  return ([',', ';', '\t'] as const).reduce((best, other) => (count(other) > count(best) ? other : best));
}

interface RecordParser {
  read(text: string): AsyncGenerator<CsvRecord>;
  end(): AsyncGenerator<CsvRecord>;
  /** The last line that was read to its end. */
  line(): number;
}

/** Records are taken as they are found and not from the parser's stream, which forgets those that wait in it when it meets a broken one. */
function recordParser(delimiter: CsvFormat['delimiter']): RecordParser {
  let ready: CsvRecord[] = [];
  let line = 0;
  const take = (cells: string[], context: { lines: number }) => {
    const within = cells.reduce((sum, cell) => sum + cell.split('\n').length - 1, 0);
    line = context.lines;
    ready.push({ line: line - within, cells });
    return null;
  };
  const parser = parse({ delimiter, record_delimiter: '\n', relax_column_count: true, max_record_size: PIECE, on_record: take });
  parser.on('error', () => {}); // its callbacks say the same
  parser.resume();
  async function* after(step: (done: (error?: Error | null) => void) => void): AsyncGenerator<CsvRecord> {
    const error = await new Promise<Error | null | undefined>((resolve) => {
      step(resolve);
    });
    const records = ready;
    ready = [];
    yield* records;
    if (error) throw brokenAt(error, line);
  }
  return {
    read: (text) => after((done) => parser.write(text, done)),
    end: () => after((done) => parser.end(done)),
    line: () => line,
  };
}

/** The parser's own messages repeat cells. @param line the last that was in order */
function brokenAt(error: Error & { code?: string; lines?: number }, line: number): CsvError {
  if (error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE')
    return new CsvError('from here on a quotation mark is opened and not closed (or a line is longer than 64 KB)', line + 1);
  if (!/QUOTE/.test(error.code ?? '')) throw error;
  return new CsvError('a quotation mark stands within a cell: put the whole cell in quotation marks and write those inside twice', error.lines ?? line + 1);
}
