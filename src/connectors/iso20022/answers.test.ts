import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AnsweredPayment, entryOfPayment, returnOfPayment, writeCamt053, writeCamt054, writePain002 } from './answers.ts';
import { readCamt } from './camt.ts';
import { batches, bytesOf, DEBTOR, everything, validates } from './files.fixture.ts';
import { readPain002 } from './pain002.ts';

const samples = fc.sample(batches, { numRuns: 60, seed: 7 });
const at = new Date('2026-03-05T10:00:00Z');

test('what a bank answers to any batch is valid, and is read as it was meant', async () => {
  const answers = samples.map(({ messageId, payments }) => {
    const told = payments.map(({ endToEndId, instructionId }, n): AnsweredPayment => ({
      endToEndId,
      instructionId,
      ...(n % 2 ? { status: 'RJCT', reason: { code: 'AC01' } } : { status: 'ACSC' }),
    }));
    const original = { messageId, message: 'pain.001.001.09' };
    return writePain002({
      messageId: 'A1',
      createdAt: at,
      version: '14',
      original,
      status: 'PART',
      batches: [{ paymentInformationId: messageId, payments: told }],
    });
  });
  validates('pain.002.001.14', answers);
  for (const [n, { payments }] of samples.entries()) {
    const read = (await everything(readPain002(bytesOf(answers[n] as string)))).flatMap((item) => (item.kind === 'payment' ? [item] : []));
    expect(read.map(({ originalEndToEndId, outcome }) => [originalEndToEndId, outcome])).toEqual(
      payments.map(({ endToEndId }, k) => [endToEndId.trim(), k % 2 ? 'rejected' : 'executed']),
    );
  }
});

test('the bookings of any batch are valid in 053 and 054, and have one key in both', async () => {
  const debtor = { ...DEBTOR };
  const files = samples.map(({ messageId, payments }) => {
    const entries = payments.flatMap((payment, n) => [
      entryOfPayment(payment, { bankReference: `B-${n}`, on: '2026-03-05', messageId, debtor }),
      ...(n % 2 ? [returnOfPayment(payment, { bankReference: `R-${n}`, on: '2026-03-06', reason: { code: 'AC04', info: 'closed' } })] : []),
    ]);
    const account = { messageId: 'M', createdAt: at, id: 'S', iban: DEBTOR.iban, currency: payments[0]?.currency ?? '', entries };
    const balance = { amount: 0n, on: '2026-03-05' };
    return { statement: writeCamt053({ ...account, opening: balance, closing: balance }), notification: writeCamt054(account) };
  });
  validates(
    'camt.053.001.08',
    files.map(({ statement }) => statement),
  );
  validates(
    'camt.054.001.08',
    files.map(({ notification }) => notification),
  );
  const linesOf = async (file: string) => (await everything(readCamt(bytesOf(file)))).flatMap((item) => (item.kind === 'line' ? [item] : []));
  for (const [n, { payments }] of samples.entries()) {
    const [booked, told] = [await linesOf(files[n]?.statement ?? ''), await linesOf(files[n]?.notification ?? '')];
    expect(told.map(({ lineKey }) => lineKey)).toEqual(booked.map(({ lineKey }) => lineKey));
    const sent = booked.filter(({ direction }) => direction === 'debit');
    expect(sent.map(({ amount, endToEndId, creditor }) => [amount, endToEndId, creditor.name, creditor.id])).toEqual(
      payments.map(({ amount, endToEndId, creditor }) => [amount, endToEndId.trim(), creditor.name.trim(), creditor.bin]),
    );
    expect(booked.filter(({ returned }) => returned?.code === 'AC04').length).toBe(Math.floor(payments.length / 2));
  }
});
