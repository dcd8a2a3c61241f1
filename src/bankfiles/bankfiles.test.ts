import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../../test/harness/house.ts';
import { verify } from '../audit/verify.ts';
import { kazakhCalendar } from '../connectors/iso20022/calendar.ts';
import { readCamt } from '../connectors/iso20022/camt.ts';
import { distributionKind } from '../distributions/kind.ts';
import { processorReference } from '../ids.ts';
import { type BankFiles, wayOf } from './bankfiles.ts';
import { Batcher } from './batcher.ts';
import { BankFolder } from './folder.ts';
import {
  type AnsweredEntry,
  type AnsweredPayment,
  type AnsweredReason,
  entryOfPayment,
  returnOfPayment,
  writeCamt053,
  writeCamt054,
  writePain002,
} from '../connectors/iso20022/answers.ts';
import type { CreditTransfer } from '../connectors/iso20022/pain001.ts';
import { sql } from '../db/sql.ts';

const account = { name: 'Tolem Operator LLP', bin: '060140005028', iban: 'KZ86125KZT5004100100', bic: 'CASPKZKA' };
const folder = mkdtempSync(join(tmpdir(), 'tolem-bank-'));
let th: TestHouse;
let files: BankFiles;
beforeAll(async () => {
  th = await openTestHouse({ config: { bank: { isSandbox: true, settleMs: 0, folder, account, batchSeconds: 60, cutOff: '16:00', version: '09' } } });
  files = th.house.bankFiles as BankFiles;
  await files.batcher.open();
});
afterAll(async () => {
  const broken = (await verify(th.url)).filter(({ violations }) => violations > 0);
  await th.close();
  rmSync(folder, { recursive: true });
  expect(broken).toEqual([]);
});

