import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { root } from '../../root.ts';
import { type CreditTransfer, type CreditTransferBatch, MAX_PURPOSE } from './pain001.ts';

/** A file as it comes from a wire: in pieces of some bytes. */
export async function* bytesOf(text: string | Uint8Array, size = 4_096): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Everything that is yielded. */
export async function everything<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export const textOf = async (pieces: AsyncIterable<string>): Promise<string> => (await everything(pieces)).join('');

const XMLLINT = 'xmllint'; // of the system, where it has one
const hasXmllint = spawnSync(XMLLINT, ['--version']).status === 0;
let isSkipTold = false;

/**
 * Holds files against a schema of ISO 20022, many in one run.
 * @returns false, and says so once, where there is no xmllint
 */
export function validates(message: string, files: readonly string[]): boolean {
  if (!hasXmllint) {
    if (!isSkipTold) process.stderr.write('xmllint is not installed: files are not held against the schemas of ISO 20022\n');
    isSkipTold = true;
    return false;
  }
  const folder = mkdtempSync(join(tmpdir(), 'tolem-iso20022-'));
  try {
    const names = files.map((text, n) => {
      const file = join(folder, `${n}.xml`);
      writeFileSync(file, text);
      return file;
    });
    execFileSync(XMLLINT, ['--nonet', '--noout', '--schema', join(root, 'test', 'iso20022', `${message}.xsd`), ...names], { stdio: 'pipe' });
    return true;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const LETTERS = [...'ӘәҒғҚқҢңӨөҰұҮүҺһІіАБВяжщЁ «»№₸–abcXYZ019&<>"\'\\/;]]>\t\n\u00a0\u0085👩‍💻🎉é漢\u{10FFFF}\uFFFD'];
const written = (max: number) =>
  fc
    .oneof(
      fc.array(fc.constantFrom(...LETTERS), { minLength: 1, maxLength: 30 }),
      fc.array(fc.constantFrom(...LETTERS), { minLength: max, maxLength: max }),
      fc.array(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((one) => /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]$/u.test(one)),
        { minLength: 1, maxLength: max },
      ),
    )
    .map((characters) => characters.join(''))
    .filter((text) => text.trim() !== '');
const drawn = (from: string, length: number) => fc.array(fc.constantFrom(...from), { minLength: length, maxLength: length }).map((all) => all.join(''));
const digits = (length: number) => drawn('0123456789', length);
const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const party = fc.record({ name: written(140), bin: digits(12) });
const holder = fc.record({
  ...{ name: written(140), bin: digits(12) },
  iban: fc.tuple(digits(2), drawn(`0123456789${CAPITALS}`, 16)).map(([check, rest]) => `KZ${check}${rest}`),
  bic: fc.tuple(drawn(CAPITALS, 6), drawn('ABKPXZ2389', 2), fc.constantFrom('', 'XXX')).map((parts) => parts.join('')),
});
const payment = fc.record(
  {
    ...{
      endToEndId: written(35),
      instructionId: written(35),
      amount: fc.bigInt({ min: 1n, max: 10n ** 15n - 1n }),
      currency: fc.constant('KZT'),
      creditor: holder,
    },
    ...{ kbe: digits(2), knp: digits(3), purpose: written(MAX_PURPOSE) },
  },
  { requiredKeys: ['endToEndId', 'amount', 'currency', 'creditor', 'kbe', 'knp', 'purpose'] },
);

/** Any batch that can be written, with whatever people write. */
export const batches: fc.Arbitrary<CreditTransferBatch & { payments: CreditTransfer[] }> = fc
  .record({
    ...{ messageId: written(35), initiator: party, debtor: holder, version: fc.constantFrom('03' as const, '09' as const) },
    createdAt: fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
    requestedOn: fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }).map((at) => at.toISOString().slice(0, 10)),
    currency: fc.constantFrom('KZT', 'JPY', 'KWD'),
    payments: fc.uniqueArray(payment, { selector: ({ endToEndId }) => endToEndId, minLength: 1, maxLength: 4 }),
  })
  .map(({ currency, payments, ...batch }) => ({
    ...batch,
    ...{ count: payments.length, controlSum: payments.reduce((sum, { amount }) => sum + amount, 0n) },
    payments: payments.map((one) => ({ ...one, currency })),
  }));

const [aport, nauryz] = ['ТОО «Апорт»', 'АО "Наурыз" & Ұлы дала'];
export const DEBTOR = { name: aport, bin: '150340012345', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX' };

/** A payment like others, with what a test says of it. */
export const aPayment = (said: Partial<CreditTransfer> = {}): CreditTransfer => ({
  ...{ endToEndId: 'po_1', amount: 100_05n, currency: 'KZT', kbe: '17', knp: '859', purpose: 'Оплата по договору № 7' },
  creditor: { name: nauryz, bin: '990140004321', iban: 'KZ75125KZT1001300335', bic: 'CASPKZKA' },
  ...said,
});

/** A batch of payments like others, with the count and sum that they have. */
export const aBatch = (payments: CreditTransfer[], said: Partial<CreditTransferBatch> = {}): CreditTransferBatch => ({
  ...{ messageId: 'batch-1', createdAt: new Date('2026-03-05T09:30:00.123Z'), initiator: DEBTOR, debtor: DEBTOR, requestedOn: '2026-03-05', version: '09' },
  ...{ count: payments.length, controlSum: payments.reduce((sum, { amount }) => sum + amount, 0n), payments },
  ...said,
});
