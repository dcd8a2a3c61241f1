/**
 * A month that nobody planned, and whether other programs find in its books what we say of them: at its end, and at the end of
 * each of its days. MONTH_SEED gives a month again.
 */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { verify } from '../../src/audit/verify.ts';
import type { InquiryOutcome } from '../../src/connectors/connector.ts';
import { balanceStory } from '../../src/cli/explain/balance.ts';
import { distributionStory, payoutStory } from '../../src/cli/explain/outgoing.ts';
import { inSnapshot } from '../../src/cli/explain/story.ts';
import { walletStory } from '../../src/cli/explain/wallet.ts';
import type { Tx } from '../../src/db/db.ts';
import { type Sql, sql } from '../../src/db/sql.ts';
import { balanceAsOf } from '../../src/ledger/statement.ts';
import type { Terms } from '../../src/merchants/merchants.ts';
import { toMajorNumber, toMinor } from '../../src/money.ts';
import { type Authorization, listAuthorizations, remainder } from '../../src/wallet/authorization.ts';
import { walletId } from '../../src/wallet/view.ts';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';
import { freshDatabase } from '../harness/template.ts';
import { Dice } from '../sim/dice.ts';
import { accountant, believed, build, type Env, type Format, formats, patience, tolem, tolemReadLate, workplace } from './tolem.fixture.ts';

const DAY = 86_400_000;
const seed = process.env.MONTH_SEED ?? String(Date.now());
const dice = new Dice(`month ${seed}`);

let env: Env;
let place: ReturnType<typeof workplace>;
let th: TestHouse;
let shops: Shop[];

/** Currencies of two, no and three decimals. */
interface Shop {
  m: TestMerchant;
  currencies: string[];
  /** a beneficiary */
  partner: string;
}

/** What happens in the month, and how often. */
const acts = { topUp: 24, payout: 80, distribution: 50, consent: 40, capture: 40, cancel: 10, refund: 20, comeBack: 14, contradict: 3, share: 16, order: 12 };
type Act = keyof typeof acts;

/** What becomes of an amount is in its last two digits, as with the sandbox bank. */
const fates = { done: 0, declined: 5, failed: 91, lost: 22, slow: 24, neverCame: 23 };
const anyAmount = (own: Dice, least: number, most: number): bigint => {
  const fate = own.weighed([
    [70, fates.done],
    [12, fates.declined],
    [4, fates.failed],
    [7, fates.lost],
    [5, fates.slow],
    [2, fates.neverCame],
  ]);
  return BigInt(own.int(least, most)) * 100n + BigInt(fate);
};
const is = (amount: bigint, fate: keyof typeof fates): boolean => amount % 100n === BigInt(fates[fate]);

const until = (at: number): Promise<void> => th.later(Math.max(0, at - th.house.clock.now().getTime()) / 1000);

/** A bank and a wallet that lose answers, think for days, and refuse. */
function scriptBanks(): void {
  const days = dice.of('bank');
  const thinks = new Map<string, number>();
  const now = () => th.house.clock.now().getTime();
  th.bank.script = {
    send({ amount, reference }) {
      if (is(amount, 'declined')) return { kind: 'declined', code: '05', message: 'no' };
      if (is(amount, 'failed')) return { kind: 'declined', code: '91', message: 'a technical fault' };
      if (is(amount, 'neverCame')) return { kind: 'unknown', why: 'no answer' };
      if (is(amount, 'slow')) return (thinks.set(reference, now() + days.int(1, 3) * DAY), { kind: 'pending' });
      const executed = th.bank.execute(reference);
      return is(amount, 'lost') ? { kind: 'unknown', why: 'no answer' } : executed;
    },
    inquire(reference) {
      const at = thinks.get(reference);
      if (at === undefined) return undefined as never; // what the bank knows of it
      return now() < at ? { kind: 'pending' } : (th.bank.execute(reference) as InquiryOutcome);
    },
  };
  th.walletBank.script = {
    authorize(asked) {
      if (is(asked.amount, 'declined')) return { kind: 'declined', code: '05', message: 'the customer declined' };
      return is(asked.amount, 'lost') ? (th.walletBank.consent(asked), { kind: 'unknown', why: 'no answer' }) : undefined;
    },
    operate(asked) {
      if (is(asked.amount, 'declined')) return { kind: 'declined', code: '57', message: 'not now' };
      return is(asked.amount, 'lost') ? (th.walletBank.carryOut(asked), { kind: 'unknown', why: 'no answer' }) : undefined;
    },
  };
}