const recipient = { name: 'ТОО «Кредит & Партнёр»', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' };
let orders = 0;
const send = async (m: TestMerchant, more: object = {}): Promise<string> => {
  const body = { orderReference: `F-${++orders}`, amount: 150000, currency: 'KZT', recipient, paymentPurpose: 'По договору <123>', ...more };
  return (await th.post('/v1/distributions', m, body)).body.id as string;
};
const statusOf = async (m: TestMerchant, id: string) => (await th.get(`/v1/distributions/${id}`, m)).body as { status: string; failureReason: string | null };
const outbox = () => readdirSync(join(folder, 'outbox')).toSorted();
const put = (name: string, text: string) => writeFileSync(join(folder, 'inbox', name), text);
/** Makes the files that are due of a merchant. @returns their texts */
async function batch(m: TestMerchant): Promise<string[]> {
  for (const name of outbox()) rmSync(join(folder, 'outbox', name)); // of another test
  await th.later(61);
  await Promise.all(await files.batcher.queue.take(m.merchantId, 8));
  return outbox().map((name) => {
    const text = readFileSync(join(folder, 'outbox', name), 'utf8');
    renameSync(join(folder, 'outbox', name), join(folder, `taken-${name}`)); // as the bank does
    return text;
  });
}
/** The payments of a file of ours, as the bank reads them. */
const paymentsIn = (text: string): CreditTransfer[] =>
  [...text.matchAll(/<EndToEndId>([^<]+)<\/EndToEndId>.*?<InstdAmt Ccy="([A-Z]{3})">([\d.]+)</gs)].map(([, endToEndId = '', currency = '', amount = '']) => ({
    ...{ endToEndId, currency, amount: BigInt(amount.replace('.', '')), creditor: { name: 'X', bin: recipient.bin, iban: recipient.iban, bic: recipient.bic } },
    ...{ kbe: '17', knp: '119', purpose: 'x' },
  }));
const paymentOf = (endToEndId: string): CreditTransfer => ({
  ...{ endToEndId, currency: 'KZT', amount: 1n, kbe: '17', knp: '119', purpose: 'x' },
  creditor: { name: 'X', bin: recipient.bin, iban: recipient.iban, bic: recipient.bic },
});
const messageIn = (text: string): string => /<MsgId>([^<]+)</.exec(text)?.[1] as string;
const at = new Date('2026-11-20T12:00:00Z');
const told = (id: string, entries: AnsweredEntry[]) => ({ messageId: `M-${id}`, createdAt: at, id, iban: account.iban, currency: 'KZT', entries });
const statement = (id: string, entries: AnsweredEntry[]) =>
  writeCamt053({ ...told(id, entries), opening: { amount: 0n, on: '2026-11-20' }, closing: { amount: 0n, on: '2026-11-20' } });
const booked = (bankReference: string) => ({ bankReference, on: '2026-11-20' });
/** What the bank says of a file of ours. */
const answer = (id: string, text: string, status: string, more: { payments?: AnsweredPayment[]; reason?: AnsweredReason } = {}) =>
  writePain002({
    ...{ messageId: id, createdAt: at, version: '10', original: { messageId: messageIn(text), message: 'pain.001.001.09' }, status },
    ...(more.reason ? { reason: more.reason } : {}),
    ...(more.payments ? { batches: [{ paymentInformationId: messageIn(text), payments: more.payments }] } : {}),
  });
const lines = (m?: TestMerchant) =>
  th.house.db.lookup((q) =>
    q.rows<{ matched: string; amount: bigint }>(
      sql`select l.matched, l.amount from bank_line l where (${m === undefined}::boolean or l.merchant = ${m?.merchantId ?? null}::text) order by l.line_key`,
    ),
  );

test('a distribution leaves in a pain.001, is accepted, and is completed by the statement', async () => {
  const m = await th.merchant({ available: 500000n });
  const [one, two] = [await send(m), await send(m, { amount: 20000 })];
  expect(await files.batcher.queue.take(m.merchantId, 8)).toEqual([]); // they gather first
  const [text = ''] = await batch(m);
  const payments = paymentsIn(text);
  expect(payments.map(({ amount }) => amount)).toEqual([150000n, 20000n]);
  expect(text).toContain('<CtrlSum>1700.00</CtrlSum>');
  expect(text).toContain('ТОО «Кредит &amp; Партнёр»');
  expect((await statusOf(m, one)).status).toBe('processing');

  put('a.xml', answer('S1', text, 'ACCP'));
  expect(await files.inbox.look()).toBe(1);
  expect((await statusOf(m, one)).status).toBe('processing'); // accepted is not paid

  const [first, second] = payments as [CreditTransfer, CreditTransfer];
  put('b.xml', statement('ST1', [entryOfPayment(first, booked('R1')), entryOfPayment(second, booked('R2'))]));
  expect(await files.inbox.look()).toBe(1);
  expect([(await statusOf(m, one)).status, (await statusOf(m, two)).status]).toEqual(['completed', 'completed']);
  expect(await th.balances(m)).toEqual({ available: 330000n, held: 0n });
  expect(await lines(m)).toHaveLength(2);

  // The same movements once more: the same file under another name, and told by a camt.054.
  put(
    'b-again.xml',
    readFileSync(join(folder, 'inbox', 'applied', readdirSync(join(folder, 'inbox', 'applied')).find((name) => name.endsWith('-b.xml')) as string), 'utf8'),
  );
  expect(await files.inbox.look()).toBe(1);
  expect(await lines(m)).toHaveLength(2);

  put('b2.xml', writeCamt054(told('N1', [entryOfPayment(first, booked('R1'))])));
  expect(await files.inbox.look()).toBe(1);
  expect(await lines(m)).toHaveLength(2);

  put('c.xml', statement('ST2', [returnOfPayment(first, { ...booked('R9'), reason: { code: 'AC04' } })]));
  await files.inbox.look();
  expect(await th.balances(m)).toEqual({ available: 480000n, held: 0n });
  expect((await statusOf(m, one)).status).toBe('completed');
  const feed = (await th.get('/v1/events', m)).text;
  expect(feed).toContain('distribution.returned');
});

test('what the bank refuses by itself, or with its whole file, fails in words and gives the money back', async () => {
  const m = await th.merchant({ available: 500000n });
  const [one, two] = [await send(m), await send(m)];
  const [text = ''] = await batch(m);
  const [first] = paymentsIn(text) as [CreditTransfer];
  put('p.xml', answer('S2', text, 'PART', { payments: [{ endToEndId: first.endToEndId, status: 'RJCT', reason: { code: 'AC01' } }] }));
  await files.inbox.look();
  expect((await statusOf(m, one)).status).toBe('failed');
  expect((await statusOf(m, one)).failureReason).toMatch(/^AC01: [a-z]/);
  expect((await statusOf(m, two)).status).toBe('processing');
  expect(await th.balances(m)).toEqual({ available: 350000n, held: 150000n });
  put('q.xml', answer('S3', text, 'RJCT', { reason: { code: 'FF01' } }));
  await files.inbox.look();
  expect((await statusOf(m, two)).status).toBe('failed');
  expect(await th.balances(m)).toEqual({ available: 500000n, held: 0n });
});

test('a file that is cut off, of another account or no XML at all is put away, and nothing of it counts', async () => {
  const m = await th.merchant({ available: 500000n });
  const one = await send(m);
  const [text = ''] = await batch(m);
  const good = statement('ST3', [entryOfPayment(paymentsIn(text)[0] as CreditTransfer, booked('R3'))]);
  put('cut.xml', good.slice(0, -30));
  put('other.xml', good.replaceAll(account.iban, 'KZ386010251000347068'));
  put('bomb.xml', '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>');
  expect(await files.inbox.look()).toBe(3);
  expect(readdirSync(join(folder, 'inbox', 'refused'))).toHaveLength(3);
  expect((await statusOf(m, one)).status).toBe('processing');
  expect(await lines(m)).toEqual([]);
  put('good.xml', good);
  await files.inbox.look();
  expect((await statusOf(m, one)).status).toBe('completed');
});

test('a movement of another amount, or that we know nothing of, is an exception', async () => {
  const m = await th.merchant({ available: 500000n });
  const one = await send(m);
  const [text = ''] = await batch(m);
  const [payment] = paymentsIn(text) as [CreditTransfer];
  const strange = { ...payment, endToEndId: 'NOT-OURS', amount: 777n };
  put('x.xml', statement('ST4', [entryOfPayment({ ...payment, amount: payment.amount + 1n }, booked('R5')), entryOfPayment(strange, booked('R6'))]));
  await files.inbox.look();
  expect((await statusOf(m, one)).status).toBe('processing');
  const found = (await lines()).filter(({ matched }) => matched !== 'payment' && matched !== 'return');
  expect(found.map(({ matched }) => matched).toSorted()).toEqual(['amount_differs', 'unknown_reference']);
});

test('whatever crashes, a batch is published once', async () => {
  const m = await th.merchant({ available: 500000n });
  await send(m);
  await th.later(61);
  // The first process dies before anything is on disk, the second after the file was published and before that was recorded.
  await files.batcher.queue.take(m.merchantId, 8).then((pieces) => Promise.allSettled(pieces));
  const published = outbox();
  expect(published).toHaveLength(1);
  await th.house.db.merchant(m.merchantId, (tx) =>
    tx.run(sql`update bank_batch as b set state = 'staged', next_at = ${th.house.clock.now()}::timestamptz where b.merchant_id = ${tx.merchantId}`),
  );
  renameSync(join(folder, 'outbox', published[0] as string), join(folder, 'taken')); // the bank has it
  await Promise.all(await files.batcher.queue.take(m.merchantId, 8));
  expect(outbox()).toEqual([]);
  // A third begins anew where no file was ever finished.
  await th.house.db.merchant(m.merchantId, (tx) =>
    tx.run(
      sql`update bank_batch as b set state = 'open', token = null, folder = null, next_at = ${th.house.clock.now()}::timestamptz where b.merchant_id = ${tx.merchantId}`,
    ),
  );
  await Promise.all(await files.batcher.queue.take(m.merchantId, 8));
  expect(outbox()).toEqual(published);
  expect(readFileSync(join(folder, 'outbox', published[0] as string), 'utf8')).toBe(readFileSync(join(folder, 'taken'), 'utf8'));
});

test('the statement of what a pain.002 has closed is kept, and tells nobody anything', async () => {
  const m = await th.merchant({ available: 500000n });
  const one = await send(m);
  const [text = ''] = await batch(m);
  const [payment] = paymentsIn(text) as [CreditTransfer];
  put('acsc.xml', answer('ACSC', text, 'ACSC'));
  await files.inbox.look();
  expect((await statusOf(m, one)).status).toBe('completed');
  const { submit } = th.house.sending.outcomes;
  let told = 0;
  th.house.sending.outcomes.submit = (...all) => (told++, submit.apply(th.house.sending.outcomes, all));
  put('st-acsc.xml', statement('ST-ACSC', [entryOfPayment(payment, booked('A1')), returnOfPayment(payment, { ...booked('A2'), reason: { code: 'AC04' } })]));
  await files.inbox.look();
  th.house.sending.outcomes.submit = submit;
  expect(told).toBe(1); // of the return
  expect((await lines(m)).map(({ matched }) => matched).toSorted()).toEqual(['payment', 'return']);
  expect(await th.balances(m)).toEqual({ available: 500000n, held: 0n });
});

test('a statement of more lines than are applied together is applied whole', async () => {
  const before = (await lines()).length;
  const strange = { ...paymentOf('STRANGER'), amount: 5n };
  put(
    'long.xml',
    statement(
      'ST-LONG',
      Array.from({ length: 2_345 }, (_, n) => entryOfPayment(strange, booked(`L-${n}`))),
    ),
  );
  await files.inbox.look();
  expect((await lines()).length - before).toBe(2_345);
  expect(readdirSync(join(folder, 'staging'))).toEqual(['.folder']);
});

const reversal = (entry: AnsweredEntry): AnsweredEntry => ({ ...entry, isReversal: true });
const exceptions = async (m: TestMerchant) =>
  (await lines(m))
    .map(({ matched }) => matched)
    .filter((matched) => matched !== 'payment' && matched !== 'return')
    .toSorted();

test('a payment that the bank makes twice and takes back once is not a return', async () => {
  const m = await th.merchant({ available: 500000n });
  const one = await send(m);
  const [text = ''] = await batch(m);
  const [payment] = paymentsIn(text) as [CreditTransfer];
  const back: AnsweredEntry = { ...entryOfPayment(payment, booked('D3')), direction: 'credit', isReversal: true };
  put('d.xml', statement('ST-D', [entryOfPayment(payment, booked('D1')), entryOfPayment(payment, booked('D2')), back]));
  await files.inbox.look();
  expect((await statusOf(m, one)).status).toBe('completed');
  expect(await th.balances(m)).toEqual({ available: 350000n, held: 0n });
  expect(await exceptions(m)).toEqual(['back_again', 'paid_again']);
});

test('a return that the bank takes back, and a stranger’s credit with our reference, move nothing and are exceptions', async () => {
  const m = await th.merchant({ available: 500000n });
  const one = await send(m);
  const [text = ''] = await batch(m);
  const [payment] = paymentsIn(text) as [CreditTransfer];
  const stranger: AnsweredEntry = { ...entryOfPayment(payment, booked('E0')), direction: 'credit' };
  put('e.xml', statement('ST-E', [stranger]));
  await files.inbox.look();
  expect((await statusOf(m, one)).status).toBe('processing');
  put(
    'f.xml',
    statement('ST-F', [
      entryOfPayment(payment, booked('E1')),
      returnOfPayment(payment, { ...booked('E2'), reason: { code: 'AC04' } }),
      reversal(entryOfPayment(payment, booked('E3'))),
    ]),
  );
  await files.inbox.look();
  expect(await th.balances(m)).toEqual({ available: 500000n, held: 0n });
  expect(await exceptions(m)).toEqual(['credit', 'reversal']);
});

test('"we have had this before" is no refusal: nothing is given back, and a person is called', async () => {
  const m = await th.merchant({ available: 500000n });
  const one = await send(m);
  const [text = ''] = await batch(m);
  put('g.xml', answer('G1', text, 'ACCP'));
  await files.inbox.look();
  put('h.xml', answer('G2', text, 'RJCT', { reason: { code: 'DU01' } }));
  await files.inbox.look();
  expect((await statusOf(m, one)).status).toBe('processing');
  expect(await th.balances(m)).toEqual({ available: 350000n, held: 150000n });
  const incidents = await th.house.db.merchant(m.merchantId, (tx) =>
    tx.rows<{ kind: string }>(sql`select i.kind from incident i where i.merchant_id = ${tx.merchantId}`),
  );
  expect(incidents).toEqual([{ kind: 'reference_conflict' }]);
});

test('a status closes only what is in the file that it answers: no payout, and nothing of another file', async () => {
  const m = await th.merchant({ available: 500000n });
  const [one, two] = [await send(m), await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: 100 })];
  const [text = ''] = await batch(m);
  const { code } = await th.house.db.merchant(m.merchantId, (tx) =>
    tx.one<{ code: string }>(sql`select m.code from merchant m where m.merchant_id = ${tx.merchantId}`),
  );
  const strange = { endToEndId: processorReference(code, two.body.id as string), status: 'RJCT', reason: { code: 'AC01' } };
  put('i.xml', answer('I1', text, 'PART', { payments: [strange] }));
  put(
    'j.xml',
    answer('I2', text.replaceAll(messageIn(text), 'NOT-OURS'), 'RJCT', {
      payments: [strange, { ...strange, endToEndId: (paymentsIn(text)[0] as CreditTransfer).endToEndId }],
    }),
  );
  expect(await files.inbox.look()).toBe(2);
  expect((await th.get(`/v1/transactions/${two.body.id as string}`, m)).body.status).toBe('new');
  expect((await statusOf(m, one)).status).toBe('processing');
  // Nor does the processor speak for what left in a file.
  const heard = {
    payoutId: one,
    verdict: { kind: 'executed', rrn: '1', executedAt: null },
    source: 'callback',
    callback: { processor: 'processor', dedupeKey: 'x' },
  } as const;
  await expect(th.house.sending.outcomes.submit(m.merchantId, heard)).rejects.toMatchObject({ status: 404 });
});

