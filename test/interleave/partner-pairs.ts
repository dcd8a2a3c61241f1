/** partner-pairs.ts: distributions, and what is shared with partners: who meets whom over a balance, a payment or an invoice. */
import assert from 'node:assert/strict';
import { beneficiaryAccount } from '../../src/ledger/books.ts';
import { walletIdIn } from '../../src/wallet/view.ts';
import type { Pair } from './explore.ts';
import type { Result } from './schedule.ts';
import type { Answered, Founder, Scene, Side } from './world.ts';

type AnyScene = Scene<Record<string, string>>;
type Party = (side: Side, scene: AnyScene) => Promise<Answered>;
const define = <T extends Record<string, string>>(pair: Pair<T>): Pair => pair as unknown as Pair;
const given = <T>(result: Result<T>): T => {
  if (!result.ok) throw result.error;
  return result.value;
};
const statuses = (...results: Result<Answered>[]): number[] => results.map((result) => given(result).status).sort();

const account = { name: 'TOO Partner', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' };
const distribution =
  (amount: number, orderReference: string, key?: string): Party =>
  (side, { merchantId }) =>
    side.post(merchantId, '/v1/distributions', { orderReference, amount, currency: 'KZT', recipient: account, paymentPurpose: 'p' }, key);
const toPartner =
  (verb: 'transfer' | 'settlements', amount: number): Party =>
  (side, { merchantId, made }) =>
    side.post(merchantId, `/v1/merchants/payment-beneficiaries/${made.b1}/${verb}`, { amount, currency: 'KZT' }, verb);
const split =
  (amount: number, key = 's'): Party =>
  (side, { merchantId, made }) =>
    side.post(merchantId, '/v1/merchants/split-requests', { orderReference: 'o', items: [{ beneficiaryId: made.b1, amount }] }, key);
const work = (side: Side, { merchantId }: AnyScene): Promise<number> => side.workWallet(merchantId);

const balanceOf = async ({ rows, merchantId }: AnyScene, id: string): Promise<string> =>
  (await rows<{ balance: string }>('select balance from tolem.account where merchant_id = $1 and id = $2', [merchantId, id]))[0]?.balance ?? '0';
const partnerHas = (scene: AnyScene): Promise<string> => balanceOf(scene, beneficiaryAccount(scene.made.b1 as string, 'KZT'));
const splitsOf = ({ rows, merchantId }: AnyScene): Promise<{ state: string; given: string }[]> =>
  rows('select state, coalesce((select sum(p) from unnest(parts) p), 0)::text as given from tolem.split_request where merchant_id = $1 order by given, state', [
    merchantId,
  ]);

/** A partner, with a balance of its own. */
const partner =
  (amount = 0n) =>
  async (founder: Founder): Promise<{ b1: string }> => {
    const { body } = await founder.side.post(founder.merchantId, '/v1/merchants/payment-beneficiaries', account);
    if (amount > 0n) await founder.topUp(amount, 'KZT', beneficiaryAccount(body.id, 'KZT'));
    return { b1: body.id };
  };

const customer = { phoneNumber: '+77012345678', iin: '880707300154', orderReference: 'o', currency: 'KZT' };
/** A partner and a wallet payment of 100, of which as much was captured; and as much more is to be captured, and not carried out yet. */
const paying =
  (captured: number, capturing: number) =>
  async (founder: Founder): Promise<{ b1: string; w1: string }> => {
    const { side, merchantId } = founder;
    const { b1 } = await partner()(founder);
    const { body } = await side.post(merchantId, '/v1/wallet/authorize', { amount: 100, ...customer }, 'w1');
    await side.workWallet(merchantId);
    const capture = (amount: number, key: string) => side.post(merchantId, `/v1/wallet/${body.walletTransactionId}/capture`, { amount }, key);
    if (captured > 0) await capture(captured, 'c1');
    await side.workWallet(merchantId);
    if (capturing > 0) await capture(capturing, 'c2');
    return { b1, w1: walletIdIn(body.walletTransactionId) };
  };
/** The bank knows what was agreed. */
async function remember({ rows, merchantId, walletBank }: AnyScene): Promise<void> {
  const [{ reference, captured }] = (await rows('select reference, captured from tolem.wallet_authorization where merchant_id = $1', [merchantId])) as [
    { reference: string; captured: string },
  ];
  walletBank.consent({ reference, amount: 100n });
  if (captured !== '0') walletBank.carryOut({ kind: 'capture', reference: 'before', authorization: reference, amount: BigInt(captured) });
}
/** Until nothing is underway. */
async function finish({ clock, free, merchantId }: AnyScene): Promise<void> {
  for (let round = 0; round < 12; round++) {
    clock.advance(60_000);
    if ((await free.workWallet(merchantId)) === 0 && round > 2) break;
  }
}
/** What came in is then what the merchant and its partner have. */
async function drain(scene: AnyScene): Promise<void> {
  await finish(scene);
  const [{ captured }] = (await scene.rows('select captured from tolem.wallet_authorization where merchant_id = $1', [scene.merchantId])) as [
    { captured: string },
  ];
  assert.equal(BigInt(await balanceOf(scene, 'available/KZT')) + BigInt(await partnerHas(scene)), BigInt(captured));
}
/** With a split that waits, whose id is kept under a name. */
const withSplit =
  (amount: number) =>
  async (scene: AnyScene): Promise<void> => {
    await remember(scene);
    const { status, body } = await split(amount)(scene.free, scene);
    assert.equal(status, 201);
    scene.made.s1 = body.id;
  };

const sharing: Pair[] = [
  define({
    name: 'split: the money comes in ‖ a share of it is asked for',
    found: paying(0, 100),
    ...{ begin: remember, a: work, b: split(60) },
    async judge(scene, _, b) {
      assert.equal(given(b as Result<Answered>).status, 201);
      await drain(scene);
      assert.deepEqual(await splitsOf(scene), [{ state: 'processed', given: '60' }]);
    },
  }),
  define({
    name: 'split: a share ‖ a share, more than what came in',
    found: paying(100, 0),
    ...{ begin: remember, alike: true, a: split(60, 'ka'), b: split(60, 'kb') },
    async judge(scene, a, b) {
      assert.deepEqual(statuses(a as Result<Answered>, b as Result<Answered>), [201, 201]);
      await drain(scene);
      assert.deepEqual((await splitsOf(scene)).map(({ state }) => state).sort(), ['created', 'processed']);
      assert.equal(await partnerHas(scene), '60');
    },
  }),
  define({
    name: 'split: the money comes in ‖ other shares are asked for',
    found: paying(0, 100),
    ...{ begin: withSplit(60), a: work },
    b: (side: Side, { merchantId, made }: AnyScene) =>
      side.request('PATCH', merchantId, `/v1/merchants/split-requests/${made.s1}`, { items: [{ beneficiaryId: made.b1, amount: 40 }] }),
    async judge(scene, _, b, { crashed }) {
      const { status } = given(b as Result<Answered>);
      await drain(scene);
      const [one] = await splitsOf(scene);
      assert.ok(status === 200 || status === 409);
      assert.ok(one?.state === 'processed' && ['40', '60'].includes(one.given));
      // Changed, and asked again since the answer was lost: then it is too late for a change.
      if (!crashed) assert.equal(one.given, status === 200 ? '40' : '60');
    },
  }),
  define({
    name: 'split: the money comes in ‖ it is deleted',
    found: paying(0, 100),
    ...{ begin: withSplit(60), a: work },
    b: (side: Side, { merchantId, made }: AnyScene) => side.request('DELETE', merchantId, `/v1/merchants/split-requests/${made.s1}`),
    async judge(scene, _, b, { crashed }) {
      const { status } = given(b as Result<Answered>);
      await drain(scene);
      const [one] = await splitsOf(scene);
      assert.ok(status === 204 || status === 409);
      assert.ok(one && ['processed 60', 'deleted 0'].includes(`${one.state} ${one.given}`));
      if (!crashed) assert.equal(one.state, status === 204 ? 'deleted' : 'processed');
    },
  }),
  define({
    name: 'split: the money comes in ‖ the partner is made inactive',
    found: paying(0, 100),
    ...{ begin: withSplit(60), a: work },
    b: (side: Side, { merchantId, made }: AnyScene) =>
      side.request('PATCH', merchantId, `/v1/merchants/payment-beneficiaries/${made.b1}`, { status: 'inactive' }),
    async judge(scene, _, b) {
      assert.equal(given(b as Result<Answered>).status, 200);
      await drain(scene);
      const [one] = await splitsOf(scene);
      assert.ok(one && ['processed 60', 'failed 0'].includes(`${one.state} ${one.given}`));
    },
  }),
  define({
    name: 'split: the money comes in ‖ it is spent',
    found: paying(60, 40),
    ...{ begin: withSplit(100), a: work, b: distribution(60, 'd', 'kd') },
    async judge(scene, _, b) {
      const { status } = given(b as Result<Answered>);
      await finish(scene);
      const [one] = await splitsOf(scene);
      // Shared first, nothing is left to spend; spent first, the balance does not cover the shares.
      assert.deepEqual([status, one?.state], status === 201 ? [201, 'failed'] : [422, 'processed']);
    },
  }),
];

const orders: Pair[] = [
  define({
    name: 'distribution ‖ distribution on the last unit',
    found: async (founder) => (await founder.topUp(100n), {}),
    ...{ alike: true, a: distribution(60, 'd1', 'ka'), b: distribution(60, 'd2', 'kb') },
    async judge(_, a, b) {
      assert.deepEqual(statuses(a, b), [201, 422]);
    },
  }),
  define({
    name: 'distribution ‖ payout on the last unit',
    found: async (founder) => (await founder.topUp(100n), {}),
    a: distribution(60, 'd1', 'ka'),
    b: (side: Side, { merchantId, cardToken }: AnyScene) => side.post(merchantId, '/v1/payout', { tokenId: cardToken, amount: 0.6 }, 'kb'),
    async judge(scene, a, b) {
      const [first, second] = [given(a), given(b)];
      assert.deepEqual([first.status, second.body.status], first.status === 201 ? [201, 'rejected'] : [422, 'new']);
      assert.equal(await balanceOf(scene, 'available/KZT'), '40');
    },
  }),
  define({
    name: 'distribution ‖ distribution of one order',
    found: async (founder) => (await founder.topUp(100n), {}),
    ...{ alike: true, a: distribution(10, 'd', 'ka'), b: distribution(10, 'd', 'kb') },
    async judge(scene, a, b) {
      assert.deepEqual(statuses(a, b), [201, 409]);
      assert.equal(await balanceOf(scene, 'available/KZT'), '90');
    },
  }),
  define({
    name: 'distribution ‖ the same, of one key',
    found: async (founder) => (await founder.topUp(100n), {}),
    ...{ alike: true, a: distribution(10, 'd', 'k'), b: distribution(10, 'd', 'k') },
    async judge(scene, a, b) {
      assert.equal(given(a).text, given(b).text, 'both get the same bytes');
      assert.equal(await balanceOf(scene, 'available/KZT'), '90');
    },
  }),
  define({
    name: 'partner: a transfer back ‖ a settlement of the same money',
    found: partner(100n),
    ...{ a: toPartner('transfer', 60), b: toPartner('settlements', 60) },
    async judge(scene, a, b) {
      assert.deepEqual(statuses(a as Result<Answered>, b as Result<Answered>), [201, 422]);
      assert.equal(await partnerHas(scene), '40');
    },
  }),
  define({
    name: 'settlement order ‖ the same, of one requestId',
    async found(founder) {
      await founder.topUp(100n);
      return partner()(founder);
    },
    alike: true,
    ...(Object.fromEntries(
      ['a', 'b'].map((name) => [
        name,
        (side: Side, { merchantId, made }: AnyScene) =>
          side.post(merchantId, '/v1/merchants/settlement-payment-orders', { requestId: 'r', beneficiaryId: made.b1, amount: 60, currency: 'KZT' }),
      ]),
    ) as { a: Party; b: Party }),
    async judge(scene, a, b) {
      assert.equal(given(a as Result<Answered>).text, given(b as Result<Answered>).text, 'both get the same bytes');
      assert.equal(await balanceOf(scene, 'available/KZT'), '40');
    },
  }),
];

const bill = async ({ side, merchantId }: Founder): Promise<{ i1: string }> => {
  const asked = {
    id: side.ids.uuid(),
    orderReference: 'o',
    amount: 100n,
    currency: 'KZT',
    description: null,
    payer: { name: 'P', bin: account.bin, email: null },
    knp: '710',
    expiresAt: null,
  };
  const merchant = { id: merchantId, mode: 'test', code: '00000000' } as Parameters<Side['invoices']['make']>[1];
  return { i1: (await side.db.merchant(merchantId, (tx) => side.invoices.make(tx, merchant, asked, new Date(0)))).id };
};
const paid =
  (lineKey: string) =>
  async (side: Side, scene: AnyScene): Promise<string> => {
    const [{ number }] = (await scene.rows('select number from tolem.invoice where merchant_id = $1', [scene.merchantId])) as [{ number: string }];
    const credit = { number, lineKey, amount: 100n, currency: 'KZT', bankReference: lineKey };
    return (await side.db.merchant(scene.merchantId, (tx) => side.invoices.pay(tx, [credit], 'iso20022')))[0]?.match as string;
  };

const billing: Pair[] = [
  define({
    name: 'invoice: paid ‖ paid once more',
    ...{ found: bill, alike: true, a: paid('one'), b: paid('two') },
    async judge(scene, a, b) {
      assert.deepEqual([given(a), given(b)].sort(), ['invoice', 'paid_again']);
      assert.equal(await balanceOf(scene, 'available/KZT'), '100');
    },
  }),
  define({
    name: 'invoice: paid ‖ the same line, read by somebody else',
    ...{ found: bill, alike: true, a: paid('one'), b: paid('one') },
    async judge(scene, a, b) {
      assert.deepEqual([given(a), given(b)], ['invoice', 'invoice']);
      assert.equal(await balanceOf(scene, 'available/KZT'), '100');
    },
  }),
  define({
    name: 'invoice: paid ‖ cancelled',
    ...{ found: bill, a: paid('one') },
    b: (side: Side, { merchantId, made }: AnyScene) =>
      side.db
        .merchant(merchantId, (tx) => side.invoices.cancel(tx, made.i1 as string))
        .then(
          () => 'cancelled',
          (error: Error) => error.message,
        ),
    async judge(scene, a, b, { crashed }) {
      const match = given(a);
      assert.ok(match === 'invoice' || match === 'invoice_cancelled');
      if (!crashed) assert.equal(given(b) === 'cancelled', match === 'invoice_cancelled');
      assert.equal(await balanceOf(scene, 'available/KZT'), match === 'invoice' ? '100' : '0');
    },
  }),
];

export const partnerPairs: Pair[] = [...orders, ...sharing, ...billing];
