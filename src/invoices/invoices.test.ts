import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../../test/harness/house.ts';
import { verify } from '../audit/verify.ts';
import { type AnsweredEntry, writeCamt053, writeCamt054 } from '../connectors/iso20022/answers.ts';
import { sql } from '../db/sql.ts';
import { inFours } from './reference.ts';

const account = { name: 'Tolem Operator LLP', bin: '060140005028', iban: 'KZ86125KZT5004100100', bic: 'CASPKZKA' };
const folder = mkdtempSync(join(tmpdir(), 'tolem-invoices-'));
const bank = { isSandbox: true, settleMs: 0, folder, account, batchSeconds: 60, cutOff: '16:00', version: '09' } as const;
let th: TestHouse;
beforeAll(async () => {
  th = await openTestHouse({ config: { bank } });
  await th.house.bankFiles?.batcher.open();
});
afterAll(async () => {
  const broken = (await verify(th.url)).filter(({ violations }) => violations > 0); // whatever the tests did, the books hold
  await th.close();
  rmSync(folder, { recursive: true });
  expect(broken).toEqual([]);
});

const PATH = '/v1/bank-invoices';
const payer = { name: 'TOO Покупатель', bin: '123456789012', email: 'buh@example.kz' };
const example = { orderReference: 'ORDER-1', amount: 150_000, currency: 'KZT', description: 'Услуги за ноябрь', payer };
const bill = (m: TestMerchant, more: object = {}, headers?: Record<string, string>) => th.post(PATH, m, { ...example, ...more }, headers);
const read = async (m: TestMerchant, id: string) => (await th.get(`${PATH}/${id}`, m)).body;

let told = 0;
const at = new Date('2026-11-20T12:00:00Z');
const incoming = (amount: bigint, remittance: string, bankReference = `B-${++told}`): AnsweredEntry => ({
  ...{ amount, direction: 'credit', bankReference, bookedOn: '2026-11-20', valueOn: '2026-11-20', bankCode: ['PMNT', 'RCDT', 'DMCT'] },
  details: [{ amount, bankReference, endToEndId: 'NOTPROVIDED', remittance, debtor: { name: payer.name, bin: payer.bin, iban: 'KZ86125KZT5004100100' } }],
});
async function book(entries: AnsweredEntry[], write: typeof writeCamt053 | typeof writeCamt054 = writeCamt053): Promise<void> {
  const id = `S-${++told}`;
  const balance = { amount: 0n, on: '2026-11-20' };
  const text = write({ messageId: id, createdAt: at, id, iban: account.iban, currency: 'KZT', entries, opening: balance, closing: balance });
  writeFileSync(join(folder, 'inbox', `${id}.xml`), text);
  expect(await th.house.bankFiles?.inbox.look()).toBe(1);
}
const exceptions = async (m: TestMerchant) =>
  (
    await th.house.db.lookup((q) =>
      q.rows<{ matched: string }>(
        sql`select l.matched from bank_line l where l.merchant = ${m.merchantId} and l.matched not in ('payment', 'return', 'invoice') order by l.line_key`,
      ),
    )
  ).map(({ matched }) => matched);

test('an invoice is made, shown on a page, and paid by what the statement tells', async () => {
  const m = await th.merchant();
  const { status, body } = await bill(m);
  expect(status).toBe(201);
  expect(body).toMatchObject({ ...example, status: 'created', number: expect.stringMatching(/^RF\d\d[0-9A-Z]{18}$/), paidAt: null, expiresAt: null });
  expect(body.payee).toEqual({ ...account, kbe: '17', knp: '710' });
  expect(body.paymentPurpose).toBe(`Оплата по счёту ${inFours(body.number)}`);
  const page = await th.get(new URL(body.url).pathname, null);
  expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
  for (const words of ['KZ86 125K ZT50 0410 0100', inFours(body.number), '1\u202F500.00 KZT', 'Услуги за ноябрь']) expect(page.text).toContain(words);
  await book([incoming(150_000n, body.paymentPurpose, 'BANK-77')]);
  expect(await read(m, body.id)).toMatchObject({ status: 'paid', bankReference: 'BANK-77', paidAt: expect.any(String) });
  expect(await th.balances(m)).toEqual({ available: 150_000n, held: 0n });
  expect(await th.told(m, body.id)).toEqual(['invoice.created', 'invoice.paid']);
  expect((await th.get(new URL(body.url).pathname, null)).text).toContain('Paid');
  expect((await th.get(`${PATH}?status=paid`, m)).body).toMatchObject({ total: 1, data: [{ id: body.id }] });
});

test('told again, in other files and messages, it is paid once', async () => {
  const m = await th.merchant();
  const { body } = await bill(m);
  const entry = incoming(150_000n, `счет ${body.number.toLowerCase()}`, 'BANK-78');
  await book([entry], writeCamt054 as typeof writeCamt053);
  await book([entry]);
  await book([entry, incoming(5n, 'чужое')]);
  expect(await th.balances(m)).toEqual({ available: 150_000n, held: 0n });
  expect(await exceptions(m)).toEqual([]);
});