test('what is named has its own status, whatever is said of the file', async () => {
  const m = await th.merchant({ available: 500000n });
  const [one, two] = [await send(m), await send(m)];
  const [text = ''] = await batch(m);
  const [first] = paymentsIn(text) as [CreditTransfer];
  put('k.xml', answer('K1', text, 'ACSC', { payments: [{ endToEndId: first.endToEndId, status: 'RJCT', reason: { code: 'AC01' } }] }));
  await files.inbox.look();
  expect([(await statusOf(m, one)).status, (await statusOf(m, two)).status]).toEqual(['failed', 'completed']);
});

test('what cannot be read stands in nobody’s way', async () => {
  const m = await th.merchant({ available: 500000n });
  const one = await send(m);
  const [text = ''] = await batch(m);
  mkdirSync(join(folder, 'inbox', '0.xml'));
  mkdirSync(join(folder, 'inbox', 'reading', '0-folder.xml'));
  put(`${'x'.repeat(240)}.xml`, '<a/>');
  put('zz.xml', answer('Z1', text, 'RJCT', { reason: { code: 'AC01' } }));
  await files.inbox.look();
  expect((await statusOf(m, one)).status).toBe('failed');
  for (const name of ['0.xml', 'reading/0-folder.xml']) rmSync(join(folder, 'inbox', name), { recursive: true });
});

