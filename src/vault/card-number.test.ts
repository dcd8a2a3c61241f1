import { expect, test } from 'vitest';
import { holdsCardNumber, readCard, splitExpiry } from './card-number.ts';
import { CheckedCard } from './checked-card.ts';

const now = new Date('2026-06-15T12:00:00Z');
const read = (number: string, expiryMonth = '12', expiryYear = '2029', holder = '') => readCard({ number, expiryMonth, expiryYear, holder }, now);
const face = (card: ReturnType<typeof read>) => (card instanceof CheckedCard ? card.face : card);

test('a good card is read, however it was typed', () => {
  const expected = { brand: 'visa', bin: '411111', last4: '1111', expiryMonth: 12, expiryYear: 2029 };
  for (const typed of ['4111111111111111', '4111 1111 1111 1111', ' 4111-1111-1111-1111 ', '4111–1111–1111–1111', '４１１１１１１１１１１１１１１１'])
    expect(face(read(typed))).toEqual(expected);
  expect(face(read('4111111111111111', '3', '29'))).toEqual({ ...expected, expiryMonth: 3 });
});

test.each([
  ['5105105105105100', 'mastercard'],
  ['2223000048410010', 'mastercard'],
  ['378282246310005', 'amex'],
  ['2200000000000004', 'mir'],
  ['6200000000000005', 'unionpay'],
  ['8600000000000007', 'unknown'],
  ['9860010000000009', 'unknown'],
])('%s is %s', (number, brand) => expect(face(read(number))).toMatchObject({ brand }));

test.each([
  ['', 'missing'],
  ['  ', 'missing'],
  ['card', 'digits'],
  ['4111x11111111111', 'digits'],
  ['411111111111111', 'length'],
  ['41111111111111111', 'length'],
  ['860000000000008', 'length'],
  ['4111111111111110', 'check'],
  ['4111111111111112', 'check'],
])('%j is refused: %s', (number, problem) => expect(read(number)).toEqual({ number: problem }));

test.each([
  ['', '', 'missing'],
  ['13', '2029', 'format'],
  ['0', '2029', 'format'],
  ['12', '', 'format'],
  ['12', '029', 'format'],
  ['1e1', '29', 'format'],
  ['05', '2026', 'past'],
  ['12', '1999', 'past'],
  ['12', '2047', 'far'],
])('the expiry %j / %j is refused: %s', (month, year, problem) => expect(read('4111111111111111', month, year)).toEqual({ expiry: problem }));

test('a card is good through the last day of its month, anywhere on earth', () => {
  const at = (moment: string) => readCard({ number: '4111111111111111', expiryMonth: '06', expiryYear: '26' }, new Date(moment));
  expect(at('2026-07-01T11:59:59Z')).toBeInstanceOf(CheckedCard);
  expect(at('2026-07-01T12:00:00Z')).toEqual({ expiry: 'past' });
});

test('all that is wrong is said at once', () => {
  expect(read('1', '', '', '<script>')).toEqual({ number: 'length', expiry: 'missing', holder: 'characters' });
  expect(read('4111111111111111', '12', '29', 'A'.repeat(65))).toEqual({ holder: 'long' });
  expect(read('4111111111111111', '12', '29', '4111 1111 1111 1111')).toEqual({ holder: 'characters' });
  expect(read('4111111111111111', '12', '29', 'safe\u202Eevil')).toEqual({ holder: 'characters' });
  expect(face(read('4111111111111111', '12', '29', "Айгерім Серік-Қызы O'Neil"))).toMatchObject({ last4: '1111' });
});

test.each([
  ['09 / 29', '09', '29'],
  ['9/29', '9', '29'],
  ['9 2029', '9', '2029'],
  ['0929', '09', '29'],
  ['092029', '09', '2029'],
  ['12-29', '12', '29'],
  ['１２／２９', '12', '29'],
  ['929', '929', ''],
  ['', '', ''],
  ['next year', 'nextyear', ''],
])('%j is month %j, year %j', (text, expiryMonth, expiryYear) => expect(splitExpiry(text)).toEqual({ expiryMonth, expiryYear }));

test('a card number is found in any text, and nothing else is taken for one', () => {
  for (const text of [
    '4111111111111111',
    'my card is 4111 1111 1111 1111 12/29',
    'x4111-1111-1111-1111y',
    '４１１１１１１１１１１１１１１１',
    '3782.8224.6310.005',
  ])
    expect(holdsCardNumber(text)).toBe(true);
  for (const text of [
    '',
    'user-1042',
    '+7 701 123 45 67',
    '4111111111111110',
    '019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb',
    '1788525144316',
    '2026-06-15 12:00:00',
    '123456789012',
  ])
    expect(holdsCardNumber(text)).toBe(false);
});
