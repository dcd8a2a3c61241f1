import { expect, test } from 'vitest';
import { reasonCodes, reasonOf } from './reasons.ts';

test('the usual codes have a clause each, and say whom they concern', () => {
  const asked = 'AC01 AC04 AC06 AM04 AG01 BE01 FF01 MS03 RR04 DUPL NARR CUST FOCR'.split(' ');
  expect(asked.filter((code) => !reasonOf(code))).toEqual([]);
  expect(['AC01', 'AM04', 'FF01', 'RR04', 'CUST'].map((code) => reasonOf(code)?.concerns)).toEqual(['recipient', 'sender', 'technical', 'compliance', 'other']);
  expect(reasonOf('WHAT')).toBeUndefined();
});

test('a clause is short and stands for one code', () => {
  const codes = reasonCodes();
  expect(codes.length).toBeGreaterThanOrEqual(60);
  expect(codes.filter((code) => !/^[A-Z0-9]{4}$/.test(code))).toEqual([]);
  const texts = codes.map((code) => reasonOf(code)?.text ?? '');
  expect(texts.filter((text) => text.length < 8 || text.length > 90 || /[.;]$/.test(text))).toEqual([]);
  expect(new Set(texts).size).toBe(codes.length);
});