test('a test merchant’s money leaves in no file of a real bank', async () => {
  const real = wayOf({ isSandbox: false, settleMs: 0, folder, account, batchSeconds: 1, cutOff: '16:00', version: '09' }, 'processor', 'test');
  expect(real).toEqual({ connector: 'processor', action: 'send', waitMs: 0 });
  expect(wayOf({ isSandbox: false, settleMs: 0, folder, account, batchSeconds: 1, cutOff: '16:00', version: '09' }, 'processor', 'live').connector).toBe(
    'iso20022',
  );
});

/** Lets a part of the house die at its n-th step: before it, or after it was done and before anybody heard so. */
function dying<T extends object>(whole: T, methods: (keyof T)[], at: { step: number; after: boolean; left: number }): T {
  return new Proxy(whole, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function' || !methods.includes(name as keyof T)) return typeof member === 'function' ? member.bind(target) : member;
      return async (...args: unknown[]) => {
        const mine = at.left-- === 0;
        if (mine && !at.after) throw new Error('the process died');
        const result: unknown = await member.apply(target, args);
        if (mine) throw new Error('the process died');
        return result;
      };
    },
  });
}

test('a process that dies at any step leaves a batch that the next one finishes: one file, each payment once', async () => {
  const { house } = th;
  const batcherOf = (db: typeof house.db, own: BankFolder) =>
    new Batcher({
      ...{ db, clock: house.clock, ids: house.ids, kind: distributionKind, debtor: account, folder: own, cutOff: '16:00', version: '09' },
      log: { warn: () => undefined },
      calendar: () => kazakhCalendar(),
      telling: () => (merchantId, work) => db.merchant(merchantId, (tx) => work(tx)),
    });
  for (const name of outbox()) rmSync(join(folder, 'outbox', name));
  let died = 0;
  for (const after of [false, true])
    for (let step = 0; step < 12; step++) {
      const m = await th.merchant({ available: 500000n });
      const sent = [await send(m, { amount: 1000 }), await send(m, { amount: 2000 })];
      await th.later(61);
      const at = { step, after, left: step };
      const doomed = batcherOf(dying(house.db, ['merchant'], at), dying(new BankFolder(folder), ['stage', 'publish', 'unstage'], at));
      const outcomes = await doomed.queue.take(m.merchantId, 8).then(
        (pieces) => Promise.allSettled(pieces),
        () => undefined,
      );
      if (!outcomes?.every(({ status }) => status === 'fulfilled')) died++;
      const files: string[] = [];
      const bankTakes = () => {
        for (const name of outbox()) {
          files.push(readFileSync(join(folder, 'outbox', name), 'utf8'));
          rmSync(join(folder, 'outbox', name));
        }
      };
      bankTakes();
      await th.later(601); // its lease ends
      const next = batcherOf(house.db, new BankFolder(folder));
      for (let i = 0; i < 3; i++) await Promise.all(await next.queue.take(m.merchantId, 8));
      bankTakes();
      expect(
        files.flatMap(paymentsIn).map(({ amount }) => amount),
        `${after ? 'after' : 'before'} step ${step}`,
      ).toEqual([1000n, 2000n]);
      expect(files).toHaveLength(1);
      for (const id of sent) expect((await statusOf(m, id)).status).toBe('processing');
    }
  expect(died).toBeGreaterThan(8); // or nothing was shown
}, 60_000);