/** Thirty days: what happens is shuffled over them, and what is due is looked after now and then, some of it after midnight. */
async function liveThrough(start: number): Promise<void> {
  const list = dice.shuffled((Object.keys(acts) as Act[]).flatMap((act) => Array.from({ length: acts[act] }, () => act)));
  const times = list.map(() => start + Math.floor(dice.fraction() * 30 * DAY)).toSorted((a, b) => a - b);
  for (const { m, currencies } of shops)
    for (const currency of currencies) expect((await th.post('/v1/sandbox/topup', m, { amount: 2_000_000, currency })).status).toBe(201);
  for (const [i, act] of list.entries()) {
    await until(times[i] as number);
    const shop = dice.pick(shops);
    await deeds[act](shop, `${act}-${i}`, dice.of(`${act} ${i}`)); // dice of its own: what one comes upon changes nothing for the others
    if (dice.chance(0.6)) await th.work(shop.m);
  }
  await until(start + 30 * DAY - 60_000);
  for (const { m } of shops) await th.work(m);
}

const recipient = { name: 'TOO Credit Partner', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' };
const PARTNERS = '/v1/merchants/payment-beneficiaries';

async function shop(currencies: string[], terms: Partial<Terms>): Promise<Shop> {
  const m = await th.merchant({ available: 5_000_000n, terms });
  return { m, currencies, partner: (await th.post(PARTNERS, m, recipient)).body.id };
}

const deeds: Record<Act, (shop: Shop, name: string, own: Dice) => Promise<void>> = {
  async topUp({ m, currencies }, _, own) {
    const { status } = await th.post('/v1/sandbox/topup', m, { amount: own.int(1, 1_000_000), currency: own.pick(currencies) });
    expect(status).toBe(201);
  },
  async payout({ m, currencies }, _, own) {
    const currency = own.pick(currencies);
    const { status } = await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: toMajorNumber(anyAmount(own, 1, 1500), currency), currency });
    expect(status).toBe(201);
  },
  async distribution({ m }, name, own) {
    const asked = { orderReference: name, amount: Number(anyAmount(own, 1, 3000)), currency: 'KZT', recipient, paymentPurpose: 'p' };
    expect([201, 422]).toContain((await th.post('/v1/distributions', m, asked)).status); // the balance may be too small
  },
  async consent({ m, currencies }, name, own) {
    const asked = {
      amount: Number(anyAmount(own, 10, 3000)),
      phoneNumber: '+77012345678',
      iin: '880707300154',
      orderReference: name,
      currency: own.pick(currencies),
    };
    expect((await th.post('/v1/wallet/authorize', m, asked, { 'idempotency-key': name })).status).toBe(201);
  },
  capture: (shop, name, own) => operate(shop, 'capture', name, own),
  cancel: (shop, name, own) => operate(shop, 'cancel', name, own),
  refund: (shop, name, own) => operate(shop, 'refund', name, own),
  async share({ m, partner }, _, own) {
    const [paid] = own.shuffled(await consents(m, (a) => (a.currency === 'KZT' ? a.captured : 0n)));
    const items = [{ beneficiaryId: partner, percent: own.int(1, 10_000) / 100 }];
    if (paid) expect([201, 409, 422]).toContain((await th.post('/v1/merchants/split-requests', m, { transactionId: paid.id, items })).status); // it may be shared already
  },
  async order({ m, partner }, _, own) {
    const { balance } = (await th.get(`${PARTNERS}/${partner}`, m)).body;
    if (balance > 0) expect((await th.post(`${PARTNERS}/${partner}/settlements`, m, { amount: own.int(1, balance), currency: 'KZT' })).status).toBe(201);
  },
  comeBack: ({ m }, name, own) => tell(m, 'settled', { kind: 'returned', rrn: null, code: '14' }, name, own),
  contradict: ({ m }, name, own) => tell(m, 'rejected', { kind: 'executed', rrn: null, executedAt: null }, name, own),
};

