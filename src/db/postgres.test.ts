import fc from 'fast-check';
import { expect, inject, test } from 'vitest';
import { openPostgres } from './postgres.ts';
import { sql } from './sql.ts';

test('a moment comes back as it was sent, alone or in an array, to the millisecond', async () => {
  const db = openPostgres({ url: inject('postgres'), role: 'postgres', poolSize: 1 });
  const moments = fc.date({ min: new Date('1000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });
  await fc.assert(
    fc.asyncProperty(moments, fc.array(moments, { maxLength: 3 }), async (one, several) => {
      const read = await db.lookup((q) => q.one<{ one: Date; several: Date[] }>(sql`select ${one}::timestamptz as one, ${several}::timestamptz[] as several`));
      expect(read).toEqual({ one, several });
    }),
    { numRuns: 200 },
  );
  // What the engine does not read natively is the driver's: no moment of ours, but none is misread.
  const odd = await db.lookup((q) =>
    q.one<{ end: number; old: Date }>(sql`select 'infinity'::timestamptz as end, '0044-03-15 00:00+00 BC'::timestamptz as old`),
  );
  expect([odd.end, odd.old.getUTCFullYear()]).toEqual([Infinity, -43]);
  await db.close();
});
