import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { type AnsweredEntry, type StatementAnswer, writeCamt053, writeCamt054 } from './answers.ts';
import { type CamtItem, readCamt, type StatementLine } from './camt.ts';
import { bytesOf, everything, validates } from './files.fixture.ts';
import { LineKeys } from './line-key.ts';

const IBAN = 'KZ86125KZT5004100100';
const read = (file: string): Promise<CamtItem[]> => everything(readCamt(bytesOf(file)));
const linesOf = async (file: string): Promise<StatementLine[]> => (await read(file)).flatMap((item) => (item.kind === 'line' ? [item] : []));
const statement = (entries: AnsweredEntry[], said: Partial<StatementAnswer> = {}): StatementAnswer => ({
  ...{ messageId: 'M1', createdAt: new Date('2026-03-05T14:00:00Z'), id: 'S1', sequence: 64, iban: IBAN, currency: 'KZT', entries },
  ...{ opening: { amount: 1_000_00n, on: '2026-03-05' }, closing: { amount: -50n, on: '2026-03-05' } },
  ...said,
});
const sent: AnsweredEntry = {
  ...{ reference: '1', bankReference: 'B-1', amount: 100_05n, direction: 'debit', bookedOn: '2026-03-05', valueOn: '2026-03-05' },
  details: [{ endToEndId: 'po_1', amount: 100_05n }],
};

/** Version .02 as banks write it: the status is plain text, parties stand without Pty, a transaction's amount is in AmtDtls. */
const old = (entries: string, { kind = 'BkToCstmrStmt', of = 'Stmt', message = 'camt.053.001.02', balances = OLD_BALANCES } = {}) => `<?xml version="1.0"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:${message}"><${kind}><GrpHdr><MsgId>M2</MsgId><CreDtTm>2026-03-05T19:00:00+05:00</CreDtTm></GrpHdr>
<${of}><Id>S2</Id><ElctrncSeqNb>7</ElctrncSeqNb><CreDtTm>2026-03-05T19:00:00</CreDtTm>
<FrToDt><FrDtTm>2026-03-05T00:00:00</FrDtTm><ToDtTm>2026-03-05T23:59:59</ToDtTm></FrToDt>
<Acct><Id><IBAN>${IBAN}</IBAN></Id><Ccy>KZT</Ccy></Acct>${balances}
${entries}</${of}></${kind}></Document>`;
const OLD_BALANCES = `<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="KZT">10.5</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-05</Dt></Dt></Bal>`;
const oldEntry = (details = '', { amount = '100.05', status = 'BOOK', date = '<Dt>2026-03-05</Dt>', reference = 'B-1', ntryRef = '9' } = {}) =>
  `<Ntry><NtryRef>${ntryRef}</NtryRef><Amt Ccy="KZT">${amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>${status}</Sts><BookgDt>${date}</BookgDt>${reference && `<AcctSvcrRef>${reference}</AcctSvcrRef>`}<BkTxCd><Prtry><Cd>NTRF</Cd></Prtry></BkTxCd>${details && `<NtryDtls>${details}</NtryDtls>`}</Ntry>`;
const oldDetail = (endToEndId: string, amount = '', rest = '') =>
  `<TxDtls><Refs><InstrId>i-${endToEndId}</InstrId><EndToEndId>${endToEndId}</EndToEndId></Refs>${amount && `<AmtDtls><TxAmt><Amt Ccy="KZT">${amount}</Amt></TxAmt></AmtDtls>`}${rest}</TxDtls>`;

test('a statement says which account, time and pages it is of, and what stood on it', async () => {
  const period = { from: new Date('2026-03-04T19:00:00Z'), to: new Date('2026-03-05T18:59:59Z') };
  const file = writeCamt053(statement([sent], period)).replace(
    '<ElctrncSeqNb>',
    '<StmtPgntn><PgNb>2</PgNb><LastPgInd>true</LastPgInd></StmtPgntn><ElctrncSeqNb>',
  );
  validates('camt.053.001.08', [file]);
  const [message, head, , end] = await read(file);
  expect(message).toEqual({ kind: 'message', message: 'camt.053.001.08', messageId: 'M1', createdAt: '2026-03-05T14:00:00Z' });
  expect(head).toEqual({
    ...{ kind: 'statement', id: 'S1', account: IBAN, currency: 'KZT', electronicSequence: '64', createdAt: '2026-03-05T14:00:00Z' },
    ...{ from: '2026-03-04T19:00:00Z', to: '2026-03-05T18:59:59Z', page: { number: 2, isLast: true }, copy: null },
    balances: [
      { code: 'OPBD', amount: 1_000_00n, currency: 'KZT', on: '2026-03-05' },
      { code: 'CLBD', amount: -50n, currency: 'KZT', on: '2026-03-05' },
    ],
  });
  expect(end).toEqual({ kind: 'end', statementId: 'S1', entries: 1, lines: 1 });
});

