import { expect, test } from 'vitest';
import { CsvError, type CsvFormat, type ReadRow, readDistributions } from './csv.ts';

const HEADER = 'orderReference,amount,currency,name,bin,iban,bic,kbe,knp,paymentPurpose';
const ROW = 'DIST-1,1500.50,KZT,TOO Credit Partner,123456789012,KZ86125KZT5004100100,KCJBKZKX,17,119,Распределение по договору 123';
const ITEM = {
  orderReference: 'DIST-1',
  amount: 1500_50n,
  currency: 'KZT',
  recipient: { name: 'TOO Credit Partner', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' },
  paymentPurpose: 'Распределение по договору 123',
};

async function* inChunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Rows until the end or an error, and what was said of the file. */
async function read(file: string | Uint8Array, size = 10_000) {
  const rows: ReadRow[] = [];
  let format: CsvFormat | undefined;
  try {
    for await (const row of readDistributions(inChunks(typeof file === 'string' ? Buffer.from(file) : file, size), (found) => (format = found))) rows.push(row);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return { rows, format, error };
  }
  return { rows, format, error: undefined };
}

/** A row with some cells changed, of a file that has it in line 2. */
async function rowWith(changes: Record<string, string>) {
  const names = HEADER.split(',');
  const cells = ROW.split(',').map((cell, at) => changes[names[at] as string] ?? cell);
  const { rows } = await read(`${HEADER.replaceAll(',', ';')}\n${cells.join(';')}\n`);
  return rows[0] as ReadRow;
}
const amountOf = async (amount: string, currency = 'KZT') => {
  const row = await rowWith({ amount, currency });
  return 'item' in row ? row.item.amount : row.problems.map(({ field }) => field).join();
};

/** Windows-1251 of ASCII and Russian letters. */
const in1251 = (text: string) =>
  Buffer.from(
    [...text].map((letter) => {
      const code = letter.codePointAt(0) as number;
      if (letter === 'ё') return 0xb8;
      return code < 0x80 ? code : code - 0x410 + 0xc0;
    }),
  );

test('a row becomes a distribution in minor units', async () => {
  expect(await read(`${HEADER}\n${ROW}\n`)).toEqual({ rows: [{ row: 2, item: ITEM }], format: { encoding: 'utf-8', delimiter: ',' }, error: undefined });
});

test.each([
  ['without a line end at the end', `${HEADER}\n${ROW}`],
  ['with CRLF', `${HEADER}\r\n${ROW}\r\n`],
  ['with a lone CR', `${HEADER}\r${ROW}\r`],
  ['with a BOM', `\ufeff${HEADER}\n${ROW}\n`],
  ['with a BOM and quotes', `\ufeff"${HEADER.replaceAll(',', '","')}"\r\n"${ROW.replaceAll(',', '","')}"\r\n`],
  ['with semicolons', `${HEADER}\n${ROW}\n`.replaceAll(',', ';')],
  ['with tabs', `${HEADER}\n${ROW}\n`.replaceAll(',', '\t')],
  ['with spaces around', `${HEADER}\n${ROW}\n`.replaceAll(',', ' , ')],
  ['with empty columns at the end', `${HEADER},,\n${ROW},,\n`],
])('a file %s reads the same, however it is cut', async (_, text) => {
  for (const size of [1, 2, 3, 7, 64, 10_000]) expect((await read(text, size)).rows, `in chunks of ${size}`).toEqual([{ row: 2, item: ITEM }]);
});

test('columns may stand in any order and have Russian names', async () => {
  const header = 'Назначение платежа;КНП;КБе;БИК;ИИК;БИН/ИИН;Получатель;Валюта;Сумма;Номер заказа';
  const { rows } = await read(`${header}\n${ROW.split(',').reverse().join(';')}\n`);
  expect(rows).toEqual([{ row: 2, item: ITEM }]);
});

test('Windows-1251 is found when it is not UTF-8, and said', async () => {
  const file = in1251(
    `Сумма;Валюта;Референс;Получатель;БИН;Счёт;БИК;КБе;КНП;Назначение\n1500,50;KZT;DIST-1;ТОО "Ромашка";1;2;3;17;119;Зарплата\n`.replace(
      'ТОО "Ромашка"',
      '"ТОО ""Ромашка"""',
    ),
  );
  const { rows, format } = await read(file, 13);
  expect(format).toEqual({ encoding: 'windows-1251', delimiter: ';' });
  expect(rows).toMatchObject([{ row: 2, item: { amount: 1500_50n, recipient: { name: 'ТОО "Ромашка"' }, paymentPurpose: 'Зарплата' } }]);
});

test('a last character that only begins like UTF-8 is Windows-1251 too', async () => {
  const { rows, format } = await read(in1251(`${HEADER}\n${ROW.replace('Распределение по договору 123', 'aР')}`));
  expect(format?.encoding).toBe('windows-1251');
  expect(rows).toMatchObject([{ item: { paymentPurpose: 'aР' } }]);
});

/** A file of which the given byte of the last row is the last of the first 64 KB. @param end of its lines */
function cutAt(byteOfRow: number, end: string) {
  const start = Buffer.byteLength(`${HEADER}${end}`);
  const row = Buffer.byteLength(`${ROW}${end}`);
  const rows = Math.floor((64 * 1024 - start) / row) - 1;
  const padding = 64 * 1024 - start - rows * row - byteOfRow - 1 - end.length; // a blank line of spaces, after the header
  return { file: `${HEADER}${end}${' '.repeat(padding)}${end}${`${ROW}${end}`.repeat(rows + 10)}`, rows: rows + 10 };
}

test('a character that the first 64 KB cut in two is still UTF-8', async () => {
  const lead = Buffer.from(ROW).findIndex((byte) => byte > 0x7f);
  const { file, rows: count } = cutAt(lead, '\n');
  expect(Buffer.from(file)[64 * 1024 - 1]).toBe(Buffer.from('Р')[0]);
  const { rows, format } = await read(file);
  expect(format?.encoding).toBe('utf-8');
  expect(rows).toEqual(Array.from({ length: count }, (_, at) => ({ row: at + 3, item: ITEM })));
});

test('a line end that 64 KB cut in two is one', async () => {
  const { file, rows: count } = cutAt(Buffer.byteLength(ROW), '\r\n');
  expect(
    Buffer.from(file)
      .subarray(64 * 1024 - 1, 64 * 1024 + 1)
      .toString(),
  ).toBe('\r\n');
  expect((await read(file)).rows).toEqual(Array.from({ length: count }, (_, at) => ({ row: at + 3, item: ITEM })));
});

test('the encoding that was chosen stays: what is not UTF-8 later on is an error, not a guess', async () => {
  const ascii = ROW.replace('Распределение по договору 123', 'Salary');
  const { rows, error } = await read(Buffer.concat([Buffer.from(`${HEADER}\n${`${ascii}\n`.repeat(2_000)}`), in1251(`${ROW}\n`)]));
  expect(error?.message).toMatch(/after line \d+ it is not UTF-8.*CSV UTF-8/);
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.every((row) => 'item' in row)).toBe(true);
});

