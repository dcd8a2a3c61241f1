import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from './json.ts';

const parse = (text: string | Buffer) => parseJson(Buffer.from(text));
const refusal = (text: string | Buffer): string => {
  try {
    parse(text);
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};

/** JSON values whose numbers are ones that we keep exactly. */
const numbers = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.tuple(fc.integer({ min: 0, max: 10 ** 9 }), fc.integer({ min: 0, max: 99 })).map(([whole, cents]) => Number(`${whole}.${String(cents).padStart(2, '0')}`)),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    numbers,
    fc.string({ unit: 'grapheme' }).filter((s) => !s.includes('\0')),
    fc.array(tie('value')),
    fc.dictionary(
      fc.string().filter((s) => s !== '__proto__' && !s.includes('\0')),
      tie('value'),
    ),
  ),
}));

test('what JSON.parse reads, this reads the same', () => {
  fc.assert(
    fc.property(value, fc.boolean(), (given, pretty) => {
      const text = JSON.stringify(given, null, pretty ? 2 : 0);
      expect(parse(text)).toEqual(JSON.parse(text));
    }),
    { numRuns: 500 },
  );
});

test('what JSON.parse refuses, this refuses', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '1', '.', '-', 'e', 'true', 'null', ' ', '\\', 'u00', '\n') }), (text) => {
      let standard: unknown;
      try {
        standard = JSON.parse(text);
      } catch {
        expect(refusal(text)).not.toBe('accepted');
        return;
      }
      const ours = refusal(text);
      if (ours === 'accepted') expect(parse(text)).toEqual(standard);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['{"amount":1e3}', 'amount: 1e3 is written with an exponent'],
  ['{"amount":1E3}', 'with an exponent'],
  ['{"amount":9007199254740993}', 'amount: 9007199254740993 has more digits'],
  ['{"amount":0.1234567890123456}', 'more digits'],
  ['{"a":{"b":1,"b":2}}', 'a.b: this name stands twice'],
  ['{"a":"\\u0000"}', 'a: has the character U+0000'],
  ['{"a":"\\ud800"}', 'half of a surrogate pair'],
  ['{"__proto__":{"admin":true}}', '__proto__: not a name'],
  ['{"a":1} x', 'something follows'],
  ['[1,]', 'no JSON value'],
  ['{"a":01}', 'an object ends with }'],
  ['', 'ends too early'],
  ['{"a":"\n"}', 'control character'],
  [`${'['.repeat(100)}${']'.repeat(100)}`, 'nested deeper'],
  ['NaN', 'no JSON value'],
])('%s is refused: %s', (text, words) => expect(refusal(text)).toContain(words));

test('a body that is not UTF-8 is refused', () => {
  expect(refusal(Buffer.from([0x22, 0xff, 0x22]))).toContain('not UTF-8');
  expect(refusal(Buffer.from([0xed, 0xa0, 0x80]))).toContain('not UTF-8'); // a surrogate, encoded
});

test('an exact decimal comes back as it was written', () => {
  for (const literal of ['0.1', '100.05', '999999999999.99', '0.30', '-0.5', '9007199254740991'])
    expect(String(parse(literal))).toBe(literal.replace(/0$/, literal.includes('.') ? '' : '0'));
});