test('an entry of version .02 is read as one of .08 is', async () => {
  const parties =
    '<RltdPties><Dbtr><Nm>ТОО «Апорт»</Nm><Id><OrgId><Othr><Id>150340012345</Id></Othr></OrgId></Id></Dbtr><Cdtr><Nm>Айгүл</Nm><Id><PrvtId><Othr><Id>900515400123</Id></Othr></PrvtId></Id></Cdtr><CdtrAcct><Id><IBAN>KZ75125KZT1001300335</IBAN></Id></CdtrAcct></RltdPties><RltdAgts><CdtrAgt><FinInstnId><BIC>CASPKZKA</BIC></FinInstnId></CdtrAgt></RltdAgts><RmtInf><Ustrd>первая</Ustrd><Ustrd>вторая</Ustrd></RmtInf>';
  const file = old(oldEntry(oldDetail('po_1', '', parties), { date: '<DtTm>2026-03-05T23:30:00+05:00</DtTm>' }));
  validates('camt.053.001.02', [file]);
  const [line] = await linesOf(file);
  expect(line).toMatchObject({
    ...{ statementId: 'S2', account: IBAN, amount: 100_05n, currency: 'KZT', direction: 'debit', stated: null, bankCode: 'NTRF' },
    ...{ endToEndId: 'po_1', instructionId: 'i-po_1', bankReference: 'B-1', keyBasis: 'bank', remittance: 'первая\nвторая', returned: null },
    ...{ position: 0, isLastOfEntry: true, remainder: 0n },
    entry: { reference: '9', amount: 100_05n, status: 'BOOK', isReversal: false, bookedOn: '2026-03-05', valueOn: null },
    debtor: { name: 'ТОО «Апорт»', account: null, id: '150340012345', bic: null },
    creditor: { name: 'Айгүл', account: 'KZ75125KZT1001300335', id: '900515400123', bic: 'CASPKZKA' },
  });
});

test('every payment of a batch booking is a line with its own amount, and what is left over is said', async () => {
  const details = oldDetail('po_1', '60.00') + oldDetail('po_2', '40.00') + oldDetail('NOTPROVIDED', '0.02');
  const file = old(oldEntry(details));
  validates('camt.053.001.02', [file]);
  const lines = await linesOf(file);
  expect(lines.map(({ endToEndId, amount, position, isLastOfEntry, remainder }) => [endToEndId, amount, position, isLastOfEntry, remainder])).toEqual([
    ['po_1', 60_00n, 0, false, null],
    ['po_2', 40_00n, 1, false, null],
    [null, 2n, 2, true, 3n],
  ]);
  expect(new Set(lines.map(({ lineKey }) => lineKey)).size).toBe(3);
});

test('a transaction against the direction of its entry counts the other way', async () => {
  const against = (endToEndId: string, amount: string, side: string) =>
    `<TxDtls><Refs><EndToEndId>${endToEndId}</EndToEndId></Refs><Amt Ccy="KZT">${amount}</Amt><CdtDbtInd>${side}</CdtDbtInd></TxDtls>`;
  const entry: AnsweredEntry = { ...sent, details: undefined };
  const file = writeCamt053(statement([entry])).replace(
    '</Ntry>',
    `<NtryDtls>${against('po_1', '110.05', 'DBIT')}${against('po_2', '10.00', 'CRDT')}</NtryDtls></Ntry>`,
  );
  validates('camt.053.001.08', [file]);
  expect((await linesOf(file)).map(({ amount, direction, remainder }) => [amount, direction, remainder])).toEqual([
    [110_05n, 'debit', null],
    [10_00n, 'credit', 0n],
  ]);
});

test('an entry without transactions is a line itself', async () => {
  const [line] = await linesOf(old(oldEntry().replace('</Ntry>', '<AddtlNtryInf>комиссия</AddtlNtryInf></Ntry>')));
  expect(line).toMatchObject({ amount: 100_05n, endToEndId: null, info: 'комиссия', isLastOfEntry: true, remainder: 0n });
});

test('the only transaction of an entry moves what the entry moves, and what it says of itself stands beside', async () => {
  const [line] = await linesOf(old(oldEntry(oldDetail('po_1', '100.00'), { amount: '99.00' })));
  expect(line).toMatchObject({ amount: 99_00n, stated: { amount: 100_00n, currency: 'KZT' }, remainder: 0n });
});

