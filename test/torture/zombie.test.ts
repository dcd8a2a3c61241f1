/** zombie.test.ts: what the torture meets by chance, on purpose: a worker that stands still, dies, or wakes up too late. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { sql } from '../../src/db/sql.ts';
import { payoutKind } from '../../src/payouts/kind.ts';
import { Sender } from '../../src/sending/send.ts';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';

const LEASE_MS = 14_000;
let th: TestHouse;
beforeAll(async () => {
  th = await openTestHouse();
});
afterAll(() => th.close());
afterEach(() => {
  th.bank.script = {};
});

/** Another worker of the same house, whose clock can be stopped for a while. */
function worker(): { take(m: TestMerchant): Promise<Promise<unknown>[]>; freeze(at: 'claim' | 'never'): void } {
  let [frozenMs, freezes] = [0, false];
  const { house } = th;
  const sender = new Sender({
    ...house,
    clock: { ...house.clock, monotonic: () => house.clock.monotonic() + frozenMs },
    kinds: [
      payoutKind(async (merchantId, tokens) => {
        if (freezes) frozenMs += LEASE_MS; // here: what it took is committed, and the bank is not called yet
        return house.vault.open(merchantId, tokens);
      }),
    ],
    connectors: new Map([[th.bank.name, th.bank]]),
    outcomes: house.sending.outcomes,
    leaseMs: LEASE_MS,
    telling: house.sending.telling,
  });
  return { take: (m) => sender.takeDue(m.merchantId, 100), freeze: (at) => void (freezes = at === 'claim') };
}

async function payout(m: TestMerchant): Promise<string> {
  return (await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: 100 })).body.id as string;
}
const stateOf = async (m: TestMerchant, id: string): Promise<string> => (await th.get(`/v1/transactions/${id}`, m)).body.status as string;
const submissionOf = (m: TestMerchant, id: string) =>
  th.house.db.merchant(m.merchantId, (tx) =>
    tx.one<{ phase: string; action: string; tries: number; nextAt: Date | null }>(
      sql`select s.phase, s.action, s.tries, s.next_at as "nextAt" from submission s where s.merchant_id = ${tx.merchantId} and s.payout_id = ${id}::uuid`,
    ),
  );

test('that the bank will be asked is committed before it is', async () => {
  const m = await th.merchant({ available: 500_00n });
  const id = await payout(m);
  let seen: unknown;
  th.bank.script.send = async () => {
    seen = { state: await stateOf(m, id), ...(await submissionOf(m, id)) };
    return undefined as never;
  };
  await Promise.all(await worker().take(m));
  expect(seen).toMatchObject({ state: 'processing', phase: 'sent', action: 'ask' });
});

test('what one worker has taken no other takes, until the lease ends', async () => {
  const m = await th.merchant({ available: 500_00n });
  const id = await payout(m);
  let answer!: () => void;
  th.bank.script.send = () => new Promise((resolve) => (answer = () => resolve(undefined as never)));
  const calls = await worker().take(m);
  expect(calls).toHaveLength(1);
  expect(await worker().take(m)).toHaveLength(0);
  answer();
  await Promise.all(calls);
  expect(await stateOf(m, id)).toBe('settled');
});

test('a worker that dies after it has sent leaves a question behind, not a second send', async () => {
  const m = await th.merchant({ available: 500_00n });
  const id = await payout(m);
  const sent = th.bank.sent.length;
  th.bank.script.send = (transfer) => (th.bank.execute(transfer.reference), new Promise<never>(() => undefined)); // nobody lives to hear it
  void (await worker().take(m));
  th.bank.script = {};
  await th.later(LEASE_MS / 1000 + 1);
  await Promise.all(await worker().take(m));
  expect(th.bank.sent).toHaveLength(sent + 1);
  expect(await stateOf(m, id)).toBe('settled');
});

test('a worker that was frozen between taking and calling does not call; what it took is sent once', async () => {
  const m = await th.merchant({ available: 500_00n });
  const id = await payout(m);
  const sent = th.bank.sent.length;
  const zombie = worker();
  zombie.freeze('claim');
  await Promise.all(await zombie.take(m));
  expect(th.bank.sent).toHaveLength(sent);
  expect(await stateOf(m, id)).toBe('processing');
  await th.later(60);
  await Promise.all(await worker().take(m));
  expect(th.bank.sent).toHaveLength(sent + 1);
  expect(await stateOf(m, id)).toBe('settled');
});

test('what a worker hears that woke up too late disturbs nobody, unless it is proof', async () => {
  const m = await th.merchant({ available: 500_00n });
  const id = await payout(m);
  let wake!: (verdict: 'unknown' | 'executed') => void;
  th.bank.script.send = (transfer) =>
    new Promise((resolve) => (wake = (kind) => resolve(kind === 'unknown' ? { kind, why: 'no answer in time' } : th.bank.execute(transfer.reference))));
  const calls = await worker().take(m);
  await th.later(LEASE_MS / 1000 + 1);
  th.bank.script.inquire = () => ({ kind: 'absent' });
  await Promise.all(await worker().take(m)); // another has taken over: it asks, and will send again
  const taken = await submissionOf(m, id);
  expect(taken).toMatchObject({ tries: 2, action: 'send' });
  wake('unknown');
  await Promise.all(calls);
  expect(await submissionOf(m, id)).toEqual(taken);
  await th.house.sending.outcomes.submit(m.merchantId, { payoutId: id, verdict: { kind: 'executed', rrn: '1', executedAt: null }, source: 'call', tries: 1 });
  expect(await stateOf(m, id)).toBe('settled');
});
