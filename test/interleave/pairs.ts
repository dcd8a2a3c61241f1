/** pairs.ts: who meets whom, and what must be true of it whichever way they interleave. */
import assert from 'node:assert/strict';
import { claimSecret, insertKey, newKey } from '../../src/merchants/keys.ts';
import type { Verdict } from '../../src/connectors/connector.ts';
import { changeEndpoint } from '../../src/webhooks/endpoints.ts';
import { eventsAfter } from '../../src/webhooks/feed.ts';
import type { Pair } from './explore.ts';
import type { Result } from './schedule.ts';
import type { Answered, Scene, Side } from './world.ts';
import { partnerPairs } from './partner-pairs.ts';
import { walletPairs } from './wallet-pairs.ts';

const define = <T extends Record<string, string>>(pair: Pair<T>): Pair => pair as unknown as Pair;

type AnyScene = Scene<Record<string, string>>;

// ---- what a client or a processor does

const pay =
  (amount: number, key: string, currency = 'KZT') =>
  (side: Side, { merchantId, cardToken }: AnyScene): Promise<Answered> =>
    side.post(merchantId, '/v1/payout', { tokenId: cardToken, amount, currency }, key);

const executed: Verdict = { kind: 'executed', rrn: '600000000001', executedAt: null };
const declined: Verdict = { kind: 'declined', code: '05', message: 'do not honour' };

const callback =
  (payout: string, verdict: Verdict, dedupeKey: string) =>
  (side: Side, { merchantId, made }: AnyScene) =>
    side.sending.outcomes.submit(merchantId, {
      payoutId: made[payout] as string,
      verdict,
      source: 'callback',
      callback: { processor: 'processor', dedupeKey },
    });

/** What a worker does: takes what is due, calls the bank, and hands in what it heard. */
const work = (side: Side, { merchantId }: AnyScene): Promise<number> => side.work(merchantId);

// ---- what is looked at afterwards

const given = (result: Result<Answered>): Answered => {
  if (!result.ok) throw result.error;
  return result.value;
};
const of = <V>(result: Result<V>): V => {
  if (!result.ok) throw result.error;
  return result.value;
};

const balance = async ({ rows, merchantId }: AnyScene, id: string): Promise<bigint> =>
  BigInt((await rows<{ balance: string }>('select balance from tolem.account where merchant_id = $1 and id = $2', [merchantId, id]))[0]?.balance ?? 0);

const payouts = ({ rows, merchantId }: AnyScene): Promise<{ id: string; state: string; amount: string; error_code: string | null }[]> =>
  rows('select id, state, amount, error_code from tolem.payout where merchant_id = $1 order by created_at, id', [merchantId]);

const stateOf = async (scene: AnyScene, payout: string): Promise<string | undefined> =>
  (await payouts(scene)).find(({ id }) => id === scene.made[payout])?.state;

const incidents = ({ rows, merchantId }: AnyScene): Promise<{ kind: string }[]> => rows('select kind from tolem.incident where merchant_id = $1', [merchantId]);

const count = async ({ rows, merchantId }: AnyScene, table: string): Promise<number> =>
  Number((await rows<{ n: string }>(`select count(*) n from tolem.${table} where merchant_id = $1`, [merchantId]))[0]?.n);

/** Until nothing is due any more, with time going on. What the bank executed is then what we settled, once each. */
async function drain(scene: AnyScene): Promise<void> {
  const { free, merchantId, clock, bank, rows } = scene;
  for (let round = 0; round < 12; round++) {
    clock.advance(60_000);
    while ((await free.work(merchantId)) > 0) clock.advance(60_000);
    const [open] = await rows<{ n: string }>(`select count(*) n from tolem.payout where merchant_id = $1 and state in ('new', 'processing')`, [merchantId]);
    if (open?.n === '0') break;
  }
  const ended = await rows<{ state: string; reference: string }>(
    `select p.state, s.reference from tolem.payout p join tolem.submission s on s.merchant_id = p.merchant_id and s.payout_id = p.id where p.merchant_id = $1`,
    [merchantId],
  );
  assert.deepEqual(
    ended.filter(({ state }) => state === 'new' || state === 'processing'),
    [],
    'nothing is left open',
  );
  const paid = await Promise.all(ended.map(async ({ reference }) => ((await bank.inquire(reference)).kind === 'executed' ? reference : undefined)));
  assert.deepEqual(
    ended
      .filter(({ state }) => state === 'settled')
      .map(({ reference }) => reference)
      .sort(),
    paid.filter(Boolean).sort(),
    'what the bank executed is what is settled',
  );
}

