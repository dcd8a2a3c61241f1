import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BankFileError } from './bank-file-error.ts';
import { aBatch, aPayment, batches, bytesOf, everything, textOf, validates } from './files.fixture.ts';
import { child, neededText, type XmlNode } from './node.ts';
import { checkCreditTransfer, type CreditTransfer, writePain001 } from './pain001.ts';
import { type Piece, readBankFile } from './reader.ts';

const WRITTEN = { 'pain.001': { CstmrCdtTrfInitn: { PmtInf: {} } } };
const transfersIn = async (file: string): Promise<XmlNode[]> =>
  (await everything(readBankFile(bytesOf(file), WRITTEN)))
    .flat()
    .filter((piece): piece is Piece & { kind: 'part' } => piece.kind === 'part' && piece.node.name === 'CdtTrfTxInf')
    .map(({ node }) => node);

test('a thousand batches, with whatever people write, are valid and say what was meant', async () => {
  const samples = fc.sample(batches, { numRuns: 1_000, seed: 20_022 });
  const files = await Promise.all(samples.map((batch) => textOf(writePain001(batch))));
  for (const version of ['03', '09'] as const) {
    const ofVersion = files.filter((_, n) => samples[n]?.version === version);
    expect(ofVersion.length).toBeGreaterThan(400);
    validates(`pain.001.001.${version}`, ofVersion);
  }
  for (const [n, { payments }] of samples.entries()) {
    const read = await transfersIn(files[n] as string);
    expect(read.map((node) => neededText(node, 'Cdtr', 'Nm'))).toEqual(payments.map(({ creditor }) => creditor.name.trim()));
    expect(read.map((node) => neededText(node, 'RmtInf', 'Ustrd'))).toEqual(
      payments.map(({ kbe, knp, purpose }) => `/KBE/${kbe}/KNP/${knp}/${purpose}`.trim()),
    );
    expect(read.map((node) => neededText(node, 'PmtId', 'EndToEndId'))).toEqual(payments.map(({ endToEndId }) => endToEndId.trim()));
  }
});

test('a schema refuses what is not of it, so that the test before means something', async () => {
  const file = await textOf(writePain001(aBatch([aPayment()])));
  if (!validates('pain.001.001.09', [file])) return;
  expect(() => validates('pain.001.001.09', [file.replace('<PmtMtd>', '<PmtMthd>')])).toThrow();
  expect(() => validates('pain.001.001.03', [file])).toThrow();
});

test('a payment says KNP as its purpose, KBE and KNP in its text, and who a number names', async () => {
  const person = { ...aPayment().creditor, name: 'Айгүл Сәрсенқызы', bin: '900515400123' };
  const payments = [aPayment(), aPayment({ endToEndId: 'po_2', instructionId: 'in_2', creditor: person })];
  const file = await textOf(writePain001(aBatch(payments)));
  expect(file).toContain('<NbOfTxs>2</NbOfTxs><CtrlSum>200.10</CtrlSum>');
  expect(file).toContain('<CreDtTm>2026-03-05T09:30:00Z</CreDtTm>');
  expect(file).toContain('<ReqdExctnDt><Dt>2026-03-05</Dt></ReqdExctnDt>');
  expect(file).toContain('<Nm>АО &quot;Наурыз&quot; &amp; Ұлы дала</Nm>');
  const [first, second] = (await transfersIn(file)) as [XmlNode, XmlNode];
  expect(child(first, 'Amt', 'InstdAmt')).toMatchObject({ text: '100.05', attributes: new Map([['Ccy', 'KZT']]) });
  expect(neededText(first, 'Purp', 'Prtry')).toBe('859');
  expect(neededText(first, 'RmtInf', 'Ustrd')).toBe('/KBE/17/KNP/859/Оплата по договору № 7');
  expect(neededText(first, 'Cdtr', 'Id', 'OrgId', 'Othr', 'Id')).toBe('990140004321');
  expect(neededText(first, 'CdtrAgt', 'FinInstnId', 'BICFI')).toBe('CASPKZKA');
  expect(neededText(second, 'Cdtr', 'Id', 'PrvtId', 'Othr', 'Id')).toBe('900515400123');
  expect(neededText(second, 'PmtId', 'InstrId')).toBe('in_2');
});

