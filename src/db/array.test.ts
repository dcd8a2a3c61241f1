import fc from 'fast-check';
import { expect, inject, test } from 'vitest';
import { arrayLiteral } from './array.ts';
import { withOwner } from './session.ts';

const texts = fc.oneof(
  fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0') && text.isWellFormed()),
  fc.constantFrom('', 'NULL', 'null', '{}', '","', '\\', '\\"', 'a\\\\b', '\n\t\r\u0001\u007f', '{"a":"b\\n\\u0001"}', '\u2028', '😀'),
);

test('what is written is what PostgreSQL reads, whatever the texts', async () => {
  await withOwner(inject('postgres'), async (session) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(texts), { maxLength: 8 }), async (items) => {
        const literal = arrayLiteral(items).replaceAll("'", "''");
        const [{ read }] = (await session.rows<{ read: unknown }>(`select to_json('${literal}'::text[])::text as read`)) as [{ read: string }];
        expect(JSON.parse(read)).toEqual(items);
      }),
      { numRuns: 300 },
    );
  });
});

test('numbers, booleans, moments and bytes too; what an array cannot hold is refused', () => {
  expect(arrayLiteral([1, 2n, true, null, undefined])).toBe('{1,2,true,NULL,NULL}');
  expect(arrayLiteral([new Date(0), Buffer.from([1, 255])])).toBe('{"1970-01-01T00:00:00.000Z","\\\\x01ff"}');
  expect(() => arrayLiteral([{ a: 1 }])).toThrow(/holds texts/);
});