// ---- INV-39, 40: one key, one object

function oneObject(a: Result<Answered>, b: Result<Answered>): Answered {
  const [first, second] = [given(a), given(b)];
  assert.ok(first.status < 300, first.text);
  assert.equal(second.text, first.text, 'both get the same bytes');
  assert.equal(second.status, first.status);
  return first;
}

function oneRefused(a: Result<Answered>, b: Result<Answered>): Answered {
  const [good, other] = [given(a), given(b)].sort((x, y) => x.status - y.status) as [Answered, Answered];
  assert.ok(good.status < 300, good.text);
  assert.equal(other.status, 409, other.text);
  return good;
}

const funded =
  (amount: bigint, payoutsBefore: number[] = []): Pair['found'] =>
  async (founder) => {
    await founder.topUp(amount + payoutsBefore.reduce((sum, one) => sum + BigInt(one) * 100n, 0n));
    const made: Record<string, string> = {};
    for (const [i, one] of payoutsBefore.entries()) made[`p${i + 1}`] = await founder.payout(one);
    return made;
  };

const paying: Pair[] = [
  define({
    name: 'payout ‖ payout on the last unit of balance',
    found: funded(100_00n, [1]),
    ...{ alike: true, a: pay(60, 'ka'), b: pay(60, 'kb') },
    async judge(scene, a, b) {
      const answers = [given(a), given(b)].map(({ body }) => [body.status, body.errorCode]).sort();
      assert.deepEqual(answers, [
        ['new', null],
        ['rejected', '51'],
      ]);
      assert.equal(await balance(scene, 'available/KZT'), 40_00n);
    },
  }),
  define({
    name: 'payout ‖ payout on the last unit, the first two of a merchant',
    found: funded(100_00n),
    ...{ alike: true, a: pay(100, 'ka'), b: pay(100, 'kb') },
    async judge(scene, a, b) {
      const answers = [given(a), given(b)].map(({ body }) => [body.status, body.errorCode]).sort();
      assert.deepEqual(answers, [
        ['new', null],
        ['rejected', '51'],
      ]);
      assert.equal(await balance(scene, 'available/KZT'), 0n);
    },
  }),
  define({
    name: 'payout ‖ payout where there is no account yet',
    ...{ alike: true, a: pay(1, 'ka'), b: pay(2, 'kb') },
    judge: (_, a, b) =>
      assert.deepEqual(
        [given(a), given(b)].map(({ body }) => body.errorCode),
        ['51', '51'],
      ),
  }),
  define({
    name: 'payout ‖ payout of one key and body',
    found: funded(100_00n, [1]),
    ...{ alike: true, a: pay(60, 'k'), b: pay(60, 'k') },
    async judge(scene, a, b) {
      assert.equal(oneObject(a, b).body.status, 'new');
      assert.equal((await payouts(scene)).length, 2);
    },
  }),
  define({
    name: 'payout ‖ payout of one key and body, where there is no account yet',
    ...{ alike: true, a: pay(60, 'k'), b: pay(60, 'k') },
    async judge(scene, a, b) {
      assert.equal(oneObject(a, b).body.status, 'rejected');
      assert.equal((await payouts(scene)).length, 1);
    },
  }),
  define({
    name: 'payout ‖ payout of one key, another body',
    found: funded(100_00n, [1]),
    ...{ a: pay(60, 'k'), b: pay(30, 'k') },
    async judge(scene, a, b) {
      assert.equal(oneRefused(a, b).body.status, 'new');
      assert.equal((await payouts(scene)).length, 2);
    },
  }),
  define({
    name: 'payout ‖ payout of one key, in two currencies',
    async found(founder) {
      await founder.topUp(100_00n);
      await founder.topUp(100_00n, 'USD');
      return { p1: await founder.payout(1), p2: await founder.payout(1, 'USD') };
    },
    ...{ alike: true, a: pay(60, 'k'), b: pay(60, 'k', 'USD') },
    async judge(scene, a, b) {
      oneRefused(a, b);
      assert.equal((await payouts(scene)).length, 3);
    },
  }),
  define({
    name: 'daily limit ‖ daily limit',
    async found(founder) {
      await founder.topUp(1000_00n);
      await founder.terms({ dailyLimit: 100_00n });
      return { p1: await founder.payout(10) };
    },
    ...{ alike: true, a: pay(60, 'ka'), b: pay(60, 'kb') },
    async judge(scene, a, b) {
      assert.deepEqual([given(a), given(b)].map(({ body }) => [body.status, body.errorCode]).sort(), [
        ['new', null],
        ['rejected', '61'],
      ]);
      const [{ amount }] = (await scene.rows<{ amount: string }>('select amount from tolem.usage where merchant_id = $1', [scene.merchantId])) as [
        { amount: string },
      ];
      assert.equal(amount, '7000');
    },
  }),
  define({
    name: "a card's daily limit ‖ the same",
    async found(founder) {
      await founder.topUp(1000_00n);
      await founder.terms({ cardDailyLimit: 100_00n });
      return { p1: await founder.payout(10) };
    },
    ...{ alike: true, a: pay(60, 'ka'), b: pay(60, 'kb') },
    judge: (_, a, b) =>
      assert.deepEqual([given(a), given(b)].map(({ body }) => [body.status, body.errorCode]).sort(), [
        ['new', null],
        ['rejected', '61'],
      ]),
  }),
  define({
    name: 'top-up ‖ payout',
    found: funded(100_00n, [1]),
    a: (side, { merchantId }) => side.post(merchantId, '/v1/sandbox/topup', { amount: 50_00, currency: 'KZT' }, 'ka'),
    b: pay(120, 'kb'),
    async judge(scene, a, b) {
      assert.equal(given(a).status, 201);
      const paid = given(b).body.status === 'new';
      assert.equal(await balance(scene, 'available/KZT'), paid ? 30_00n : 150_00n);
    },
  }),
  define({
    name: 'payout under a daily limit ‖ a rejection that gives its part of it back',
    found: async (founder) => {
      await founder.topUp(100_00n);
      await founder.terms({ dailyLimit: 130_00n });
      const p1 = await founder.payout(60);
      await founder.sendInVain();
      return { p1 };
    },
    a: pay(80, 'ka'),
    b: callback('p1', declined, 'c1'),
    async judge(scene, a, b) {
      const paid = given(a).body.status === 'new';
      assert.equal(of(b).state, 'rejected');
      assert.equal(await balance(scene, 'available/KZT'), paid ? 20_00n : 100_00n);
      const used = await scene.rows<{ amount: string }>('select amount from tolem.usage where merchant_id = $1', [scene.merchantId]);
      assert.equal(used[0]?.amount, paid ? '8000' : '0');
    },
  }),
];

