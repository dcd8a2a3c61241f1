import fc from 'fast-check';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { sqlState } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { openCard, sealCard } from './cipher.ts';
import { VaultError } from './errors.ts';
import { openVaultDesk, otherMasterKey, random, testPan, type VaultDesk } from './testing.ts';
import { Vault } from './vault.ts';

let desk: VaultDesk;
let shop: string;
let other: string;
beforeAll(async () => {
  desk = await openVaultDesk(inject('postgres'));
  [shop, other] = [(await desk.merchant()).merchantId, (await desk.merchant('Other')).merchantId];
});
afterAll(() => desk?.close());

const refused = (work: Promise<unknown>) => work.then(() => 'allowed', sqlState);

test('a card comes out as it went in, and the row shows nothing of it', async () => {
  const token = await desk.save(shop, '4111111111111111');
  expect(await desk.panOf(shop, token)).toBe('4111111111111111');
  const [row] = await desk.rows<{ ciphertext: Buffer; nonce: Buffer }>(`select * from vault.card where token_id = '${token}'`);
  expect(row?.ciphertext.toString('latin1')).not.toContain('4111');
  expect(row?.ciphertext.length).toBe(1 + 16 + 64);
});

test('many cards are opened with one query, and those that are not there are not in the answer', async () => {
  const pans = Array.from({ length: 100 }, (_, i) => testPan(i));
  const tokens = await Promise.all(pans.map((pan) => desk.save(shop, pan)));
  const fresh = desk.vaultWith();
  const cards = await fresh.open(shop, [...tokens, desk.ids.uuid()]);
  expect(await Promise.all(tokens.map(async (token) => cards.get(token)?.use(async ({ pan }) => pan)))).toEqual(pans);
  expect(cards.size).toBe(100);
});