/** Consents of which something is left, by the ids that merchants know. */
async function consents(m: TestMerchant, left: (a: Authorization) => bigint): Promise<{ id: string; most: bigint }[]> {
  const all = await th.house.db.merchant(m.merchantId, (tx) => listAuthorizations(tx, { orderReference: undefined, state: 'success' }, null, 1000));
  return all.map((a) => ({ id: walletId(a.id), most: left(a) })).filter(({ most }) => most > 0n);
}

/** Does something with a part of what may be captured, cancelled or refunded, where there is any. */
async function operate({ m }: Shop, kind: 'capture' | 'cancel' | 'refund', name: string, own: Dice): Promise<void> {
  const may = await consents(m, (a) => (kind === 'refund' ? a.captured - a.refunding - a.refunded : remainder(a)));
  if (may.length === 0) return;
  const { id, most } = own.pick(may);
  const amount = own.chance(0.5) ? Number(most) : own.int(1, Number(most));
  const { status } = await th.post(`/v1/wallet/${id}/${kind}`, m, { amount }, { 'idempotency-key': name });
  expect([200, 409, 422]).toContain(status); // it may have expired, and a refund needs the balance
}

/** The bank says something unasked of what has ended so. */
async function tell(
  m: TestMerchant,
  state: 'settled' | 'rejected',
  verdict: { kind: 'returned'; rrn: null; code: string } | { kind: 'executed'; rrn: null; executedAt: null },
  name: string,
  own: Dice,
): Promise<void> {
  const ended = await th.house.db.merchant(m.merchantId, (tx) =>
    tx.rows<{ id: string }>(sql`
      select p.id from payout p where p.merchant_id = ${tx.merchantId} and p.state = ${state} and exists (select 1 from submission s where s.merchant_id = p.merchant_id and s.payout_id = p.id)
      union all select d.id from distribution d where d.merchant_id = ${tx.merchantId} and d.state = ${state} order by 1`),
  );
  if (ended.length === 0) return;
  const callback = { processor: 'processor', dedupeKey: name };
  await th.house.sending.outcomes.submit(m.merchantId, { payoutId: own.pick(ended).id, verdict, source: 'callback', callback });
}

/** For each account and commodity, the balance at the end of each of these days, in minor units. Where all are zero there is no row. */
type Balances = Record<string, string[]>;

/** What hledger makes of a journal. */
async function theirs(journal: string): Promise<{ days: string[]; balances: Balances } | undefined> {
  const command = ['hledger', 'balance', '--daily', '--historical', '--no-total', '--layout=bare', '-O', 'csv', '-f'];
  const said = await accountant(place.dataDir, 'hledger', journal, command);
  if (!said) return undefined;
  expect([said.code, said.told]).toEqual([0, '']);
  const [[, , ...days] = [], ...rows] = said.out
    .trim()
    .split('\n')
    .map((line) => line.slice(1, -1).split('","'));
  return {
    days,
    balances: nonZero(
      rows.map(([account, commodity = '', ...values]) => [
        `${account} ${commodity}`,
        values.map((value) => String(value.startsWith('-') ? -toMinor(value.slice(1), commodity) : toMinor(value, commodity))),
      ]),
    ),
  };
}

/** All of a merchant's, and those of its beneficiaries. */
const accountsOf = (tx: Tx) => tx.rows<{ id: string; currency: string }>(sql`select a.id, a.currency from account a where a.merchant_id = ${tx.merchantId}`);

/** What our statements say. The export has no currency in the names of its accounts, and a hyphen for the first colon. */
async function ours(days: string[]): Promise<Balances> {
  const perShop = shops.map(({ m }) =>
    th.house.db.merchant(m.merchantId, async (tx) => {
      const rows: [string, string[]][] = [];
      for (const { id: account, currency } of await accountsOf(tx)) {
        const values = await Promise.all(days.map((day) => balanceAsOf(tx, account, new Date(`${day}T23:59:59.999Z`))));
        rows.push([`m${m.merchantId.replaceAll('-', '')}:${account.replace(`/${currency}`, '').replace(':', '-')} ${currency}`, values.map(String)]);
      }
      return rows;
    }),
  );
  return nonZero((await Promise.all(perShop)).flat());
}

const nonZero = (rows: [string, string[]][]): Balances => Object.fromEntries(rows.filter(([, values]) => values.some((value) => value !== '0')));