const once: Pair[] = [
  define({
    name: 'once ‖ once: a customer by one key and body',
    ...{ still: ['merchant'], alike: true },
    a: (side, { merchantId }) => side.post(merchantId, '/v1/customers', { email: 'a@example.kz' }, 'k'),
    b: (side, { merchantId }) => side.post(merchantId, '/v1/customers', { email: 'a@example.kz' }, 'k'),
    async judge(scene, a, b) {
      oneObject(a, b);
      assert.equal(await count(scene, 'customer'), 2);
    },
  }),
  define({
    name: 'once ‖ once: a customer by one key, another body',
    still: ['merchant'],
    a: (side, { merchantId }) => side.post(merchantId, '/v1/customers', { externalUserId: 'u1' }, 'k'),
    b: (side, { merchantId }) => side.post(merchantId, '/v1/customers', { externalUserId: 'u2' }, 'k'),
    async judge(scene, a, b) {
      oneRefused(a, b);
      assert.equal(await count(scene, 'customer'), 2);
    },
  }),
  define({
    name: 'a customer ‖ the same, without a key',
    ...{ still: ['merchant'] },
    a: (side, { merchantId }) => side.post(merchantId, '/v1/customers', { externalUserId: 'u1', email: 'a@example.kz' }),
    b: (side, { merchantId }) => side.post(merchantId, '/v1/customers', { externalUserId: 'u1', phone: '+77010000000' }),
    async judge(scene, a, b, { crashed }) {
      assert.equal(given(a).body.id, given(b).body.id);
      assert.equal(await count(scene, 'customer'), 2);
      if (!crashed) assert.deepEqual([given(a).status, given(b).status].sort(), [200, 201]);
      const [one] = await scene.rows<{ email: string; phone: string }>(
        `select email, phone from tolem.customer where merchant_id = $1 and external_user_id = 'u1'`,
        [scene.merchantId],
      );
      assert.deepEqual(one, { email: 'a@example.kz', phone: '+77010000000' });
    },
  }),
  define({
    name: 'once ‖ once: a top-up by one key and body',
    found: funded(100_00n),
    alike: true,
    a: (side, { merchantId }) => side.post(merchantId, '/v1/sandbox/topup', { amount: 50_00, currency: 'KZT' }, 'k'),
    b: (side, { merchantId }) => side.post(merchantId, '/v1/sandbox/topup', { amount: 50_00, currency: 'KZT' }, 'k'),
    async judge(scene, a, b) {
      oneObject(a, b);
      assert.equal(await balance(scene, 'available/KZT'), 150_00n);
    },
  }),
  define({
    name: 'once ‖ once: the first top-up by one key and body',
    alike: true,
    a: (side, { merchantId }) => side.post(merchantId, '/v1/sandbox/topup', { amount: 50_00, currency: 'KZT' }, 'k'),
    b: (side, { merchantId }) => side.post(merchantId, '/v1/sandbox/topup', { amount: 50_00, currency: 'KZT' }, 'k'),
    async judge(scene, a, b) {
      oneObject(a, b);
      assert.equal(await balance(scene, 'available/KZT'), 50_00n);
    },
  }),
];

