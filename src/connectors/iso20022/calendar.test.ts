import { expect, test } from 'vitest';
import { inAlmaty, kazakhCalendar } from './calendar.ts';

const calendar = await kazakhCalendar();
const off = (days: string[]) => days.filter((day) => !calendar.isBankDay(day));

test('weekends and the holidays of the law are no bank days', () => {
  const days = [
    '2025-01-01',
    '2025-01-02',
    '2025-01-07',
    '2025-03-21',
    '2025-05-01',
    '2025-05-07',
    '2025-05-09',
    '2025-06-06',
    '2025-12-16',
    '2025-11-15',
    '2025-11-16',
  ];
  expect(off(days)).toEqual(days);
  expect(off(['2025-01-03', '2025-01-08', '2025-03-20', '2025-06-09', '2025-12-17', '2025-11-14', '2025-11-17'])).toEqual([]);
});

test('a holiday on a weekend is made up for on the next working day, each on a day of its own', () => {
  const march = (year: number) => off(Array.from({ length: 31 }, (_, n) => `${year}-03-${String(n + 1).padStart(2, '0')}`));
  // 2025: Nauryz is Friday to Sunday, so Monday and Tuesday follow. 2026: Saturday to Monday, so Tuesday and Wednesday follow.
  expect(march(2025).filter((day) => day > '2025-03-20' && day < '2025-03-28')).toEqual(['21', '22', '23', '24', '25'].map((day) => `2025-03-${day}`));
  expect(march(2026).filter((day) => day > '2026-03-19' && day < '2026-03-28')).toEqual(['21', '22', '23', '24', '25'].map((day) => `2026-03-${day}`));
  expect(calendar.nextBankDay('2026-03-20')).toBe('2026-03-26');
  expect(off(['2025-03-10'])).toEqual(['2025-03-10']); // 8 March was a Saturday
});

test('Christmas and Kurban Ait on a weekend are not made up for', () => {
  expect(off(['2023-01-09', '2024-06-17'])).toEqual([]); // 7 January 2023 was a Saturday, 16 June 2024 a Sunday
});

test('what the government decrees is given, and a working day wins', async () => {
  const decreed = await kazakhCalendar({ extraDaysOff: ['2025-01-03'], extraWorkingDays: ['2025-01-05', '2025-06-06'] });
  expect(decreed.isBankDay('2025-01-03')).toBe(false);
  expect(decreed.isBankDay('2025-01-05')).toBe(true);
  expect(decreed.isBankDay('2025-06-06')).toBe(true);
  expect(decreed.nextBankDay('2025-01-02')).toBe('2025-01-05');
  await expect(kazakhCalendar({ extraDaysOff: ['3 January'] })).rejects.toThrow('is a date');
});

test('a payment before the cut-off is of this day, at it or after of the next bank day', () => {
  const valueDate = (at: string) => calendar.valueDate(new Date(at), '16:30');
  expect(valueDate('2025-11-14T16:29:59+05:00')).toBe('2025-11-14'); // a Friday
  expect(valueDate('2025-11-14T16:30:00+05:00')).toBe('2025-11-17');
  expect(valueDate('2025-11-15T09:00:00+05:00')).toBe('2025-11-17');
  expect(valueDate('2025-11-16T23:59:00+05:00')).toBe('2025-11-17');
  expect(valueDate('2025-11-17T00:00:00+05:00')).toBe('2025-11-17');
  expect(valueDate('2025-12-31T23:30:00+05:00')).toBe('2026-01-05');
  expect(() => calendar.valueDate(new Date('2025-11-14T00:00:00Z'), '25:00')).toThrow('a cut-off');
});

test('Almaty was six hours ahead until March 2024 and is five since', () => {
  expect(inAlmaty(new Date('2024-02-01T18:30:00Z'))).toEqual({ day: '2024-02-02', time: '00:30' });
  expect(inAlmaty(new Date('2024-03-02T18:30:00Z'))).toEqual({ day: '2024-03-02', time: '23:30' });
  expect(inAlmaty(new Date('2024-03-02T19:00:00Z'))).toEqual({ day: '2024-03-03', time: '00:00' });
});

test('a year of which nobody knows the holidays is not guessed', () => {
  expect(() => calendar.isBankDay('2090-01-04')).toThrow('knows the years');
  expect(() => calendar.isBankDay('2026-02-30')).toThrow('is a date');
});
