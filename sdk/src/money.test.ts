import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as platform from '../../src/money.ts';
import { toMajor, toMinor } from './index.ts';

test('the decimals of every currency are those of the platform', () => {
  const known = [...new Set([...Intl.supportedValuesOf('currency'), 'IQD', 'LAK', 'XAF'])].filter((code) => {
    try {
      return platform.exponentOf(code) >= 0;
    } catch {
      return false; // withdrawn, or not money
    }
  });
  expect(known.length).toBeGreaterThan(140);
  for (const code of known) expect([code, toMajor(1, code)]).toEqual([code, platform.toMajorNumber(1n, code)]);
});

test('there and back, every amount that can be paid is itself, and is what the platform reads', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: platform.MAX_MINOR }), fc.constantFrom('KZT', 'USD', 'JPY', 'KWD'), (minor, currency) => {
      const major = toMajor(minor, currency);
      expect(toMinor(major, currency)).toBe(Number(minor));
      expect(toMajor(Number(minor), currency)).toBe(major);
      expect(platform.toMinor(String(major), currency)).toBe(minor);
    }),
    { numRuns: 500 },
  );
});

test('what is no amount of its currency is refused, not rounded', () => {
  expect([toMinor(100.05, 'KZT'), toMinor('100.5', 'KZT'), toMinor(7, 'JPY'), toMinor(1.234, 'KWD'), toMajor(10005, 'KZT'), toMajor(0, 'KZT')]).toEqual([
    10005, 10050, 7, 1234, 100.05, 0,
  ]);
  for (const [amount, currency] of [
    [0.1 + 0.2, 'KZT'],
    [1.005, 'KZT'],
    [1.5, 'JPY'],
    [-1, 'KZT'],
    [Number.NaN, 'KZT'],
    [1e21, 'KZT'],
    [1e-7, 'KZT'],
    ['1e3', 'KZT'],
    ['', 'KZT'],
    ['1,5', 'KZT'],
    [2 ** 53, 'KZT'],
  ] as const)
    expect(() => toMinor(amount, currency), String(amount)).toThrow(RangeError);
  for (const minor of [1.5, -1, Number.NaN, 2 ** 53, 10n ** 17n + 1n]) expect(() => toMajor(minor, 'KZT'), String(minor)).toThrow(RangeError);
});