/** A payout that was sent, and of whose fate nothing was heard. */
const sent: Pair<{ p1: string }>['found'] = async (founder) => {
  await founder.topUp(100_00n);
  const p1 = await founder.payout(60);
  await founder.sendInVain();
  return { p1 };
};

/** One end, one incident at most, and the money where the end says. */
async function oneEnd(scene: AnyScene, states: string[], incidentAt: string | null): Promise<void> {
  const state = await stateOf(scene, 'p1');
  assert.ok(state && states.includes(state), `it ends as one of ${states.join(', ')}, not ${state}`);
  const kinds = (await incidents(scene)).map(({ kind }) => kind);
  assert.deepEqual(kinds, incidentAt === null ? [] : [state === 'settled' ? 'declined_after_settlement' : 'executed_after_refusal']);
  assert.equal(await balance(scene, 'available/KZT'), state === 'settled' ? 40_00n : 100_00n);
  assert.equal(await balance(scene, 'held/KZT'), 0n);
}

const outcomes: Pair[] = [
  define({
    name: 'callback executed ‖ inquiry executed',
    found: sent,
    begin: ({ bank }) => void (bank.script = { inquire: () => executed as never }),
    ...{ a: callback('p1', executed, 'c1'), b: work },
    judge: (scene) => oneEnd(scene, ['settled'], null),
  }),
  define({
    name: 'callback executed ‖ inquiry declined',
    found: sent,
    begin: ({ bank }) => void (bank.script = { inquire: () => declined as never }),
    ...{ a: callback('p1', executed, 'c1'), b: work },
    async judge(scene, _, b, { crashed }) {
      // Where the inquiry was never made, or its answer was lost, there is nothing to contradict.
      const asked = !crashed && of<number>(b) === 1;
      if (asked) return oneEnd(scene, ['settled', 'rejected'], 'one');
      await oneEnd(scene, ['settled', 'rejected'], (await incidents(scene)).length > 0 ? 'one' : null);
    },
  }),
  define({
    name: 'callback declined ‖ inquiry executed',
    found: sent,
    begin: ({ bank }) => void (bank.script = { inquire: () => executed as never }),
    ...{ a: callback('p1', declined, 'c1'), b: work },
    async judge(scene, _, b, { crashed }) {
      const asked = !crashed && of<number>(b) === 1;
      if (asked) return oneEnd(scene, ['settled', 'rejected'], 'one');
      await oneEnd(scene, ['settled', 'rejected'], (await incidents(scene)).length > 0 ? 'one' : null);
    },
  }),
  define({
    name: 'callback ‖ callback: the same one, twice',
    found: sent,
    ...{ alike: true, a: callback('p1', executed, 'c1'), b: callback('p1', executed, 'c1') },
    async judge(scene, a, b, { crashed }) {
      await oneEnd(scene, ['settled'], null);
      if (!crashed) assert.deepEqual([of(a).changed, of(b).changed].sort(), [false, true]);
      assert.equal(await count(scene, 'callback'), 1);
    },
  }),
  define({
    name: 'callback executed ‖ callback declined',
    found: sent,
    ...{ a: callback('p1', executed, 'c1'), b: callback('p1', declined, 'c2') },
    judge: (scene) => oneEnd(scene, ['settled', 'rejected'], 'one'),
  }),
  define({
    name: 'callback returned ‖ callback returned, of two ids',
    async found(founder) {
      const made = await (sent as NonNullable<typeof sent>)(founder);
      await founder.side.sending.outcomes.submit(founder.merchantId, { payoutId: made.p1, verdict: executed, source: 'callback' });
      return made;
    },
    ...{
      alike: true,
      a: callback('p1', { kind: 'returned', rrn: null, code: '14' }, 'c1'),
      b: callback('p1', { kind: 'returned', rrn: null, code: '14' }, 'c2'),
    },
    async judge(scene) {
      assert.equal(await count(scene, 'payout_return'), 1);
      assert.equal(await stateOf(scene, 'p1'), 'settled');
      assert.equal(await balance(scene, 'available/KZT'), 100_00n);
    },
  }),
  define({
    name: 'callback executed ‖ callback returned',
    found: sent,
    ...{ a: callback('p1', executed, 'c1'), b: callback('p1', { kind: 'returned', rrn: null, code: '14' }, 'c2') },
    async judge(scene) {
      assert.equal(await count(scene, 'payout_return'), 1);
      assert.equal(await stateOf(scene, 'p1'), 'settled');
      assert.equal(await balance(scene, 'available/KZT'), 100_00n);
      assert.deepEqual(await incidents(scene), []);
    },
  }),
  define({
    name: 'callback executed ‖ claim of the first send',
    found: funded(100_00n - 60_00n, [60]),
    ...{ a: callback('p1', executed, 'c1'), b: work },
    async judge(scene, _, __, { crashed }) {
      await drain(scene);
      assert.equal(await stateOf(scene, 'p1'), 'settled');
      if (!crashed) assert.equal(scene.bank.sent.length, 1);
      assert.ok((await incidents(scene)).length <= 1);
    },
  }),
  define({
    name: 'resolve unknown, of a call ‖ resolve executed, of a callback',
    found: sent,
    a: (side, { merchantId, made }) =>
      side.sending.outcomes.submit(merchantId, {
        payoutId: made.p1 as string,
        verdict: { kind: 'unknown', why: 'no answer' },
        source: 'call',
        tries: 1,
        first: true,
      }),
    b: callback('p1', executed, 'c1'),
    judge: (scene) => oneEnd(scene, ['settled'], null),
  }),
];