const exports: Partial<Record<Format, string>> = {};
/** As the command writes it, which is asked once. */
async function exported(format: Format): Promise<string> {
  if (exports[format]) return exports[format];
  const { code, out, told } = await tolem(env, 'books', 'export', '--format', format);
  expect([code, told]).toEqual([0, '']);
  return (exports[format] = out);
}

describe(`the month of MONTH_SEED=${seed}`, () => {
  beforeAll(async () => {
    await build();
    const url = await freshDatabase(inject('postgres'));
    place = workplace(url);
    env = { ...place.env, PROCESSOR_URL: 'http://127.0.0.1:9' };
    th = await openTestHouse({ url });
    scriptBanks();
    const now = th.house.clock.now().getTime();
    await until(now - (now % DAY) + DAY);
    shops = await Promise.all([
      shop(['KZT'], { feeFixed: 15_00n, feeBasisPoints: 25 }), //
      shop(['KZT', 'JPY', 'KWD'], {}),
    ]);
    await liveThrough(now - (now % DAY) + DAY);
  }, 2 * patience);
  afterAll(async () => {
    place.leave();
    const broken = (await verify(th.url)).filter(({ violations }) => violations > 0);
    await th.close();
    expect(broken).toEqual([]);
  });

  test('has something of everything', async () => {
    const journal = await exported('hledger');
    const kinds = [...journal.matchAll(/^\d{4}-\d\d-\d\d ([a-z]+) [0-9a-f-]{36}$/gm)].map(([, kind]) => kind);
    for (const kind of ['topup', 'reserve', 'settle', 'release', 'capture', 'return']) expect(kinds).toContain(kind);
    expect(kinds.length).toBeGreaterThan(300);
    expect(new Set(journal.match(/^\d{4}-\d\d-\d\d/gm)).size).toBeGreaterThan(25);
  });

  test(
    'the export is whole, however late its reader begins',
    async () => {
      const journal = await exported('hledger');
      expect(journal.length).toBeGreaterThan(65_536); // more than a pipe holds
      const late = await tolemReadLate(env, 'books', 'export');
      expect([late.code, late.told, late.out.length]).toEqual([0, '', journal.length]);
      expect(late.out === journal).toBe(true);
    },
    patience,
  );

  test.each(formats)(
    '%s believes the books',
    async (format) => {
      const said = await believed(place.dataDir, format, await exported(format));
      if (said) expect([said.code, said.told]).toEqual([0, '']);
    },
    patience,
  );

  test(
    'hledger finds the same balance of each account at the end of each day, and sees a posting that is on another day',
    async () => {
      const journal = await exported('hledger');
      const they = await theirs(journal);
      if (!they) return;
      expect(they.days.length).toBeGreaterThan(29);
      const we = await ours(they.days);
      expect(they.balances).toEqual(we);
      expect(Object.keys(we).length).toBeGreaterThan(12);
      const [posting = '', day = ''] = [...journal.matchAll(/^(\S+) [a-z]+ [0-9a-f-]{36}$/gm)][100] ?? [];
      const next = new Date(Date.parse(day) + DAY).toISOString().slice(0, 10);
      const moved = await theirs(journal.replace(posting, posting.replace(day, next)));
      expect(moved?.balances).not.toEqual(we);
    },
    patience,
  );

  test(
    'explain finds that each balance, and each thing that was done, adds up',
    async () => {
      for (const { m } of shops) {
        const told = await inSnapshot(th.house.db, m.merchantId, async (tx) => {
          const of = (query: Sql) => tx.rows<{ id: string }>(query);
          const stories = [
            ...(await accountsOf(tx)).map(({ id }) => balanceStory(tx, id)),
            ...(await of(sql`select p.id from payout p where p.merchant_id = ${tx.merchantId}`)).map(({ id }) => payoutStory(tx, id)),
            ...(await of(sql`select d.id from distribution d where d.merchant_id = ${tx.merchantId}`)).map(({ id }) => distributionStory(tx, id)),
            ...(await of(sql`select a.id from wallet_authorization a where a.merchant_id = ${tx.merchantId}`)).map(({ id }) => walletStory(tx, id)),
          ];
          return Promise.all(stories);
        });
        expect(told.length).toBeGreaterThan(50);
        expect(told.filter(({ broken }) => broken.length > 0)).toEqual([]);
      }
    },
    patience,
  );
});
