/** What `tolem explain` tells of money that came back, of a wallet payment and of a balance; and that its numbers sum. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';
import { freshDatabase } from '../harness/template.ts';
import { balanceStory } from '../../src/cli/explain/balance.ts';
import { inSnapshot } from '../../src/cli/explain/story.ts';
import { balances } from '../../src/ledger/statement.ts';
import { walletIdIn } from '../../src/wallet/view.ts';
import { build, type Env, patience, tolem, workplace } from './tolem.fixture.ts';

let env: Env;
let place: ReturnType<typeof workplace>;
let th: TestHouse;
beforeAll(async () => {
  await build();
  const url = await freshDatabase(inject('postgres'));
  place = workplace(url);
  env = { ...place.env, PROCESSOR_URL: 'http://127.0.0.1:9' };
  th = await openTestHouse({ url });
}, 2 * patience);
afterEach(() => {
  th.bank.script = {};
  th.walletBank.script = {};
});
afterAll(async () => {
  place.leave();
  await th.close();
});

const recipient = { name: 'X', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' };
const pay = async (m: TestMerchant, amount: number): Promise<string> => (await th.post('/v1/payout', m, { tokenId: m.cardToken, amount })).body.id;
const distribute = async (m: TestMerchant, orderReference: string, amount: number): Promise<string> =>
  (await th.post('/v1/distributions', m, { orderReference, amount, currency: 'KZT', recipient, paymentPurpose: 'p' })).body.id;
const customer = { phoneNumber: '+77012345678', iin: '880707300154' };
const authorize = async (m: TestMerchant, amount: number): Promise<string> => {
  const { body } = await th.post(
    '/v1/wallet/authorize',
    m,
    { amount, ...customer, orderReference: 'W-1', currency: 'KZT' },
    { 'idempotency-key': `w${amount}` },
  );
  await th.work(m);
  return body.walletTransactionId;
};
const operate = async (m: TestMerchant, id: string, kind: 'capture' | 'cancel' | 'refund', amount: number): Promise<void> => {
  expect((await th.post(`/v1/wallet/${id}/${kind}`, m, { amount })).status).toBe(200);
  await th.work(m);
};
/** The bank says something unasked. */
const says = (m: TestMerchant, payoutId: string, verdict: { kind: 'returned'; rrn: null; code: string } | { kind: 'executed'; rrn: null; executedAt: null }) =>
  th.house.sending.outcomes.submit(m.merchantId, { payoutId, verdict, source: 'callback', callback: { processor: 'processor', dedupeKey: payoutId } });

async function explained(id: string): Promise<string> {
  const { code, out, told } = await tolem(env, 'explain', id);
  expect([code, told]).toEqual([0, '']);
  return out;
}

/** Changes the books by hand, past every guard, as long as something is looked at. */
async function tampered<T>(change: string, back: string, values: unknown[], look: () => Promise<T>): Promise<T> {
  const hand = new pg.Client({ connectionString: env.DATABASE_URL });
  await hand.connect();
  try {
    await hand.query('set session_replication_role = replica');
    expect((await hand.query(change, values)).rowCount).toBe(1);
    return await look();
  } finally {
    await hand.query(back, values);
    await hand.end();
  }
}

