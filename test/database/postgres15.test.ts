/** The same on PostgreSQL 15, the oldest that DATABASE_URL may name. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verify } from '../../src/audit/verify.ts';
import { withOwner } from '../../src/db/session.ts';
import { openTestHouse } from '../harness/house.ts';
import { freshDatabase, prepareTemplate } from '../harness/template.ts';
import { emptyDatabase, migrated, ourMigrations, sharded } from './migrations.fixture.ts';
import { has15, type Server15, start15 } from './postgres15.fixture.ts';

if (!has15) console.log('PostgreSQL 15 is not on this machine (PGBIN15): what runs on it was not tried');

describe.skipIf(!has15)('on PostgreSQL 15', () => {
  let server: Server15;
  beforeAll(async () => {
    server = await start15();
  });
  afterAll(() => server.stop());

  test('ten processes may migrate at once', async () => {
    const url = await emptyDatabase(server.url);
    const applied = await Promise.all(Array.from({ length: 10 }, () => migrated(url)));
    expect(applied.flat().toSorted()).toEqual((await ourMigrations()).map(({ name }) => name));
    expect(await withOwner(url, (session) => session.rows(`select 1 where current_setting('server_version_num')::int / 10000 <> 15`))).toEqual([]);
  });

  test('every table of a merchant could be sharded by merchant', async () => {
    const url = await emptyDatabase(server.url);
    await migrated(url, await sharded());
  });

  test('a payout walks the whole way, and the books are good', async () => {
    await prepareTemplate(server.url);
    const th = await openTestHouse({ url: await freshDatabase(server.url) });
    try {
      const m = await th.merchant({ available: 100_00n });
      th.bank.script = { send: (transfer) => (transfer.amount === 1_05n ? { kind: 'declined', code: '05', message: 'do not honour' } : (undefined as never)) };
      const [paid, refused] = [1, 1.05].map((amount) => th.post('/v1/payout', m, { tokenId: m.cardToken, amount }));
      const ids = [(await paid)?.body.id, (await refused)?.body.id];
      await th.work(m);
      expect(await th.told(m, ids[0])).toEqual(['transaction.new', 'transaction.processing', 'transaction.settled']);
      expect(await th.told(m, ids[1])).toEqual(['transaction.new', 'transaction.processing', 'transaction.rejected']);
      expect(await th.balances(m)).toEqual({ available: 99_00n, held: 0n });
      expect((await verify(th.url)).filter(({ violations }) => violations > 0)).toEqual([]);
    } finally {
      await th.close();
    }
  });
});
