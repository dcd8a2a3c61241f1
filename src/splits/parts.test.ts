import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Item, partsOf, sumOf } from './parts.ts';

const item = (share: { amount: bigint } | { percent: number }): Item => ({
  ...{ beneficiaryId: 'b', amount: null, basisPoints: null },
  ...('amount' in share ? { amount: share.amount } : { basisPoints: Math.round(share.percent * 100) }),
});

test.each<[bigint, ({ amount: bigint } | { percent: number })[], bigint[]]>([
  [100n, [{ percent: 50 }, { percent: 50 }], [50n, 50n]],
  [101n, [{ percent: 50 }, { percent: 50 }], [51n, 50n]], // a tie: the first one
  [100n, [{ percent: 33.33 }, { percent: 33.33 }, { percent: 33.34 }], [33n, 33n, 34n]],
  [1n, [{ percent: 10 }, { percent: 60 }, { percent: 30 }], [0n, 1n, 0n]], // the largest remainder
  [1000n, [{ amount: 300n }, { percent: 12.5 }], [300n, 125n]],
  [999n, [{ percent: 0.01 }], [0n]],
  [10n ** 15n - 1n, [{ percent: 99.99 }, { percent: 0.01 }], [999_899_999_999_999n, 100_000_000_000n]],
])('%s, row %#', (total, shares, parts) => expect(partsOf(total, shares.map(item))).toEqual(parts));

test('parts by percent sum to what the percents sum to, none is off by a whole unit, and 100 percent gives all of it', () => {
  const points = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 10n ** 15n - 1n }), points, (total, some) => {
      const sum = some.reduce((a, b) => a + b, 0);
      const shares = sum <= 10_000 ? [...some, ...(sum < 10_000 ? [10_000 - sum] : [])] : some.map((one) => Math.max(1, Math.floor((one / sum) * 10_000)));
      const items = shares.map((basisPoints): Item => ({ beneficiaryId: 'b', amount: null, basisPoints }));
      const parts = partsOf(total, items);
      const all = shares.reduce((a, b) => a + b, 0);
      expect(sumOf(parts)).toBe((total * BigInt(all)) / 10_000n);
      if (all === 10_000) expect(sumOf(parts)).toBe(total);
      for (const [i, part] of parts.entries()) {
        const floor = (total * BigInt(shares[i] as number)) / 10_000n;
        expect(part === floor || part === floor + 1n).toBe(true);
      }
    }),
  );
});
