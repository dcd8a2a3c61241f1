/** wallet-pairs.ts: who meets whom over one authorization (INV-49 to 53), whichever way they interleave. */
import assert from 'node:assert/strict';
import type { OperationKind } from '../../src/connectors/authorizer.ts';
import { walletId, walletIdIn } from '../../src/wallet/view.ts';
import type { Pair } from './explore.ts';
import type { Result } from './schedule.ts';
import type { Answered, Founder, Scene, Side } from './world.ts';

type AnyScene = Scene<Record<string, string>>;
const define = <T extends Record<string, string>>(pair: Pair<T>): Pair => pair as unknown as Pair;

const customer = { phoneNumber: '+77012345678', iin: '880707300154', orderReference: 'o', currency: 'KZT' };
const authorize =
  (amount: number, key: string) =>
  (side: Side, { merchantId }: AnyScene): Promise<Answered> =>
    side.post(merchantId, '/v1/wallet/authorize', { amount, ...customer }, key);
const operate =
  (kind: OperationKind, amount: number, key?: string) =>
  (side: Side, { merchantId, made }: AnyScene): Promise<Answered> =>
    side.post(merchantId, `/v1/wallet/${walletId(made.w1 as string)}/${kind}`, { amount }, key);
const work = (side: Side, { merchantId }: AnyScene): Promise<number> => side.workWallet(merchantId);
const lapse = async (side: Side, { merchantId }: AnyScene): Promise<number> => (await side.wallet.lapses.take(merchantId, 16)).length;

/** An authorization of 100 that stands, and some of it captured. */
const authorised =
  (captured = 0) =>
  async ({ side, merchantId }: Founder): Promise<{ w1: string }> => {
    const { body } = await side.post(merchantId, '/v1/wallet/authorize', { amount: 100, ...customer }, 'w1');
    await side.workWallet(merchantId);
    if (captured > 0) {
      await side.post(merchantId, `/v1/wallet/${body.walletTransactionId}/capture`, { amount: captured }, 'c1');
      await side.workWallet(merchantId);
    }
    return { w1: walletIdIn(body.walletTransactionId) };
  };

interface Sums {
  capturing: string;
  captured: string;
  cancelling: string;
  cancelled: string;
  refunding: string;
  refunded: string;
}
const sumsOf = async ({ rows, merchantId }: AnyScene): Promise<Sums & { reference: string }> =>
  (
    await rows<Sums & { reference: string }>(
      'select reference, capturing, captured, cancelling, cancelled, refunding, refunded from tolem.wallet_authorization where merchant_id = $1',
      [merchantId],
    )
  )[0] as Sums & { reference: string };

/** The bank knows what the founder of this scene had agreed and captured. */
async function remember(scene: AnyScene): Promise<void> {
  const { reference, captured } = await sumsOf(scene);
  scene.walletBank.consent({ reference, amount: 100n });
  if (captured !== '0') scene.walletBank.carryOut({ kind: 'capture', reference: 'before', authorization: reference, amount: BigInt(captured) });
}

/** Until nothing is underway any more. What the bank has done is then what we have in our sums, and in the books. */
async function drain(scene: AnyScene): Promise<Sums> {
  const { free, merchantId, clock, walletBank } = scene;
  for (let round = 0; round < 12; round++) {
    clock.advance(60_000);
    if ((await free.workWallet(merchantId)) === 0 && round > 2) break;
  }
  const sums = await sumsOf(scene);
  assert.deepEqual([sums.capturing, sums.cancelling, sums.refunding], ['0', '0', '0'], 'nothing is left underway');
  const done = (['capture', 'cancel', 'refund'] as const).map((kind) => String(walletBank.sum(sums.reference, kind)));
  assert.deepEqual([sums.captured, sums.cancelled, sums.refunded], done, 'what the bank has done is what we have');
  const [available] = await scene.rows<{ balance: string }>(`select balance from tolem.account where merchant_id = $1 and id = 'available/KZT'`, [merchantId]);
  assert.equal(BigInt(available?.balance ?? 0), BigInt(sums.captured) - BigInt(sums.refunded));
  return sums;
}

const given = (result: Result<Answered>): Answered => {
  if (!result.ok) throw result.error;
  return result.value;
};
const statuses = (...results: Result<Answered>[]): number[] => results.map((result) => given(result).status).sort();

