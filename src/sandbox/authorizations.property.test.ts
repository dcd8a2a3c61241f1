import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { NetError } from '../ports.ts';
import { house } from './bank.fixture.ts';
import type { Entry } from './journal.ts';
import { walletAuthorization } from './testing.ts';

const verbs = ['captures', 'cancellations', 'refunds'] as const;
/** Sums that meet their limits exactly or by one, of 300.00; those of 22NN0 are pending for a while, declined in the end, or lost on the way. */
const amount = fc.oneof(
  fc.constantFrom(1, 50_00, 79_70, 79_71, 100_00, 300_00, 220_30, 220_30, 220_40, 220_80, 220_20, 205_10),
  fc.integer({ min: 1, max: 300_00 }),
);
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      act: fc.constant('operate' as const),
      verb: fc.constantFrom(...verbs),
      on: fc.constantFrom(0, 1, 1, 1, 2),
      name: fc.nat(40),
      amount,
    }),
  },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('authorize' as const), on: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('wait' as const), ms: fc.constantFrom(100, 1000, 2000, 6000, 70_000) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('restart' as const) }) },
);

/** The sums of each authorization, from the journal alone, as a judge has it; checked after every entry. */
function judge(entries: readonly Entry[]): void {
  const sums = new Map<number, { authorized: bigint; captured: bigint; released: bigint; refunded: bigint; expired: bigint }>();
  const of = (n: number) => sums.get(n) ?? assert.fail(`an effect on authorization ${n}, which was never granted`);
  const seen = new Set<number>();
  for (const entry of entries) {
    if (entry.type === 'authorized') sums.set(entry.request, { authorized: BigInt(entry.amount), captured: 0n, released: 0n, refunded: 0n, expired: 0n });
    if (entry.type === 'expired') of(entry.request).expired += BigInt(entry.amount);
    if (entry.type !== 'captured' && entry.type !== 'released' && entry.type !== 'refunded') continue;
    assert.ok(!seen.has(entry.request), `operation ${entry.ref} was executed twice`);
    seen.add(entry.request);
    const sum = of(entry.of);
    sum[entry.type] += BigInt(entry.amount);
    assert.ok(sum.captured + sum.released + sum.expired <= sum.authorized, `${entry.authorization}: more taken and let go than authorized`);
    assert.ok(sum.refunded <= sum.captured, `${entry.authorization}: more given back than taken`);
  }
}

test('whatever is asked in whatever order, how often, and whenever the bank is killed: sums hold, and a ref is one operation', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const h = await house();
      const wallets = ['67', '20', '10'].map((ending) => walletAuthorization(ending, { amount: 300_00 }));
      /** by ref and content: the first whole answer, which is every later one's */
      const first = new Map<string, string>();
      await h.authorize(wallets[1]!);
      for (const one of steps) {
        if (one.act === 'wait') await h.clock.advance(one.ms);
        if (one.act === 'restart') await h.restart();
        const answer =
          one.act === 'authorize'
            ? await h.authorize(wallets[one.on]!)
            : one.act === 'operate'
              ? await h.operate(one.verb, wallets[one.on]!.ref, { ref: `op_${one.name}`, amount: one.amount })
              : undefined;
        if (!answer || answer instanceof NetError || answer.status === 409 || answer.json.code === '17') continue;
        const { act: _, ...content } = one;
        const asked = JSON.stringify(content);
        assert.equal(first.get(asked) ?? JSON.stringify(answer), JSON.stringify(answer), 'the first answer again');
        first.set(asked, JSON.stringify(answer));
      }
      await h.clock.advance(120_000);
      judge(h.journal.entries());
      const refs = [...new Set(h.journal.entries().flatMap((entry) => (entry.type === 'operation_requested' ? [entry.ref] : [])))];
      const states = async () => [
        ...(await Promise.all(refs.map((ref) => h.bank().authorizations.inquireOperation(ref)))).map(({ body }) => body),
        ...(await Promise.all(wallets.map(({ ref }) => h.ask('GET', `/v1/authorizations/${ref}`)))).map((heard) => JSON.stringify(heard)),
      ];
      const before = await states();
      await h.restart();
      assert.deepEqual(await states(), before, 'a bank that starts again knows what it knew');
    }),
    { numRuns: 300 },
  );
});
