/** `tolem reconcile`: what the bank says beside what the books say, over real statements. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type AnsweredEntry, entryOfPayment, returnOfPayment, writeCamt053 } from '../../src/connectors/iso20022/answers.ts';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';
import { freshDatabase } from '../harness/template.ts';
import { build, type Env, patience, tolem, workplace } from './tolem.fixture.ts';

const account = { name: 'Tolem Operator LLP', bin: '060140005028', iban: 'KZ86125KZT5004100100', bic: 'CASPKZKA' };
const folder = mkdtempSync(join(tmpdir(), 'tolem-reconcile-'));
let th: TestHouse;
let m: TestMerchant;
let place: ReturnType<typeof workplace>;
let env: Env;
beforeAll(async () => {
  await build();
  const url = await freshDatabase(inject('postgres'));
  place = workplace(url);
  env = { ...place.env, PROCESSOR_URL: 'http://127.0.0.1:9' };
  th = await openTestHouse({ url, config: { bank: { isSandbox: true, settleMs: 0, folder, account, batchSeconds: 1, cutOff: '16:00', version: '09' } } });
  await th.house.bankFiles?.batcher.open();
  m = await th.merchant({ available: 1_000_000n });
}, 3 * patience);
afterAll(async () => {
  place.leave();
  await th.close();
  rmSync(folder, { recursive: true });
});

const recipient = { name: 'TOO X', bin: '123456789012', iban: account.iban, bic: 'KCJBKZKX', kbe: '17', knp: '119' };
let statements = 0;
async function book(entries: AnsweredEntry[]): Promise<void> {
  const id = `S-${++statements}`;
  const balance = { amount: 0n, on: '2026-11-20' };
  const text = writeCamt053({
    messageId: id,
    createdAt: new Date('2026-11-20T12:00:00Z'),
    id,
    iban: account.iban,
    currency: 'KZT',
    entries,
    opening: balance,
    closing: balance,
  });
  writeFileSync(join(folder, 'inbox', `${id}.xml`), text);
  expect(await th.house.bankFiles?.inbox.look()).toBe(1);
}
const own = (amount: bigint, direction: 'credit' | 'debit', bankReference: string, more: Partial<AnsweredEntry> = {}): AnsweredEntry => ({
  ...{ amount, direction, bankReference, bookedOn: '2026-11-20', valueOn: '2026-11-20', ...more },
});

test(
  'every movement is one of ours, or has a name, a sum and an age; what is left is the whole difference',
  async () => {
    for (const amount of [100_00, 200_00, 300_00])
      await th.post('/v1/distributions', m, { orderReference: `R-${amount}`, amount, currency: 'KZT', recipient, paymentPurpose: 'p' });
    await th.later(2);
    await Promise.all((await th.house.bankFiles?.batcher.queue.take(m.merchantId, 8)) ?? []);
    const file = readFileSync(join(folder, 'outbox', readdirSync(join(folder, 'outbox'))[0] as string), 'utf8');
    const [one, two] = [...file.matchAll(/<EndToEndId>([^<]+)<\/EndToEndId>.*?<InstdAmt Ccy="KZT">([\d.]+)</gs)].map(([, endToEndId = '', amount = '']) => ({
      ...{ endToEndId, currency: 'KZT', amount: BigInt(amount.replace('.', '')), creditor: recipient, kbe: '17', knp: '119', purpose: 'p' },
    }));
    const { number } = (
      await th.post('/v1/bank-invoices', m, { orderReference: 'I', amount: 50_00, currency: 'KZT', payer: { name: 'P', bin: recipient.bin } })
    ).body;
    const on = '2026-11-20';
    await book([
      entryOfPayment(one as never, { bankReference: 'B-1', on }),
      entryOfPayment(two as never, { bankReference: 'B-2', on }),
      returnOfPayment(two as never, { bankReference: 'B-2R', on, reason: { code: 'AC04' } }),
      own(50_00n, 'credit', 'B-3', { details: [{ amount: 50_00n, endToEndId: 'NOTPROVIDED', remittance: `счёт ${number}` }] }),
      own(15n, 'debit', 'B-4', { bankCode: ['ACMT', 'MDOP', 'CHRG'] }),
    ]);
    const clean = await tolem(env, 'reconcile');
    expect(clean.code).toBe(0);
    expect(clean.out).toMatch(/paid +-300\.00 +-300\.00 +0\.00/);
    expect(clean.out).toMatch(/came back +200\.00 +200\.00 +0\.00/);
    expect(clean.out).toMatch(/invoices +50\.00 +50\.00 +0\.00/);
    expect(clean.out).toMatch(/-0\.15 {2}1 × the bank’s own fees/);
    expect(clean.out).toMatch(/in all +-50\.15 +-50\.00 +-0\.15/);
    expect(clean.out).toMatch(/with the bank, not booked yet: 1 payments, 300\.00 KZT, the oldest for \d+ s/);
    expect(clean.out).toContain('no exceptions');

    await book([own(7_77n, 'credit', 'B-5'), own(1_00n, 'debit', 'B-6')]);
    const left = await tolem(env, 'reconcile', '--json');
    expect(left.code).toBe(1);
    const { accounts, exceptions, exceptionCount } = JSON.parse(left.out);
    expect(exceptionCount).toBe(2);
    expect(exceptions.map(({ matched, bankReference }: { matched: string; bankReference: string }) => [matched, bankReference]).toSorted()).toEqual([
      ['unmatched', 'B-5'],
      ['unmatched', 'B-6'],
    ]);
    const [{ rows, remainders, total }] = accounts;
    const sum = (some: { amount?: number; difference?: number }[]) => some.reduce((all, { amount = 0, difference = 0 }) => all + amount + difference, 0);
    expect(total.difference).toBe(sum(rows) + sum(remainders));
    expect(total).toMatchObject({ bank: -50_15 + 7_77 - 1_00, books: -50_00 });
  },
  3 * patience,
);