const working: Pair[] = [
  define({
    name: 'claim ‖ claim: two workers',
    found: funded(100_00n - 60_00n, [20, 20, 20]),
    ...{ alike: true, a: work, b: work },
    async judge(scene, a, b, { crashed }) {
      const references = scene.bank.sent.map(({ reference }) => reference);
      if (!crashed) {
        assert.equal(references.length, 3, 'each is sent');
        assert.equal(of<number>(a) + of<number>(b), 3);
      }
      assert.equal(new Set(references).size, references.length, 'nothing is sent twice');
      await drain(scene);
    },
  }),
  define({
    name: 'claim ‖ resolve of another payout',
    async found(founder) {
      await founder.topUp(100_00n);
      const p1 = await founder.payout(60);
      await founder.sendInVain();
      return { p1, p2: await founder.payout(20) };
    },
    begin: ({ bank }) => void (bank.script = { inquire: () => ({ kind: 'pending' }) }),
    ...{ a: work, b: callback('p1', executed, 'c1') },
    async judge(scene, _, __, { crashed }) {
      assert.equal(await stateOf(scene, 'p1'), 'settled');
      if (!crashed) assert.equal(await stateOf(scene, 'p2'), 'settled');
      assert.ok(scene.bank.sent.length <= 1);
    },
  }),
  define({
    name: 'claim ‖ resolve of the same payout',
    found: sent,
    begin: ({ bank }) => void (bank.script = { inquire: () => ({ kind: 'unknown', why: 'no answer' }) }),
    ...{ a: work, b: callback('p1', declined, 'c1') },
    judge: (scene) => oneEnd(scene, ['rejected'], null),
  }),
  define({
    name: 'claim of an inquiry ‖ claim of the same',
    found: sent,
    begin: ({ bank }) => void (bank.script = { inquire: () => ({ kind: 'pending' }) }),
    ...{ alike: true, a: work, b: work },
    judge({ bank }, a, b, { crashed }) {
      if (crashed) return;
      assert.equal(of<number>(a) + of<number>(b), 1);
      assert.equal(bank.asked.length, 1);
    },
  }),
];