test(
  'a payout that came back: the return has its posting, its event and its webhook; the fee is what is lost',
  async () => {
    const m = await th.merchant({ available: 10_000_00n, terms: { feeFixed: 15_00n } });
    await th.post('/v1/webhook-endpoints', m, { url: 'http://127.0.0.1:9/hook' });
    const id = await pay(m, 1500);
    const before = await explained(id);
    expect(before).toContain('  sum      reserved 1515.00 = still held 1515.00\n');
    await th.work(m);
    await says(m, id, { kind: 'returned', rrn: null, code: '14' });
    await th.work(m);
    const out = await explained(id);
    expect(out).toMatch(new RegExp(`^payout ${id}: settled, 1500\\.00 KZT and a fee of 15\\.00 KZT to visa …1111\nmerchant ${m.merchantId}\n`));
    for (const part of [
      /return +1500\.00 KZT came back, 14, as [0-9a-f-]{36}/,
      /posting +return: clearing:processor\/KZT → available\/KZT +1500\.00 KZT/,
      /event +transaction\.returned +by callback/,
      /webhook +transaction\.returned try 1: /,
    ])
      expect(out).toMatch(part);
    expect(
      out
        .split('\n')
        .slice(-4)
        .map((line) => line.trim()),
    ).toEqual([
      'sum      reserved 1515.00 = settled 1500.00 + fee 15.00',
      'sum      returned 1500.00',
      'balance  available/KZT: reserved -1515.00, returned +1500.00; lost 15.00 KZT in all',
      '',
    ]);
  },
  patience,
);

test(
  'a payout that was paid after all waits in suspense, and one that was refused at once moved nothing',
  async () => {
    const m = await th.merchant({ available: 10_000_00n });
    th.bank.script.send = () => ({ kind: 'declined', code: '05', message: 'no' });
    const [declined, refused] = [await pay(m, 1500), await pay(m, 1_000_000)];
    await th.work(m);
    await says(m, declined, { kind: 'executed', rrn: null, executedAt: null });
    const out = await explained(declined);
    expect(out).toMatch(/incident executed_after_refusal: callback says executed/);
    expect(out).toMatch(/posting +suspense: suspense\/KZT → clearing:processor\/KZT +1500\.00 KZT/);
    expect(
      out
        .slice(out.indexOf('sum '))
        .split('\n')
        .map((line) => line.trim()),
    ).toEqual([
      'sum      reserved 1500.00 = released 1500.00',
      'sum      in suspense 1500.00, for a person to settle',
      'balance  available/KZT: reserved -1500.00, released +1500.00; neither lost nor gained in all',
      '',
    ]);
    expect(await explained(refused)).toMatch(/rejected, 1000000\.00 KZT to visa …1111, 51: insufficient funds[^]*sum +no money was moved\n$/);
  },
  2 * patience,
);

test(
  'a distribution that came back',
  async () => {
    const m = await th.merchant({ available: 5_000_00n });
    const id = await distribute(m, 'D-1', 1500_00);
    await th.work(m);
    await says(m, id, { kind: 'returned', rrn: null, code: 'AC04' });
    const out = await explained(id);
    expect(out).toMatch(/event +distribution\.returned +by callback/);
    expect(out).toMatch(/reserved 1500\.00 = settled 1500\.00\n +sum +returned 1500\.00\n.*neither lost nor gained in all\n$/);
    expect(out).not.toContain(recipient.iban);
  },
  patience,
);

test(
  'a settlement order is told as one, by the account that it was taken from; and so is that account',
  async () => {
    const m = await th.merchant({ available: 100_00n });
    const partners = '/v1/merchants/payment-beneficiaries';
    const { id: partner } = (await th.post(partners, m, recipient)).body;
    const payment = await authorize(m, 80_00);
    await operate(m, payment, 'capture', 80_00);
    const shared = await th.post('/v1/merchants/split-requests', m, { transactionId: payment, items: [{ beneficiaryId: partner, amount: 50_00 }] });
    expect(shared.body.status).toBe('processed');
    const { id } = (await th.post(`${partners}/${partner}/settlements`, m, { amount: 30_00, currency: 'KZT' })).body;
    await th.work(m);
    await says(m, id, { kind: 'returned', rrn: null, code: 'AC04' });
    const order = await explained(id);
    expect(order).toMatch(new RegExp(`^settlement order ${id}: settled, 30\\.00 KZT to KCJBKZKX …0100, .*for beneficiary ${partner}\n`));
    expect(order).toContain(`balance  beneficiary:${partner}/KZT: reserved -30.00, returned +30.00; neither lost nor gained in all\n`);
    const balance = await explained(`${m.merchantId}/beneficiary:${partner}/KZT`);
    expect(balance).toMatch(new RegExp(`^beneficiary:${partner}/KZT: 50\\.00 KZT\n`));
    expect(balance).toContain('  in 80.00 - out 30.00 = 50.00 KZT, which is the balance\n');
  },
  2 * patience,
);

