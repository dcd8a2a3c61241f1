import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inFours, invoiceNumber, isNumber, merchantCodeIn, numberIn } from './reference.ts';

const letters = '0123456789abcdefghjkmnpqrstvwxyz';
const code = (length: number) => fc.array(fc.constantFrom(...letters), { minLength: length, maxLength: length }).map((some) => some.join(''));

test('it is a creditor reference as the standard has it', () => {
  // The standard's own example, RF18 5390 0754 7034, is no number of ours; its check digits are made in the same way.
  expect(isNumber('RF18539007547034')).toBe(false);
  expect(invoiceNumber('k3m9x2pq', '7f2h9c0azz')).toMatch(/^RF\d\dK3M9X2PQ7F2H9C0AZZ$/);
  expect(inFours('RF12K3M9X2PQ7F2H9C0AZZ')).toBe('RF12 K3M9 X2PQ 7F2H 9C0A ZZ');
});

test('a number is found again in what people make of it, and names its merchant', () => {
  const cyrillic: Record<string, string> = { A: 'А', B: 'В', E: 'Е', K: 'К', M: 'М', H: 'Н', 0: 'О', P: 'Р', C: 'С', T: 'Т', Y: 'У', X: 'Х' };
  const disguises: ((number: string) => string)[] = [
    (number) => number,
    (number) => `Оплата по счёту № ${inFours(number)} от 21.11.2026, без НДС`,
    (number) => `invoice ${number.toLowerCase()}.`,
    (number) => [...number].join('-'),
    (number) => `${number.slice(0, 9)}\n${number.slice(9)}`,
    (number) => `RF${[...number.slice(2)].map((letter) => cyrillic[letter] ?? letter).join('')}`,
    (number) => number.replaceAll('0', 'O').replaceAll('1', 'l'),
    (number) => `РФ${number.slice(2)}`,
    (number) => `RF00 is not it, but ${number} is`,
  ];
  fc.assert(
    fc.property(code(8), code(10), fc.constantFrom(...disguises), (merchant, tail, disguise) => {
      const number = invoiceNumber(merchant, tail);
      expect(isNumber(number)).toBe(true);
      expect(numberIn(disguise(number))).toBe(number);
      expect(merchantCodeIn(number)).toBe(merchant);
    }),
  );
});

test('a letter for a letter, a digit for a digit, or two that changed places, is not taken for another invoice', () => {
  const isDigit = (letter: string) => /\d/.test(letter);
  fc.assert(
    fc.property(code(8), code(10), fc.nat(17), fc.constantFrom(...letters.toUpperCase()), (merchant, tail, at, letter) => {
      const number = invoiceNumber(merchant, tail);
      const i = at + 4;
      const mistyped = number.slice(0, i) + letter + number.slice(i + 1);
      if (mistyped !== number && isDigit(letter) === isDigit(number[i] as string)) expect(numberIn(mistyped)).toBeUndefined();
      const [a, b] = [number[i] as string, number[i + 1] ?? ''];
      const swapped = number.slice(0, i) + b + a + number.slice(i + 2);
      if (swapped !== number && isDigit(a) === isDigit(b)) expect(numberIn(swapped)).toBeUndefined();
    }),
  );
});

test.each(['', 'RF', 'Оплата по договору 123', 'RF12 K3M9', 'RF99K3M9X2PQ7F2H9C0AZZ'])('%j has none', (text) => expect(numberIn(text)).toBeUndefined());
