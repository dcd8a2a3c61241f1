import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { Ids, parseProcessorReference, processorReference } from './ids.ts';

const at = (ms: number) => ({ now: () => new Date(ms) }) as never;
const random = { bytes: (count: number) => randomBytes(count), fraction: () => 0.5 };

test('ids are UUIDv7 and grow, even when the clock does not', () => {
  const ids = new Ids(at(1_700_000_000_000), random);
  const made = Array.from({ length: 1000 }, () => ids.uuid());
  expect(made.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true);
  expect(made.toSorted()).toEqual(made);
});

test("a processor's reference gives back the merchant and the payout", () => {
  const ids = new Ids(at(1_700_000_000_000), random);
  fc.assert(
    fc.property(fc.uuid(), (id) => {
      const code = ids.code(8);
      const reference = processorReference(code, id);
      expect(reference).toHaveLength(35);
      expect(parseProcessorReference(reference)).toEqual({ merchantCode: code, id });
    }),
  );
  expect(parseProcessorReference('abc')).toBeUndefined();
  expect(parseProcessorReference(`abcdefgh-${'z'.repeat(26)}`)).toBeUndefined(); // more than 128 bits
});

test('a secret uses its whole alphabet evenly', () => {
  const ids = new Ids(at(0), random);
  const counts = new Map<string, number>();
  for (const letter of ids.secret(62_000)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  expect(counts.size).toBe(62);
  expect(Math.min(...counts.values())).toBeGreaterThan(800);
  expect(Math.max(...counts.values())).toBeLessThan(1_200);
});