test('delimiters, quotes and line ends inside quotes are part of the cell, and lines go on being counted', async () => {
  const quoted = `DIST-2,1,KZT,"ТОО ""A, B""",1,2,3,17,119,"first\r\n\r\nsecond"`;
  for (const size of [1, 10_000]) {
    const { rows } = await read(`${HEADER}\r\n${quoted}\r\n\r\n${ROW}\r\n`, size);
    expect(rows).toMatchObject([
      { row: 2, item: { recipient: { name: 'ТОО "A, B"' }, paymentPurpose: 'first\n\nsecond' } },
      { row: 6, item: ITEM },
    ]);
  }
});

test.each([
  ['1500', 1500_00n],
  ['1500.5', 1500_50n],
  ['1500,50', 1500_50n],
  ['1 500 000,01', 1_500_000_01n],
  ['1\u00a0500', 1500_00n],
  ['0.01', 1n],
  ['007', 7_00n],
  ['9999999999999.99', 10n ** 15n - 1n],
])('the amount %j is one', async (text, minor) => {
  expect(await amountOf(text)).toBe(minor);
});

test.each([
  '1,500',
  '1.500',
  '1,500.00',
  '1.500,00',
  '15 00',
  '1 5000',
  '1500.505',
  '-1',
  '+1',
  '1e3',
  '=1+1',
  '1500 KZT',
  '.5',
  '5.',
  '0',
  '0,00',
  '١٥',
  '10000000000000',
  '9'.repeat(400),
])('the amount %j is a problem, never a guess', async (text) => {
  expect(await amountOf(text)).toBe('amount');
});

test('an amount has no more decimals than its currency', async () => {
  expect(await amountOf('1500', 'JPY')).toBe(1500n);
  expect(await amountOf('1500.00', 'JPY')).toBe('amount');
  expect(await amountOf('1.50', 'KWD')).toBe(1_500n);
  expect(await amountOf('1.500', 'KWD')).toBe('amount'); // or one thousand five hundred
  expect(await amountOf('1', 'kzt')).toBe('currency');
  expect(await amountOf('1', 'тенге')).toBe('currency');
});

test('each thing that is missing is named, once', async () => {
  const row = await rowWith({ amount: '', bin: ' ', currency: '' });
  expect(row).toEqual({ row: 2, problems: ['amount', 'currency', 'bin'].map((field) => ({ field, message: 'is required' })) });
});

test('a number that a spreadsheet rounded, and what no database keeps, are told', async () => {
  expect(await rowWith({ bin: '1,23457E+11' })).toMatchObject({ problems: [{ field: 'bin', message: expect.stringMatching(/rounded/) as string }] });
  expect(await rowWith({ name: 'a\0b' })).toMatchObject({ problems: [{ field: 'name', message: expect.stringMatching(/U\+0000/) as string }] });
});