test('two processes at once make one file of the same payments', async () => {
  const m = await th.merchant({ available: 500000n });
  for (let i = 0; i < 5; i++) await send(m, { amount: 1000 + i });
  await th.later(61);
  await Promise.all(Array.from({ length: 3 }, async () => Promise.all(await files.batcher.queue.take(m.merchantId, 8))));
  const payments = outbox().flatMap((name) => paymentsIn(readFileSync(join(folder, 'outbox', name), 'utf8')));
  expect(payments.map(({ amount }) => amount).toSorted()).toEqual([1000n, 1001n, 1002n, 1003n, 1004n]);
});

test('a payment that a processor was asked for is none of this account’s, whatever a statement says', async () => {
  const elsewhere = await openTestHouse({ url: th.url }); // without a bank that speaks in files: distributions go to the processor
  elsewhere.bank.script.send = () => ({ kind: 'pending' });
  const m = await elsewhere.merchant({ available: 500000n });
  const { body } = await elsewhere.post('/v1/distributions', m, { orderReference: 'P-1', amount: 1000, currency: 'KZT', recipient, paymentPurpose: 'p' });
  await elsewhere.work(m);
  const reference = elsewhere.bank.sent[0]?.reference as string;
  const payment = {
    endToEndId: reference,
    currency: 'KZT',
    amount: 1000n,
    creditor: { name: 'X', bin: recipient.bin, iban: recipient.iban, bic: recipient.bic },
  };
  put('processor.xml', statement('PROCESSOR', [entryOfPayment({ ...payment, kbe: '17', knp: '119', purpose: 'x' }, booked('PR-1'))]));
  expect(await files.inbox.look()).toBe(1);
  expect((await elsewhere.get(`/v1/distributions/${body.id}`, m)).body.status).toBe('processing');
  expect(await th.house.db.lookup((q) => q.rows(sql`select l.matched from bank_line l where l.bank_reference = 'PR-1'`))).toEqual([
    { matched: 'unknown_reference' },
  ]);
  elsewhere.bank.script = {};
  await elsewhere.later(60);
  await elsewhere.work(m);
  await elsewhere.close();
});

test('two debits of one payment that two workers read at once: one of them is an exception', async () => {
  const m = await th.merchant({ available: 500000n });
  await send(m);
  const [file = ''] = await batch(m);
  const [payment] = paymentsIn(file) as [CreditTransfer];
  const linesOf = async (bankReference: string) => {
    const items = [];
    for await (const some of readCamt(Readable.from([Buffer.from(statement(`T-${bankReference}`, [entryOfPayment(payment, booked(bankReference))]))])))
      for (const item of [some].flat()) if (item.kind === 'line') items.push(item);
    return items;
  };
  const [one, two] = [await linesOf('A-1'), await linesOf('A-2')];
  await Promise.all([files.statements.apply(one, Buffer.alloc(32, 1)), files.statements.apply(two, Buffer.alloc(32, 2))]);
  expect((await lines(m)).map(({ matched }) => matched).toSorted()).toEqual(['paid_again', 'payment']);
});