/** A reader of the feed, who asks for more between any two statements. */
const cursors = new WeakMap<object, bigint>();
async function readFeed(scene: AnyScene): Promise<void> {
  const after = cursors.get(scene) ?? 0n;
  const events = await scene.free.db.merchant(scene.merchantId, (tx) => eventsAfter(tx, after, 100));
  events.forEach(({ number }, i) => assert.equal(number, after + BigInt(i) + 1n, 'the reader misses no event'));
  cursors.set(scene, after + BigInt(events.length));
}

const telling: Pair[] = [
  define({
    name: 'accept ‖ resolve, with a reader of the feed',
    async found(founder) {
      await founder.topUp(100_00n);
      const p1 = await founder.payout(60);
      await founder.sendInVain();
      return { p1 };
    },
    ...{ a: pay(20, 'ka'), b: callback('p1', executed, 'c1'), between: readFeed },
    async judge(scene) {
      await readFeed(scene);
      assert.equal(cursors.get(scene), BigInt(await count(scene, 'event')));
    },
  }),
  define({
    name: 'accept ‖ accept in two currencies, with a reader of the feed',
    async found(founder) {
      await founder.topUp(100_00n);
      await founder.topUp(100_00n, 'USD');
      return { p1: await founder.payout(1), p2: await founder.payout(1, 'USD') };
    },
    ...{ alike: true, a: pay(20, 'ka'), b: pay(20, 'kb', 'USD'), between: readFeed },
    async judge(scene) {
      await readFeed(scene);
      assert.equal(cursors.get(scene), BigInt(await count(scene, 'event')));
      assert.equal(await count(scene, 'event'), 4);
    },
  }),
];

