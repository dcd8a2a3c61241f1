import { expect, test } from 'vitest';
import { type StatusAnswer, writePain002 } from './answers.ts';
import { bytesOf, everything, validates } from './files.fixture.ts';
import { outcomeOf, readPain002 } from './pain002.ts';
import { messageOf } from './reader.ts';

const read = (file: string) => everything(readPain002(bytesOf(file)));
const answer = (said: Partial<StatusAnswer> = {}): string =>
  writePain002({
    ...{ messageId: 'A1', createdAt: new Date('2026-03-05T10:00:00Z'), version: '14', original: { messageId: 'batch-1', message: 'pain.001.001.09' } },
    ...said,
  });
const mixed: Partial<StatusAnswer> = {
  status: 'PART',
  batches: [
    {
      paymentInformationId: 'batch-1',
      status: 'PART',
      payments: [
        { endToEndId: 'po_1', instructionId: 'in_1', status: 'ACSC', bankReference: 'B-1' },
        { endToEndId: 'po_2', status: 'RJCT', reason: { code: 'AC04', info: 'шот жабық' } },
        { endToEndId: 'po_3' },
      ],
    },
  ],
};

test.each(['03', '10', '14'] as const)('an answer of version %s says what became of the group, the batch and each payment', async (version) => {
  const file = answer({ ...mixed, version });
  if (version === '14') validates('pain.002.001.14', [file]);
  expect(await messageOf(bytesOf(file))).toBe(`pain.002.001.${version}`);
  const none = { originalPaymentInformationId: 'batch-1', originalInstructionId: null, bankReference: null, isInherited: false, reasons: [] };
  expect(await read(file)).toEqual([
    {
      ...{ kind: 'group', messageId: 'A1', createdAt: '2026-03-05T10:00:00Z', originalMessageId: 'batch-1', originalMessage: 'pain.001.001.09' },
      ...{ status: 'PART', outcome: 'partial', reasons: [] },
    },
    { kind: 'batch', originalPaymentInformationId: 'batch-1', status: 'PART', outcome: 'partial', reasons: [] },
    { ...none, kind: 'payment', originalEndToEndId: 'po_1', originalInstructionId: 'in_1', bankReference: 'B-1', status: 'ACSC', outcome: 'executed' },
    { ...none, kind: 'payment', originalEndToEndId: 'po_2', status: 'RJCT', outcome: 'rejected', reasons: [{ code: 'AC04', info: ['шот жабық'] }] },
    // Partial says nothing of this one: nobody knows.
    { ...none, kind: 'payment', originalEndToEndId: 'po_3', isInherited: true, status: null, outcome: 'pending' },
  ]);
});

test('a whole file that is refused says so once, in the bank’s own words', async () => {
  const file = answer({ status: 'RJCT', reason: { code: 'FF01', info: 'файл не читается' } }).replace('<Cd>FF01</Cd>', '<Prtry>ERR-17</Prtry>');
  validates('pain.002.001.14', [file]);
  expect(await read(file)).toMatchObject([{ kind: 'group', outcome: 'rejected', reasons: [{ code: 'ERR-17', info: ['файл не читается'] }] }]);
});

test('a payment without a status has that of its batch, or else of the group', async () => {
  const [payment] = [{ endToEndId: 'po_1' }];
  const of = async (said: Partial<StatusAnswer>) => (await read(answer(said))).find(({ kind }) => kind === 'payment');
  const batch = { paymentInformationId: 'b', payments: [payment as { endToEndId: string }] };
  expect(await of({ status: 'PART', batches: [{ ...batch, status: 'RJCT' }] })).toMatchObject({ status: 'RJCT', outcome: 'rejected', isInherited: true });
  expect(await of({ status: 'ACCP', batches: [batch] })).toMatchObject({ status: 'ACCP', outcome: 'accepted', isInherited: true });
  expect(await of({ batches: [batch] })).toMatchObject({ status: null, outcome: 'pending' });
});

test('only settled is executed, and what is not known is pending', () => {
  const codes = ['ACTC', 'ACCP', 'ACSP', 'ACWC', 'ACSC', 'ACCC', 'RJCT', 'CANC', 'PDNG', 'RCVD', 'PART', 'WHAT', null];
  expect(codes.map(outcomeOf)).toEqual([
    ...['accepted', 'accepted', 'accepted', 'accepted', 'executed', 'executed', 'rejected', 'rejected'],
    ...['pending', 'pending', 'partial', 'pending', 'pending'],
  ]);
});

test.each([
  [
    'which message it answers',
    (file: string) => file.replace(/<OrgnlGrpInfAndSts>.*<\/OrgnlGrpInfAndSts>/, '').replace(/<OrgnlPmtInfAndSts>[^]*<\/OrgnlPmtInfAndSts>/, ''),
  ],
  ['OrgnlPmtInfAndSts stands before', (file: string) => file.replace(/<OrgnlGrpInfAndSts>.*<\/OrgnlGrpInfAndSts>/, '')],
  ['has no OrgnlMsgId', (file: string) => file.replace('<OrgnlMsgId>batch-1</OrgnlMsgId>', '')],
  ['which payment it is about', (file: string) => file.replace('<OrgnlEndToEndId>po_3</OrgnlEndToEndId>', '')],
  ['more than one TxSts', (file: string) => file.replace('<TxSts>RJCT</TxSts>', '<TxSts>RJCT</TxSts><TxSts>ACSC</TxSts>')],
  ['PmtInfSts stands after', (file: string) => file.replace('</OrgnlPmtInfAndSts>', '<PmtInfSts>ACSC</PmtInfSts></OrgnlPmtInfAndSts>')],
  ['is a camt.053.001.08', (file: string) => file.replace('pain.002.001.14', 'camt.053.001.08')],
])('refused: %s', async (why, change) => {
  const file = answer(mixed);
  expect(change(file)).not.toBe(file);
  await expect(read(change(file))).rejects.toThrow(why);
});