test('any changed bit, any cut, and any other place is refused', () => {
  const key = random.bytes(32);
  const place = { merchantId: 'm', tokenId: 't', dataKeyId: 'k' };
  const sealed = sealCard({ pan: '4111111111111111', expiryMonth: 12, expiryYear: 2039 }, key, place, random);
  expect(openCard(sealed, key, place).pan).toBe('4111111111111111');
  fc.assert(
    fc.property(fc.nat(sealed.ciphertext.length * 8 - 1), (bit) => {
      const ciphertext = Buffer.from(sealed.ciphertext);
      ciphertext[bit >> 3] = (ciphertext[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => openCard({ ...sealed, ciphertext }, key, place)).toThrow(VaultError);
    }),
  );
  fc.assert(
    fc.property(fc.nat(sealed.ciphertext.length - 1), (length) => {
      expect(() => openCard({ ...sealed, ciphertext: sealed.ciphertext.subarray(0, length) }, key, place)).toThrow(VaultError);
    }),
  );
  fc.assert(
    fc.property(fc.nat(95), (bit) => {
      const nonce = Buffer.from(sealed.nonce);
      nonce[bit >> 3] = (nonce[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => openCard({ ...sealed, nonce }, key, place)).toThrow(VaultError);
    }),
  );
  for (const elsewhere of [{ merchantId: 'n' }, { tokenId: 'u' }, { dataKeyId: 'l' }])
    expect(() => openCard(sealed, key, { ...place, ...elsewhere })).toThrow(VaultError);
});

test('a refused card says nothing of what it may have held', () => {
  const key = random.bytes(32);
  const place = { merchantId: 'm', tokenId: 't', dataKeyId: 'k' };
  const sealed = sealCard({ pan: '4111111111111111', expiryMonth: 12, expiryYear: 2039 }, key, place, random);
  const error = (() => {
    try {
      return openCard(sealed, key, { ...place, tokenId: 'u' });
    } catch (caught) {
      return caught as Error;
    }
  })() as Error;
  expect(`${error.message}${error.stack}${String(error.cause)}`).not.toMatch(/4111/);
});

test('ciphertexts that change rows do not open, and somebody is told', async () => {
  const [a, b] = [await desk.save(shop, testPan(201)), await desk.save(shop, testPan(202))];
  await desk.meddle(
    `update vault.card x set ciphertext = y.ciphertext, nonce = set_byte(y.nonce, 0, (get_byte(y.nonce, 0) + 1) % 256) from vault.card y where x.token_id = '${a}' and y.token_id = '${b}'`,
  );
  const before = desk.damaged.length;
  const cards = await desk.vault.open(shop, [a, b]);
  expect([...cards.keys()]).toEqual([b]);
  expect(desk.damaged.length).toBe(before + 1);
});

test('two wrapped data keys that change places are refused', async () => {
  const [mine, theirs] = [await desk.save(shop, testPan(301)), await desk.save(other, testPan(302))];
  const swap = () =>
    desk.meddle(`
    update vault.data_key x set wrapped = y.wrapped from vault.data_key y
    where x.retired_at is null and y.retired_at is null and x.merchant_id in ('${shop}', '${other}') and y.merchant_id in ('${shop}', '${other}') and x.merchant_id <> y.merchant_id`);
  await swap();
  const fresh = desk.vaultWith();
  expect(await desk.panOf(shop, mine, fresh)).toBeUndefined();
  expect(await desk.panOf(other, theirs, fresh)).toBeUndefined();
  expect(desk.damaged.at(-1)?.message).toMatch(/was changed, or belongs to another/);
  await expect(desk.save(shop, testPan(303), fresh)).rejects.toThrow(VaultError);
  await swap();
  expect(await desk.panOf(shop, mine, desk.vaultWith())).toBe(testPan(301));
});

test('another MASTER_KEY is refused at the start, in words', async () => {
  await desk.save(shop, testPan(401));
  await expect(desk.vault.check()).resolves.toBeUndefined();
  const wrong = desk.vaultWith({ masterKey: otherMasterKey });
  await expect(wrong.check()).rejects.toThrow(/MASTER_KEY is not the key of this database's cards: they are sealed under [0-9a-f]{16}, it is [0-9a-f]{16}/);
  await expect(desk.vaultWith({ masterKey: otherMasterKey, oldMasterKey: Buffer.alloc(32, 1) }).check()).resolves.toBeUndefined();
  expect(() => new Vault({ db: desk.vaultDb, masterKey: Buffer.alloc(16), clock: desk.clock, random, ids: desk.ids })).toThrow('a master key has 32 bytes');
});

test('equal cards of one merchant have one fingerprint; of two merchants, two', async () => {
  const pan = testPan(501);
  const [a, b, c] = [await desk.save(shop, pan), await desk.save(shop, pan), await desk.save(other, pan)];
  const rows = await desk.rows<{ id: string; fingerprint: string }>(`select id, fingerprint from tolem.card_token where id in ('${a}', '${b}', '${c}')`);
  const of = (id: string) => rows.find((row) => row.id === id)?.fingerprint;
  expect(of(a)).toBe(of(b));
  expect(of(a)).not.toBe(of(c));
  expect(desk.vaultWith({ masterKey: otherMasterKey }).fingerprint(shop, { pan, expiryMonth: 1, expiryYear: 2030 })).not.toBe(of(a));
});

test('the roles see what is theirs', async () => {
  const { db, vaultDb } = desk;
  for (const table of ['card', 'data_key', 'transport_key', 'rotation']) {
    expect(await refused(db.merchant(shop, (tx) => tx.rows({ text: `select * from vault.${table}`, values: [], name: `peek-${table}` })))).toBe('42501');
  }
  for (const text of [
    'select last4 from card_token',
    'select * from customer',
    'select name from merchant',
    'select * from page_owner',
    'update card_token set last4 = last4',
  ]) {
    expect(await refused(vaultDb.merchant(shop, (tx) => tx.rows({ text, values: [], name: text })))).toBe('42501');
  }
});

test("a vault's transaction reads and writes its own merchant's rows only", async () => {
  const token = await desk.save(other, testPan(601));
  expect((await desk.vault.open(shop, [token])).size).toBe(0);
  const rows = await desk.vaultDb.merchant(shop, (tx) => tx.rows(sql`select c.token_id from vault.card c where c.merchant_id = ${other}`));
  expect(rows).toEqual([]);
});

test('no token is without its card: the database refuses it', async () => {
  const card = { id: desk.ids.uuid(), customerId: desk.ids.uuid() };
  const insert = desk.db.merchant(shop, async (tx) => {
    await tx.run(
      sql`insert into customer as c (merchant_id, id, created_at, updated_at) select m.merchant_id, ${card.customerId}::uuid, ${desk.clock.now()}::timestamptz, ${desk.clock.now()}::timestamptz from merchant m where m.merchant_id = ${shop}`,
    );
    await tx.run(sql`
      insert into card_token as c (merchant_id, id, customer_id, brand, bin, last4, expiry_month, expiry_year, fingerprint, created_at)
      select m.merchant_id, ${card.id}::uuid, ${card.customerId}::uuid, 'visa', '411111', '1111', 12, 2039, 'x', ${desk.clock.now()}::timestamptz from merchant m where m.merchant_id = ${shop}`);
  });
  expect(await refused(insert)).toBe('23503');
});

test('a card that got no token is taken back; one that has a token stays', async () => {
  const card = desk.vault.read({ number: testPan(701), expiryMonth: '12', expiryYear: '39' });
  const [lost, forgotten] = [desk.ids.uuid(), desk.ids.uuid()];
  for (const id of [lost, forgotten]) await desk.vault.store(shop, id, card as never);
  const kept = await desk.save(shop, testPan(702));
  await desk.vault.discard(shop, lost);
  await desk.vault.discard(shop, kept);
  expect((await desk.vault.open(shop, [lost, forgotten, kept])).has(lost)).toBe(false);
  expect(await desk.vault.sweep(new Date(desk.clock.now().getTime() - 60_000))).toBe(0);
  expect(await desk.vault.sweep(new Date(desk.clock.now().getTime() + 1))).toBe(1);
  expect([...(await desk.vault.open(shop, [lost, forgotten, kept])).keys()]).toEqual([kept]);
});

test('a handle works any number of times, and tells nothing when it is printed', async () => {
  const token = await desk.save(shop, testPan(801));
  const card = (await desk.vault.open(shop, [token])).get(token);
  expect(await card?.use(async ({ pan }) => pan)).toBe(await card?.use(async ({ pan }) => pan));
  const { inspect } = await import('node:util');
  const read = desk.vault.read({ number: testPan(801), expiryMonth: '1', expiryYear: '39', holder: 'A Serikova' });
  for (const shown of [inspect(card, { depth: 9, showHidden: true }), inspect(read, { depth: 9, showHidden: true }), JSON.stringify(read)]) {
    expect(shown).not.toContain(testPan(801));
    expect(shown).not.toContain('Serikova');
  }
});