const deliver = (side: Side, { merchantId }: AnyScene): Promise<number> => side.deliver(merchantId);
const eventIds = ({ delivered }: AnyScene): string[] => delivered.map(({ headers }) => headers['webhook-id'] as string);

/** INV-58: nothing is delivered before what came before it with the same object. */
async function inOrder(scene: AnyScene): Promise<void> {
  const seqs = new Map(
    (
      await scene.rows<{ id: string; object_id: string; object_seq: number }>('select id, object_id, object_seq from tolem.event where merchant_id = $1', [
        scene.merchantId,
      ])
    ).map((event) => [event.id, event]),
  );
  const last = new Map<string, number>();
  for (const id of eventIds(scene)) {
    const { object_id: object, object_seq: seq } = seqs.get(id) as { object_id: string; object_seq: number };
    assert.ok(seq >= (last.get(object) ?? 0), 'nothing overtakes what came before it');
    last.set(object, seq);
  }
}

async function allDelivered(scene: AnyScene): Promise<void> {
  for (let round = 0; round < 5; round++) {
    scene.clock.advance(60_000);
    while ((await scene.free.deliver(scene.merchantId)) > 0);
  }
  const left = await scene.rows(`select event_number, state, next_at from tolem.delivery where merchant_id = $1 and state <> 'delivered'`, [scene.merchantId]);
  assert.deepEqual(left, [], 'nothing is left lying');
  await inOrder(scene);
}

/** Two events of one payout (processing, settled) and an endpoint that hears of both. */
const twoEvents: Pair<{ p1: string; endpoint: string }>['found'] = async (founder) => {
  await founder.topUp(100_00n);
  const endpoint = await founder.endpoint();
  const p1 = await founder.payout(60);
  await founder.side.work(founder.merchantId);
  return { p1, endpoint };
};

const delivering: Pair[] = [
  define({
    name: 'delivery claim ‖ delivery claim',
    found: twoEvents,
    ...{ alike: true, a: deliver, b: deliver },
    async judge(scene, _, __, { crashed }) {
      if (!crashed) assert.equal(new Set(eventIds(scene)).size, scene.delivered.length, 'nothing is delivered twice');
      await allDelivered(scene);
    },
  }),
  define({
    name: 'a delivery recorded ‖ the next one claimed',
    found: twoEvents,
    async begin(scene) {
      // The first is in flight with A; what is behind it is looked at by B.
      const pieces = await scene.free.deliverer.takeDue(scene.merchantId, 1);
      await Promise.all(pieces);
      scene.delivered.length = 0;
    },
    ...{ a: deliver, b: deliver },
    judge: allDelivered,
  }),
  define({
    name: 'an endpoint disabled ‖ an event told',
    async found(founder) {
      await founder.topUp(100_00n);
      const endpoint = await founder.endpoint(['transaction.rejected']);
      const p1 = await founder.payout(60);
      await founder.sendInVain();
      return { p1, endpoint };
    },
    a: (side, { merchantId, made, clock }) =>
      side.db.merchant(merchantId, (tx) => changeEndpoint(tx, made.endpoint as string, { enabled: false }, clock.now())),
    b: callback('p1', executed, 'c1'),
    async judge(scene) {
      await deliver(scene.free, scene);
      assert.equal(scene.delivered.length, 0, 'a disabled endpoint is not called');
      await scene.free.db.merchant(scene.merchantId, (tx) => changeEndpoint(tx, scene.made.endpoint as string, { enabled: true }, scene.clock.now()));
      await allDelivered(scene);
    },
  }),
];