test('a cell that a spreadsheet would compute is text', async () => {
  for (const name of ['=1+1', '+7701', '-x', '@SUM(A1)']) expect(await rowWith({ name })).toMatchObject({ item: { recipient: { name } } });
});

test('a row with too few or too many columns is that row’s problem, and the rest goes on', async () => {
  const { rows, error } = await read(`${HEADER}\nDIST-1,1\n${ROW},more\n,,,\n${ROW}\n`);
  expect(error).toBeUndefined();
  expect(rows).toEqual([
    { row: 2, problems: [{ field: 'row', message: 'has 2 columns, and the header has 10' }] },
    { row: 3, problems: [{ field: 'row', message: 'has 11 columns, and the header has 10' }] },
    { row: 5, item: ITEM },
  ]);
});

test.each([
  ['is empty', '', /empty.*orderReference, amount/],
  ['has blank lines alone', '\n\r\n', /empty/],
  ['lacks columns', `${HEADER.replace('amount,', '').replace(',knp', '')}\n${ROW}`, /line 1.*lacks amount, knp/],
  ['has columns that nobody knows', `${HEADER},colour\n${ROW},red`, /not known: column 11/],
  ['has a column twice', `${HEADER},сумма\n${ROW},1`, /twice: column 11/],
  ['has no header', ROW, /header/],
  ['is xlsx', 'PK\x03\x04abc', /CSV UTF-8/],
])('a file that %s is one clear error', async (_, text, message) => {
  const { rows, error } = await read(text);
  expect(rows).toEqual([]);
  expect(error?.message).toMatch(message);
});

test('UTF-16, as spreadsheets save "Unicode text", is one clear error', async () => {
  const { error } = await read(Buffer.from(`\ufeff${HEADER}\n`, 'utf16le'));
  expect(error?.message).toMatch(/UTF-16.*CSV UTF-8/);
});

test.each([
  ['within a cell', ROW.replace('TOO Credit', 'TOO "Credit"'), 4],
  ['after its end', ROW.replace('TOO Credit Partner', '"TOO" Partner'), 4],
  ['that is never closed', ROW.replace('TOO Credit', '"TOO Credit'), 4],
  ['that is closed rows later', `${ROW.replace('TOO', '"TOO')}\n${ROW.replace('TOO Credit Partner', '"TOO"')}`, 5],
])('a quotation mark %s ends the file with its line; what came before stays', async (_, broken, line) => {
  for (const size of [1, 10_000]) {
    const { rows, error } = await read(`${HEADER}\r\n${ROW}\r\n${ROW}\r\n${broken}\r\n${ROW}\r\n`, size);
    expect(rows).toEqual([2, 3].map((row) => ({ row, item: ITEM })));
    expect(error?.line).toBe(line);
    expect(error?.message).toMatch(/quotation mark/);
  }
});

test('a quotation mark that is never closed in a big file is noticed after 64 KB', async () => {
  let taken = 0;
  async function* endless() {
    yield Buffer.from(`${HEADER}\n${ROW}\n"`);
    for (; taken < 1_000; taken++) yield Buffer.from(`${ROW}\n`.repeat(100));
  }
  const all = async () => {
    for await (const row of readDistributions(endless())) expect(row).toEqual({ row: 2, item: ITEM });
  };
  await expect(all()).rejects.toThrow(/line 3: from here on a quotation mark/);
  expect(taken).toBeLessThan(50);
});

test('nothing that is said repeats what is in the file', async () => {
  const secret = 'Iванов900101';
  const files = [`${secret}\n`, `${HEADER}\n${ROW.replace('TOO', `${secret}"`)}\n`, `${HEADER}\n"${secret}`, `${HEADER},${secret}\n`];
  for (const file of files) expect((await read(file)).error?.message).not.toContain(secret);
  for (const column of ['amount', 'currency']) expect(JSON.stringify(await rowWith({ [column]: secret }))).not.toContain(secret);
  const { rows } = await read(`${HEADER}\n${secret}\n`);
  expect(JSON.stringify(rows)).not.toContain(secret);
});

test('a reader that stops lets go of the file', async () => {
  let closed = false;
  async function* file() {
    try {
      for (;;) yield Buffer.from(`${HEADER}\n${`${ROW}\n`.repeat(1_000)}`);
    } finally {
      closed = true;
    }
  }
  for await (const row of readDistributions(file())) if (row.row > 10) break;
  expect(closed).toBe(true);
});

test('100,000 rows are read without being held', async () => {
  let taken = 0;
  let ahead = 0;
  let rows = 0;
  async function* file() {
    yield Buffer.from(`${HEADER}\n`);
    for (; taken < 100_000; taken += 100) yield Buffer.from(`${ROW}\n`.repeat(100));
  }
  for await (const row of readDistributions(file())) {
    rows += 'item' in row ? 1 : 0;
    ahead = Math.max(ahead, taken - rows);
  }
  expect(rows).toBe(100_000);
  expect(ahead).toBeLessThan(2_000);
}, 60_000);