export const walletPairs: Pair[] = [
  define({
    name: 'wallet: authorize ‖ authorize of one key and body',
    ...{ alike: true, a: authorize(100, 'k'), b: authorize(100, 'k') },
    async judge({ rows, merchantId }, a, b) {
      assert.equal(given(a).text, given(b).text, 'both get the same bytes');
      assert.equal(given(a).status, 201);
      assert.equal((await rows('select 1 from tolem.wallet_authorization where merchant_id = $1', [merchantId])).length, 1);
    },
  }),
  define({
    name: 'wallet: capture ‖ capture',
    found: authorised(),
    ...{ begin: remember, alike: true, a: operate('capture', 60, 'ka'), b: operate('capture', 60, 'kb') },
    async judge(scene, a, b) {
      assert.deepEqual(statuses(a, b), [200, 422]);
      assert.equal((await drain(scene)).captured, '60');
    },
  }),
  define({
    name: 'wallet: capture of everything ‖ the same, of one key and body',
    found: authorised(),
    ...{ begin: remember, alike: true, a: operate('capture', 100, 'k'), b: operate('capture', 100, 'k') },
    async judge(scene, a, b) {
      assert.deepEqual(statuses(a, b), [200, 200]);
      assert.equal(given(a).text, given(b).text, 'both get the same bytes');
      assert.equal((await drain(scene)).captured, '100');
    },
  }),
  define({
    name: 'wallet: capture ‖ cancel',
    found: authorised(),
    ...{ begin: remember, a: operate('capture', 60, 'ka'), b: operate('cancel', 60, 'kb') },
    async judge(scene, a, b) {
      assert.deepEqual(statuses(a, b), [200, 422]);
      const { captured, cancelled } = await drain(scene);
      assert.deepEqual([captured, cancelled].sort(), ['0', '60']);
    },
  }),
  define({
    name: 'wallet: capture of everything ‖ cancel of everything',
    found: authorised(),
    ...{ begin: remember, a: operate('capture', 100, 'ka'), b: operate('cancel', 100, 'kb') },
    async judge(scene, a, b) {
      assert.deepEqual(statuses(a, b), [200, 409]);
      await drain(scene);
    },
  }),
  define({
    name: 'wallet: capture ‖ expiry',
    async found(founder) {
      const made = await authorised()(founder);
      // Due to be let go, and not yet too late to capture: as two processes have it whose clocks differ.
      await founder.side.db.merchant(founder.merchantId, (tx) =>
        tx.run({ text: 'update wallet_authorization set lapse_at = created_at where merchant_id = $1', name: 'due', values: [tx.merchantId] }),
      );
      return made;
    },
    ...{ begin: remember, a: operate('capture', 60, 'ka'), b: lapse },
    async judge(scene, a) {
      await lapse(scene.free, scene);
      const isCaptured = given(a).status === 200;
      const { captured, cancelled } = await drain(scene);
      assert.deepEqual([captured, cancelled], isCaptured ? ['60', '40'] : ['0', '100']);
      const expiries = await scene.rows(`select 1 from tolem.wallet_operation where merchant_id = $1 and cause = 'expiry'`, [scene.merchantId]);
      assert.equal(expiries.length, 1, 'what remains is let go once');
    },
  }),
  define({
    name: 'wallet: expiry ‖ expiry',
    async found(founder) {
      const made = await authorised(40)(founder);
      await founder.side.db.merchant(founder.merchantId, (tx) =>
        tx.run({ text: 'update wallet_authorization set lapse_at = created_at where merchant_id = $1', name: 'due', values: [tx.merchantId] }),
      );
      return made;
    },
    ...{ begin: remember, alike: true, a: lapse, b: lapse },
    judge: async (scene) => void assert.equal((await drain(scene)).cancelled, '60'),
  }),
  define({
    name: 'wallet: refund ‖ refund',
    found: authorised(100),
    ...{ begin: remember, alike: true, a: operate('refund', 60, 'ka'), b: operate('refund', 60, 'kb') },
    async judge(scene, a, b) {
      assert.deepEqual(statuses(a, b), [200, 422]);
      assert.equal((await drain(scene)).refunded, '60');
    },
  }),
  define({
    name: 'wallet: refund ‖ an equal refund, both without a key',
    found: authorised(100),
    ...{ begin: remember, alike: true, a: operate('refund', 30), b: operate('refund', 30) },
    async judge(scene, a, b, { crashed }) {
      if (!crashed) assert.deepEqual(statuses(a, b), [200, 409]);
      assert.equal((await drain(scene)).refunded, '30');
    },
  }),
  define({
    name: 'wallet: refund ‖ a payout of the same balance',
    found: authorised(100),
    begin: remember,
    a: operate('refund', 60, 'ka'),
    b: (side, { merchantId, cardToken }) => side.post(merchantId, '/v1/payout', { tokenId: cardToken, amount: 0.6 }, 'kb'),
    async judge(scene, a, b) {
      const [refunded, paid] = [given(a).status === 200, given(b).body.status === 'new'];
      assert.notEqual(refunded, paid, 'one of them finds the balance');
      if (refunded) await drain(scene);
    },
  }),
  define({
    name: 'wallet: capture ‖ refund',
    found: authorised(50),
    ...{ begin: remember, a: operate('capture', 50, 'ka'), b: operate('refund', 50, 'kb') },
    async judge(scene, a, b) {
      assert.deepEqual(statuses(a, b), [200, 200]);
      const { captured, refunded } = await drain(scene);
      assert.deepEqual([captured, refunded], ['100', '50']);
    },
  }),
  define({
    name: 'wallet: the end of a capture ‖ capture',
    async found(founder) {
      const made = await authorised()(founder);
      await founder.side.post(founder.merchantId, `/v1/wallet/${walletId(made.w1)}/capture`, { amount: 60 }, 'c1');
      return made;
    },
    async begin(scene) {
      await remember(scene);
      scene.walletBank.script = { operate: ({ reference, amount }) => (amount === 60n ? { kind: 'declined', code: '57', message: reference } : undefined) };
    },
    ...{ a: work, b: operate('capture', 70, 'kb') },
    async judge(scene, _, b) {
      const { captured } = await drain(scene);
      assert.equal(captured, given(b).status === 200 ? '70' : '0');
    },
  }),
  define({
    name: 'wallet: the end of a capture ‖ expiry',
    async found(founder) {
      const made = await authorised()(founder);
      await founder.side.post(founder.merchantId, `/v1/wallet/${walletId(made.w1)}/capture`, { amount: 60 }, 'c1');
      await founder.side.db.merchant(founder.merchantId, (tx) =>
        tx.run({
          text: 'update wallet_authorization set lapse_at = created_at, expires_at = created_at where merchant_id = $1',
          name: 'over',
          values: [tx.merchantId],
        }),
      );
      return made;
    },
    async begin(scene) {
      await remember(scene);
      scene.walletBank.script = { operate: ({ kind }) => (kind === 'capture' ? { kind: 'declined', code: '57', message: 'no' } : undefined) };
    },
    ...{ a: work, b: lapse },
    async judge(scene) {
      await scene.free.workWallet(scene.merchantId);
      await drain(scene);
      await lapse(scene.free, scene);
      assert.equal((await drain(scene)).cancelled, '100', 'all of it is let go in the end, whichever came first');
    },
  }),
  define({
    name: 'wallet: claim ‖ claim, two workers',
    async found(founder) {
      const made = await authorised()(founder);
      for (const key of ['c1', 'c2']) await founder.side.post(founder.merchantId, `/v1/wallet/${walletId(made.w1)}/capture`, { amount: 20 }, key);
      return made;
    },
    ...{ begin: remember, alike: true, a: work, b: work },
    async judge(scene, _, __, { crashed }) {
      const references = scene.walletBank.operated.map(({ reference }) => reference);
      if (!crashed) assert.equal(references.length, 2, 'each is sent');
      assert.equal((await drain(scene)).captured, '40');
    },
  }),
  define({
    name: 'wallet: callback authorised ‖ inquiry authorised',
    async found(founder) {
      const { body } = await founder.side.post(founder.merchantId, '/v1/wallet/authorize', { amount: 100, ...customer }, 'w1');
      await founder.askInVain();
      return { w1: walletIdIn(body.walletTransactionId) };
    },
    begin: ({ walletBank }) => void (walletBank.script = { inquireAuthorization: () => ({ kind: 'authorized', rrn: '1', authCode: null }) }),
    a: (side, { merchantId, made }) => side.wallet.hear(merchantId, made.w1 as string, { kind: 'authorized', rrn: '1', authCode: null }, 'callback'),
    b: work,
    async judge({ rows, merchantId }) {
      const events = await rows<{ type: string }>('select type from tolem.event where merchant_id = $1 order by number', [merchantId]);
      assert.deepEqual(
        events.map(({ type }) => type),
        ['new', 'processing', 'success'].map((name) => `wallet_transaction.${name}`),
      );
    },
  }),
];