interface KeyScene {
  secret: string;
  keyId: string;
}
const keys = new WeakMap<object, KeyScene>();
async function withKey(scene: AnyScene): Promise<void> {
  const { db, ids } = scene.free;
  const { secret, key } = newKey(ids, { kind: 'key', name: '', mode: 'test', scopes: ['read'], expiresAt: null, now: scene.clock.now() });
  await claimSecret(db, secret, scene.merchantId, key.id);
  await db.merchant(scene.merchantId, (tx) => insertKey(tx, key, secret));
  keys.set(scene, { secret, keyId: key.id });
}
const theKey = (scene: AnyScene): KeyScene => keys.get(scene) as KeyScene;
const revoke = (side: Side, scene: AnyScene): Promise<Answered> => side.post(scene.merchantId, `/v1/api-keys/${theKey(scene).keyId}/revoke`, {});
const roll =
  (overlapSeconds: number) =>
  (side: Side, scene: AnyScene): Promise<Answered> =>
    side.post(scene.merchantId, `/v1/api-keys/${theKey(scene).keyId}/roll`, { overlapSeconds });
const good = ({ rows, merchantId, clock }: AnyScene): Promise<{ id: string }[]> =>
  rows(
    `select id from tolem.api_key where merchant_id = $1 and 'read' = any(scopes) and cardinality(scopes) = 1 and revoked_at is null and (expires_at is null or expires_at > $2)`,
    [merchantId, clock.now()],
  );

const keeping: Pair[] = [
  define({
    name: 'revoke ‖ use of a key',
    ...{ begin: withKey, still: ['merchant'], a: revoke },
    b: (side, scene) => side.auth.caller(theKey(scene).secret),
    async judge(scene, a, b, { crashed, ran }) {
      assert.equal(given(a).body.revokedAt !== null, true);
      const revoked = ran.findIndex(
        ({ party, text }, i) => party === 'A' && text === 'commit' && ran.slice(0, i).some((before) => before.text.includes('update api_key')),
      );
      const read = ran.findLastIndex(({ party, text }) => party === 'B' && text.includes('from api_key k'));
      if (!crashed) assert.equal(b.ok, read < revoked, read < revoked ? 'it was good when it was read' : 'it was revoked before it was read');
      scene.clock.advance(1_000);
      for (const side of [scene.free]) await assert.rejects(side.auth.caller(theKey(scene).secret), /revoked/);
    },
    again: (side, scene, name) => (name === 'A' ? revoke(side, scene) : side.auth.caller(theKey(scene).secret).catch(() => undefined)),
  }),
  define({
    name: 'roll ‖ roll of a key, at once',
    ...{ begin: withKey, still: ['merchant'], alike: true, a: roll(0), b: roll(0) },
    async judge(scene, a, b, { crashed }) {
      const statuses = [given(a).status, given(b).status].sort();
      if (!crashed) assert.deepEqual(statuses, [201, 409], 'a key is followed by one key');
      assert.ok((await good(scene)).length <= 1, 'one key is good afterwards');
    },
  }),
  define({
    name: 'revoke ‖ roll of a key',
    ...{ begin: withKey, still: ['merchant'], a: revoke, b: roll(60) },
    async judge(_, a, b, { ran, crashed }) {
      assert.equal(given(a).status, 200);
      if (crashed) return;
      const at = (party: 'A' | 'B', what: string) =>
        ran.findIndex(
          ({ party: who, text }, i) =>
            who === party && text === 'commit' && ran.slice(0, i).some((before) => before.party === party && before.text.includes(what)),
        );
      const [revoked, rolled] = [at('A', 'update api_key'), at('B', 'insert into api_key')];
      if (given(b).status === 201) assert.ok(rolled < revoked, 'a key that is revoked has no children');
      else assert.equal(given(b).status, 409);
    },
  }),
];

export const pairs: Pair[] = [...paying, ...once, ...outcomes, ...working, ...telling, ...delivering, ...keeping, ...walletPairs, ...partnerPairs];