test('a transaction without an amount among several has none that could be guessed', async () => {
  await expect(linesOf(old(oldEntry(oldDetail('po_1', '60.00') + oldDetail('po_2'))))).rejects.toThrow('has no amount in KZT');
  await expect(linesOf(old(oldEntry(oldDetail('po_1') + oldDetail('po_2', '60.00'))))).rejects.toThrow('has no amount in KZT');
});

test('money that comes back says why and what it was', async () => {
  const back: AnsweredEntry = {
    ...{ ...sent, direction: 'credit', isReversal: true, bankReference: 'B-2', bankCode: ['PMNT', 'ICDT', 'RRTN'] },
    details: [{ endToEndId: 'po_1', messageId: 'batch-1', amount: 100_05n, returned: { code: 'AC04', info: 'счёт закрыт' } }],
  };
  const file = writeCamt054({ ...statement([back]), id: 'N1' });
  validates('camt.054.001.08', [file]);
  expect(await linesOf(file)).toMatchObject([
    {
      ...{ direction: 'credit', endToEndId: 'po_1', messageId: 'batch-1', bankCode: 'PMNT/ICDT/RRTN', entry: { isReversal: true } },
      returned: { code: 'AC04', info: ['счёт закрыт'], originalBankCode: null },
    },
  ]);
});

test('the same movement has the same key in 052, 054 and 053, in each version, pending and booked, wherever it stands', async () => {
  const report = { kind: 'BkToCstmrAcctRpt', of: 'Rpt', message: 'camt.052.001.02', balances: '' };
  const notification = { kind: 'BkToCstmrDbtCdtNtfctn', of: 'Ntfctn', message: 'camt.054.001.02', balances: '' };
  const told = oldEntry(oldDetail('po_1'), { ntryRef: '3', status: 'PDNG', date: '<DtTm>2026-03-05T12:00:00</DtTm>' });
  const files = [
    writeCamt053(statement([{ ...sent, bankReference: 'B-0' }, sent])),
    writeCamt054({ ...statement([{ ...sent, reference: '77' }]), messageId: 'M9', id: 'N9' }),
    old(oldEntry(oldDetail('po_1'))),
    old(told, report),
    old(told, notification),
  ];
  const [new053 = ''] = files;
  const new052 = new053
    .replaceAll('BkToCstmrStmt', 'BkToCstmrAcctRpt')
    .replaceAll(/(<\/?)Stmt>/g, '$1Rpt>')
    .replace('camt.053', 'camt.052');
  files.push(new052, new053.replace('camt.053.001.08', 'camt.053.001.13'));
  validates('camt.052.001.08', [new052]);
  validates('camt.052.001.02', [files[3] as string]);
  validates('camt.054.001.02', [files[4] as string]);
  const keys = await Promise.all(files.map(async (file) => (await linesOf(file)).at(-1)?.lineKey));
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
});

test('whatever a key rests on makes another key', async () => {
  const entries: AnsweredEntry[] = [
    sent,
    { ...sent, bankReference: 'B-2' },
    { ...sent, amount: 100_06n },
    { ...sent, direction: 'credit' },
    { ...sent, bookedOn: '2026-03-06' },
    { ...sent, details: [{ endToEndId: 'po_2', amount: 100_05n }] },
    { ...sent, bankReference: undefined },
    { ...sent, bankReference: undefined, reference: 'B-1' },
  ];
  const keys = (await linesOf(writeCamt053(statement(entries)))).map(({ lineKey }) => lineKey);
  const elsewhere = await linesOf(writeCamt053(statement([sent], { iban: 'KZ75125KZT1001300335' })));
  expect(new Set([...keys, elsewhere[0]?.lineKey]).size).toBe(entries.length + 1);
});

test('equals are counted: two equal payments are two, and a file that is read again says the same', async () => {
  const bare: AnsweredEntry = { amount: 5_00n, direction: 'debit', bookedOn: '2026-03-05' };
  const file = writeCamt053(statement([bare, bare, { ...bare, reference: '4' }]));
  const [first, again] = [await linesOf(file), await linesOf(file)];
  expect(new Set(first.map(({ lineKey }) => lineKey)).size).toBe(3);
  expect(first.map(({ keyBasis }) => keyBasis)).toEqual(['content', 'content', 'entry']);
  expect(again.map(({ lineKey }) => lineKey)).toEqual(first.map(({ lineKey }) => lineKey));
});

