import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StatementLine } from '../connectors/iso20022/camt.ts';
import { BankFolder } from './folder.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const maybe = fc.option(text);
const minor = fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n });
const party = fc.record({ name: maybe, account: maybe, id: maybe, bic: maybe });
const direction = fc.constantFrom('credit' as const, 'debit' as const);
const line: fc.Arbitrary<StatementLine> = fc.record({
  ...{ kind: fc.constant('line' as const), lineKey: text, keyBasis: fc.constantFrom('bank' as const, 'entry' as const, 'content' as const) },
  ...{ statementId: text, account: text, bankReference: maybe, messageId: maybe, paymentInformationId: maybe, instructionId: maybe, endToEndId: maybe },
  ...{ transactionId: maybe, amount: minor, currency: text, direction, stated: fc.option(fc.record({ amount: minor, currency: text })), debtor: party },
  ...{ creditor: party, remittance: text, bankCode: maybe, info: maybe, position: fc.nat(), isLastOfEntry: fc.boolean(), remainder: fc.option(minor) },
  returned: fc.option(fc.record({ code: maybe, info: fc.array(text, { maxLength: 2 }), originalBankCode: maybe })),
  entry: fc.record({
    ...{ line: fc.nat(), reference: maybe, bankReference: maybe, amount: minor, currency: text, direction, status: text, isReversal: fc.boolean() },
    ...{ bookedOn: maybe, valueOn: maybe, bankCode: maybe },
  }),
});

test('lines come back as they were, in their order, from a file that nobody else sees', async () => {
  const root = mkdtempSync(join(tmpdir(), 'tolem-spool-'));
  const folder = new BankFolder(root);
  await folder.open(() => 'test');
  const lines = fc.sample(line, { numRuns: 50, seed: 3 });
  const many = Array.from({ length: 2_345 }, (_, n): StatementLine => ({ ...(lines[n % lines.length] as StatementLine), position: n }));
  const spool = await folder.spool('test');
  for (const [n, one] of many.entries()) {
    spool.add(one);
    if (n % 17 === 0) await spool.drain();
  }
  expect(readdirSync(join(root, 'staging'))).toEqual(['.folder']);
  const chunks: StatementLine[][] = [];
  for await (const chunk of spool.read()) chunks.push(chunk);
  expect(chunks.flat()).toEqual(many);
  expect(chunks).toHaveLength(3);
  await spool.close();
  rmSync(root, { recursive: true });
});