test(
  'a wallet payment by either of its ids, and by that of an operation; whose wallet it is, is not told',
  async () => {
    const m = await th.merchant();
    await th.post('/v1/webhook-endpoints', m, { url: 'http://127.0.0.1:9/hook', events: ['wallet_transaction.captured'] });
    const id = await authorize(m, 150_00);
    await operate(m, id, 'capture', 100_00);
    await operate(m, id, 'cancel', 20_00);
    await operate(m, id, 'refund', 40_00);
    th.walletBank.script.operate = () => ({ kind: 'declined', code: '57', message: 'not now' });
    await operate(m, id, 'refund', 5_00);
    const out = await explained(id);
    const operation = /refund (wo_[0-9A-Z]{26}): failed, 57: not now/.exec(out)?.[1];
    expect(out.startsWith(`wallet payment ${id}: success, 150.00 KZT, reference W-1\nmerchant ${m.merchantId}, id ${walletIdIn(id)}\n`)).toBe(true);
    for (const part of [
      /bank +the customer’s consent prepared as /,
      /bank +the customer’s consent sent/,
      /state +processing → success +by call/,
      /wallet +capture wo_\w+: 100\.00 KZT asked for/,
      /bank +capture wo_\w+ prepared as /,
      /bank +capture wo_\w+ done/,
      /posting +capture: clearing:processor\/KZT → available\/KZT +100\.00 KZT/,
      /event +wallet_transaction\.captured +by call/,
      /webhook +wallet_transaction\.captured try 1: /,
      /bank +refund wo_\w+ declined, by decline/,
      /now +30\.00 KZT can be captured until \d{4}-/,
    ])
      expect(out).toMatch(part);
    expect(
      out
        .slice(out.indexOf('sum '))
        .split('\n')
        .map((line) => line.trim()),
    ).toEqual([
      'sum      authorised 150.00 = captured 100.00 + cancelled 20.00 + not used 30.00',
      'sum      captured 100.00 = refunded 40.00 + kept 60.00',
      'sum      reserved 45.00 = refunded 40.00 + released 5.00',
      'balance  available/KZT: captured +100.00, reserved -45.00, released +5.00; gained 60.00 KZT in all',
      '',
    ]);
    for (const personal of ['7012345678', '880707300154']) expect(out).not.toContain(personal);
    expect(operation).toBeDefined();
    for (const other of [walletIdIn(id), operation as string]) expect(await explained(other)).toBe(out);
  },
  2 * patience,
);