test('equals are counted among as many lines as there are', () => {
  const keys = new LineKeys();
  const of = (n: number) =>
    keys.keyOf({ account: IBAN, bankReference: `B-${n}`, entryReference: null, amount: 1n, currency: 'KZT', direction: 'debit', on: null, endToEndId: null });
  const [first, again] = [0, 1].map(() => Array.from({ length: 5_000 }, (_, n) => of(n)));
  expect(new Set([...(first as string[]), ...(again as string[]), of(7)]).size).toBe(10_001);
  expect(first?.[4_000]).toBe('54a52cbe5780d68fa116371e80f5a8059a3b1259c00ba8e4194eb4d45599f7a6');
  expect(again?.[4_000]).toBe('fe95e28837b2858bec17705cb83bb1ae2598fd85989074f304f6b08f845aec8e');
});

test('what a line moves is of its currency, to the last digit', async () => {
  const other = (amount: string, currency: string) => linesOf(old(oldEntry().replace('<Amt Ccy="KZT">100.05', `<Amt Ccy="${currency}">${amount}`)));
  expect(await other('100', 'JPY')).toMatchObject([{ amount: 100n, currency: 'JPY' }]);
  expect(await other('1.5', 'KWD')).toMatchObject([{ amount: 1_500n }]);
  await expect(other('100.050', 'KZT')).rejects.toThrow(/^line \d+: Amt: .*more decimals than KZT has/);
  await expect(other('1.0', 'JPY')).rejects.toThrow('more decimals');
  await expect(other('-1.00', 'KZT')).rejects.toThrow('is not an amount of KZT');
  await expect(other('1,00', 'KZT')).rejects.toThrow('is not an amount of KZT');
  await expect(other('1.00', 'XXX')).rejects.toThrow('not an ISO 4217 code');
});

test.each([
  ['Ntry has no status', (file: string) => file.replace('<Sts>BOOK</Sts>', '')],
  ['Ntry has no amount', (file: string) => file.replace('<Amt Ccy="KZT">100.05</Amt>', '')],
  ['CdtDbtInd is neither', (file: string) => file.replace('DBIT', 'DEBIT')],
  ['Amt has no currency', (file: string) => file.replace('<Amt Ccy="KZT">100.05', '<Amt>100.05')],
  ['BookgDt is not a date', (file: string) => file.replace('<BookgDt><Dt>2026-03-05', '<BookgDt><Dt>2026-02-30')],
  ['Stmt has no account', (file: string) => file.replace('IBAN>', 'IBEN>').replace('/IBAN>', '/IBEN>')],
  ['Stmt has no Id', (file: string) => file.replace('<Id>S2</Id>', '')],
  ['Bal stands after the entries', (file: string) => file.replace('</Stmt>', `${OLD_BALANCES}</Stmt>`)],
  ['Amt stands after the details', (file: string) => file.replace('</Ntry>', '<Amt Ccy="KZT">1.00</Amt></Ntry>')],
  ['has no statement', (file: string) => file.replace(/<Stmt>[^]*<\/Stmt>/, '')],
])('refused: %s', async (why, change) => {
  const file = old(oldEntry(oldDetail('po_1')));
  expect(change(file)).not.toBe(file);
  await expect(read(change(file))).rejects.toThrow(why);
});

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const alive = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

test('a large statement is read without holding it', async () => {
  const packs = 150;
  const perPack = 100;
  let bytes = 0;
  async function* large(): AsyncGenerator<Uint8Array> {
    const [before, after] = writeCamt053(statement([sent])).split(/<Ntry>[^]*<\/Ntry>/) as [string, string];
    const rest = `<RmtInf><Ustrd>${'Оплата '.repeat(20)}</Ustrd></RmtInf>`;
    const entry = `${oldEntry(oldDetail('po_N', '', rest), { reference: 'B-N' })}\n`;
    yield Buffer.from(before);
    for (let pack = 0; pack < packs; pack += 1) {
      const chunk = Buffer.from(Array.from({ length: perPack }, (_, n) => entry.replaceAll('N<', `${pack}-${n}<`)).join(''));
      bytes += chunk.length;
      yield chunk;
    }
    yield Buffer.from(after);
  }
  // What is alive, not what waits to be collected: that depends on who else runs in this process.
  const before = alive();
  let [lines, peak, sum] = [0, 0, 0n];
  for await (const item of readCamt(large())) {
    if (item.kind !== 'line') continue;
    [lines, sum] = [lines + 1, sum + item.amount];
    if (lines % 5_000 === 4_900) peak = Math.max(peak, alive() - before);
  }
  expect(bytes).toBeGreaterThan(9_000_000);
  expect([lines, sum]).toEqual([packs * perPack, BigInt(packs * perPack) * 100_05n]);
  expect(peak).toBeLessThan(16 * 1024 * 1024);
});