test('another amount, a second payment, and one of a cancelled invoice move nothing, and are exceptions', async () => {
  const m = await th.merchant();
  const [a, b] = [(await bill(m)).body, (await bill(m)).body];
  await book([incoming(149_999n, a.number)]);
  expect(await read(m, a.id)).toMatchObject({ status: 'created' });
  await book([incoming(150_000n, a.number)]);
  await book([incoming(150_000n, a.number)]);
  expect(await th.request('POST', `${PATH}/${b.id}/cancel`, m)).toMatchObject({ status: 200, body: { status: 'cancelled' } });
  expect(await th.request('POST', `${PATH}/${b.id}/cancel`, m)).toMatchObject({ status: 409 });
  await book([incoming(150_000n, b.number)]);
  expect((await exceptions(m)).toSorted()).toEqual(['amount_differs', 'invoice_cancelled', 'paid_again']);
  expect(await th.balances(m)).toEqual({ available: 150_000n, held: 0n });
});

test('two payments of one invoice in one statement: one of them', async () => {
  const m = await th.merchant();
  const { body } = await bill(m);
  await book([incoming(150_000n, body.number), incoming(150_000n, body.number)]);
  expect(await th.balances(m)).toEqual({ available: 150_000n, held: 0n });
  expect(await exceptions(m)).toEqual(['paid_again']);
});

test('it expires, and money that arrives late is money all the same', async () => {
  const m = await th.merchant();
  const { body } = await bill(m, { expiresAt: new Date(th.house.clock.now().getTime() + 60_000).toISOString() });
  await Promise.all(await th.house.invoices.queue.take(m.merchantId, 10));
  expect(await read(m, body.id)).toMatchObject({ status: 'created' });
  await th.later(61);
  await Promise.all(await th.house.invoices.queue.take(m.merchantId, 10));
  expect(await read(m, body.id)).toMatchObject({ status: 'expired' });
  await book([incoming(150_000n, body.number)]);
  expect(await read(m, body.id)).toMatchObject({ status: 'paid' });
  expect(await th.told(m, body.id)).toEqual(['invoice.created', 'invoice.expired', 'invoice.paid']);
});

test('what an invoice brings is shared like any payment', async () => {
  const m = await th.merchant();
  const partner = (await th.post('/v1/merchants/payment-beneficiaries', m, { name: 'P', bin: payer.bin, iban: account.iban, bic: account.bic })).body.id;
  const { body } = await bill(m, { orderReference: 'SHARED-1' });
  const split = await th.post('/v1/merchants/split-requests', m, { orderReference: 'SHARED-1', items: [{ beneficiaryId: partner, percent: 10 }] });
  await book([incoming(150_000n, body.number)]);
  expect((await th.get(`/v1/merchants/split-requests/${split.body.id}`, m)).body).toMatchObject({ status: 'processed', items: [{ given: 15_000 }] });
  expect(await th.balances(m)).toEqual({ available: 135_000n, held: 0n });
});

test('the page is for who has its address', async () => {
  const m = await th.merchant();
  const { url, number } = (await bill(m)).body;
  const token = url.split('/').at(-1) as string;
  const other = (await bill(m)).body.number;
  for (const path of [`/invoices/${number}/${token.slice(1)}x`, `/invoices/${other}/${token}`, `/invoices/${number}/`, `/invoices/x/${token}`])
    expect((await th.get(path, null)).status, path).toBe(404);
  for (const [language, words] of [
    ['ru', 'Ожидает оплаты'],
    ['kk', 'Төлемді күтуде'],
    ['en', 'Waiting for payment'],
  ])
    // prettier-ignore
    expect((await th.get(`/invoices/${number}/${token}?lang=${language}`, null)).text).toContain(words);
});

test('wrong fields are refused, and a platform without an account makes none', async () => {
  const m = await th.merchant();
  expect(await bill(m, { payer: { ...payer, bin: '1' } })).toMatchObject({ status: 422, body: { details: [{ field: 'payer.bin' }], source: 'invoices' } });
  expect(await bill(m, { knp: '7' })).toMatchObject({ status: 422, body: { details: [{ field: 'knp' }] } });
  expect(await bill(m, { expiresAt: '2020-01-01T00:00:00Z' })).toMatchObject({ status: 422, body: { details: [{ field: 'expiresAt' }] } });
  for (const expiresAt of ['2036-12-31T23:59:60Z', '9999-12-31T23:59:59-12:00'])
    expect(await bill(m, { expiresAt })).toMatchObject({ status: 422, body: { details: [{ field: 'expiresAt' }] } });
  expect(await bill(m, { currency: 'USD' })).toMatchObject({ status: 422, body: { details: [{ field: 'currency' }] } });
  expect(await bill(m, { payer: { ...payer, email: '4111111111111111@example.kz' } })).toMatchObject({
    status: 422,
    body: { details: [{ field: 'payer.email' }] },
  });
  expect(await bill(m, { description: '4111 1111 1111 1111' })).toMatchObject({ status: 422 });
  expect(await bill(m, { currency: 'ABC' })).toMatchObject({ status: 400 });
  expect(await bill(m, { payer: { ...payer, email: 'nobody' } })).toMatchObject({ status: 400 });
  const [first, again] = [await bill(m, {}, { 'idempotency-key': 'i1' }), await bill(m, {}, { 'idempotency-key': 'i1' })];
  expect(again.text).toBe(first.text);
  for (const other of [undefined, { ...bank, isSandbox: false }]) {
    const elsewhere = await openTestHouse({ config: { bank: other }, url: th.url });
    expect(await elsewhere.post(PATH, m, example)).toMatchObject({ status: 422, body: { message: expect.stringMatching(/no bank account|real bank/) } });
    await elsewhere.close();
  }
});