test(
  'a balance is the sum of its postings by kind, and what is held has holders that sum to it, the oldest first',
  async () => {
    const m = await th.merchant({ available: 10_000_00n, terms: { feeFixed: 1_00n } });
    await pay(m, 100);
    await th.work(m);
    const id = await authorize(m, 70_00);
    await operate(m, id, 'capture', 70_00);
    await th.post(`/v1/wallet/${id}/refund`, m, { amount: 30_00 });
    const first = await pay(m, 10);
    for (let i = 1; i <= 20; i++) await distribute(m, `D-${i}`, i * 100);
    await pay(m, 20);

    const available = await explained(`${m.merchantId}/available/KZT`);
    expect(available).toMatch(new RegExp(`^available/KZT: 9697\\.00 KZT\nmerchant ${m.merchantId}\n`));
    for (const row of [/capture +1 +70\.00 +0\.00/, /reserve +27 +0\.00 +373\.00/, /topup +1 +10000\.00 +0\.00/, /sum +29 +10070\.00 +373\.00/])
      expect(available).toMatch(row);
    expect(available).toContain('  in 10070.00 - out 373.00 = 9697.00 KZT, which is the balance\n');
    expect(available.split('the last 10 postings, newest first\n')[1]?.trimEnd().split('\n')).toHaveLength(10);

    const held = await explained(`${m.merchantId}/held/KZT`);
    for (const row of [/payout +2 +32\.00/, /distribution +20 +210\.00/, /refund +1 +30\.00/, /sum +23 +272\.00 KZT, which is the balance/])
      expect(held).toMatch(row);
    const [, listed = '', rest = ''] = /oldest first\n([^]*?)\n {2}and (.*)\n/.exec(held) ?? [];
    expect(listed.split('\n')).toHaveLength(20);
    expect(listed.split('\n')[1]).toMatch(new RegExp(`payout +11\\.00 +${first} +new$`));
    expect(rest).toBe('3 more, 60.00 KZT');

    const clearing = await explained(`${m.merchantId}/clearing:processor/KZT`);
    expect(clearing).toContain('  in 100.00 - out 70.00 = 30.00 KZT, which is the balance\n');
    expect(clearing).toContain('all 2 postings, newest first\n');
  },
  2 * patience,
);

test(
  'what does not add up is said, with exit code 1',
  async () => {
    const m = await th.merchant({ available: 10_000_00n });
    const settled = await pay(m, 1500);
    const wallet = await authorize(m, 90_00);
    await operate(m, wallet, 'capture', 90_00);
    await pay(m, 10);
    const posting = (by: string) => `update tolem.transfer set amount = amount ${by} where object_id = $1 and kind = 'settle'`;
    const payout = await tampered(posting('+ 1'), posting('- 1'), [settled], () => tolem(env, 'explain', settled));
    expect([payout.code, payout.told]).toEqual([1, '']);
    expect(payout.out).toContain('  DOES NOT ADD UP: settled, so 1500.00 KZT should be settled; the postings say 1500.01 KZT\n');

    const capture = (by: string) => `update tolem.wallet_authorization set captured = captured ${by} where id = $1`;
    const payment = await tampered(capture('- 1'), capture('+ 1'), [walletIdIn(wallet)], () => tolem(env, 'explain', wallet));
    expect([payment.code, payment.told]).toEqual([1, '']);
    expect(payment.out).toContain('sum      captured 90.00 ≠ kept 89.99\n');
    expect(payment.out).toContain('  DOES NOT ADD UP: the payment says captured 89.99 KZT; the postings say 90.00 KZT\n');

    const balance = (by: string) => `update tolem.account set balance = balance ${by} where merchant_id = $1 and id = 'held/KZT'`;
    const held = await tampered(balance('+ 1'), balance('- 1'), [m.merchantId], () => tolem(env, 'explain', `${m.merchantId}/held/KZT`));
    expect([held.code, held.told]).toEqual([1, '']);
    expect(held.out).toContain('  DOES NOT ADD UP: the postings sum to 10.00 KZT, but the balance is 10.01 KZT\n');
    expect(held.out).toContain('  DOES NOT ADD UP: what is open holds 10.00 KZT, but the balance is 10.01 KZT\n');
    for (const id of [settled, wallet, `${m.merchantId}/held/KZT`]) await explained(id);
  },
  2 * patience,
);

test('what is explained is read at one moment, whatever is posted meanwhile', async () => {
  const m = await th.merchant({ available: 100_00n });
  const { broken, lines } = await inSnapshot(th.house.db, m.merchantId, async (tx) => {
    await balances(tx);
    await th.post('/v1/sandbox/topup', m, { amount: 1_00, currency: 'KZT' });
    return balanceStory(tx, 'available/KZT');
  });
  expect([broken, lines[0]]).toEqual([[], 'available/KZT: 100.00 KZT']);
  expect((await th.balances(m)).available).toBe(101_00n);
});