test.each([
  ['a character that XML does not have', { purpose: 'a\u0001b' }],
  ['a character that XML does not have', { creditor: { ...aPayment().creditor, name: 'half of \ud83d an emoji' } }],
  ['a character that XML does not have', { purpose: '\uffff' }],
  ['creditor.name is longer than 140', { creditor: { ...aPayment().creditor, name: '🎉'.repeat(141) } }],
  ['creditor.name is empty', { creditor: { ...aPayment().creditor, name: ' ' } }],
  ['endToEndId is longer than 35', { endToEndId: 'x'.repeat(36) }],
  ['purpose is longer than 124', { purpose: 'ж'.repeat(125) }],
  ['kbe is not', { kbe: '1' }],
  ['knp is not', { knp: '1195' }],
  ['creditor.bin is not', { creditor: { ...aPayment().creditor, bin: '12345' } }],
  ['creditor.iban is not', { creditor: { ...aPayment().creditor, iban: 'KZ86 125K' } }],
  ['creditor.bic is not', { creditor: { ...aPayment().creditor, bic: 'CASP' } }],
])('refused before it is written: %s', async (why, said: Partial<CreditTransfer>) => {
  const payment = aPayment(said);
  expect(() => checkCreditTransfer(payment, '09')).toThrow(BankFileError);
  expect(() => checkCreditTransfer(payment, '09')).toThrow(why);
  await expect(textOf(writePain001(aBatch([aPayment({ endToEndId: 'po_0' }), payment])))).rejects.toThrow(why);
});

test('each version has its own form of a BIC', () => {
  const payment = aPayment({ creditor: { ...aPayment().creditor, bic: 'C4SPKZK1' } });
  expect(() => checkCreditTransfer(payment, '03')).toThrow('creditor.bic is not');
  expect(() => checkCreditTransfer(payment, '09')).not.toThrow();
});

test('a batch that is not what it says is never finished', async () => {
  const batch = aBatch([aPayment(), aPayment({ endToEndId: 'po_2' })]);
  await expect(textOf(writePain001({ ...batch, count: 3 }))).rejects.toThrow('as many payments as it says');
  await expect(textOf(writePain001({ ...batch, controlSum: 200_11n }))).rejects.toThrow('the sum that it says');
  await expect(textOf(writePain001(aBatch([aPayment(), aPayment()])))).rejects.toThrow('stands once');
  await expect(textOf(writePain001(aBatch([aPayment(), aPayment({ endToEndId: 'po_2', currency: 'EUR' })])))).rejects.toThrow('one currency');
  await expect(textOf(writePain001(aBatch([aPayment({ amount: 0n })])))).rejects.toThrow('moves something');
  await expect(textOf(writePain001(aBatch([])))).rejects.toThrow('has a payment');
  await expect(textOf(writePain001({ ...batch, requestedOn: '2026-02-30' }))).rejects.toThrow('requestedOn');
});

test('a hundred thousand payments are written in seconds, from a stream, in pieces', async () => {
  const count = 100_000;
  async function* payments() {
    for (let n = 0; n < count; n += 1) yield aPayment({ endToEndId: `po_${n}` });
  }
  const began = performance.now();
  let [length, largest, pieces] = [0, 0, 0];
  for await (const piece of writePain001({ ...aBatch([]), count, controlSum: 100_05n * BigInt(count), payments: payments() })) {
    [length, largest, pieces] = [length + piece.length, Math.max(largest, piece.length), pieces + 1];
  }
  expect(length).toBeGreaterThan(45_000_000);
  expect(largest).toBeLessThan(80_000);
  expect(pieces).toBeGreaterThan(500);
  expect(performance.now() - began).toBeLessThan(10_000);
});
