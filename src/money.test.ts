import fc from 'fast-check';
import { expect, test } from 'vitest';
import { basisPoints, toDecimal, toMajorNumber, toMinor } from './money.ts';

test('an amount survives the way to the wire and back, in every exponent', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }), fc.constantFrom('KZT', 'JPY', 'KWD'), (minor, currency) => {
      expect(toMinor(toDecimal(minor, currency), currency)).toBe(minor);
      const shown = JSON.parse(JSON.stringify(toMajorNumber(minor, currency))) as number;
      expect(toMinor(String(shown), currency)).toBe(minor);
    }),
  );
});

test.each(['-1', '1e3', '1.005', '', '.5', '1.', ' 1', '1,5', '0x10', '9999999999999999', 'NaN'])('"%s" is no amount of KZT', (text) =>
  expect(() => toMinor(text, 'KZT')).toThrow(/amount/),
);

test('a currency has the decimals of ISO 4217', () => {
  expect(toMinor('100.05', 'KZT')).toBe(10_005n);
  expect(toMinor('100', 'JPY')).toBe(100n);
  expect(() => toMinor('100.5', 'JPY')).toThrow(/more decimals than JPY has \(0\)/);
  expect(toMinor('1.234', 'KWD')).toBe(1_234n);
  expect(toMinor('1', 'IQD')).toBe(1_000n);
  expect(() => toMinor('1', 'XXX')).toThrow(/currency/);
  expect(() => toMinor('1', 'kzt')).toThrow(/currency/);
});

test('a percentage is rounded half up to the minor unit', () => {
  expect(basisPoints(10_000n, 150)).toBe(150n);
  expect(basisPoints(333n, 150)).toBe(5n);
  expect(basisPoints(1n, 5_000)).toBe(1n);
  expect(basisPoints(1n, 4_999)).toBe(0n);
});
