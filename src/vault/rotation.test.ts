import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { masterKey, openVaultDesk, otherMasterKey, testPan, type VaultDesk } from './testing.ts';
import type { Vault } from './vault.ts';

let desk: VaultDesk;
beforeEach(async () => {
  desk = await openVaultDesk(inject('postgres'));
});
afterEach(() => desk?.close());

interface Saved {
  merchantId: string;
  token: string;
  pan: string;
}

async function fill(merchants: number, cards: number): Promise<Saved[]> {
  const saved: Saved[] = [];
  for (let m = 0; m < merchants; m++) {
    const { merchantId } = await desk.merchant();
    saved.push(
      ...(await Promise.all(
        Array.from({ length: cards }, async (_, i) => ({ merchantId, pan: testPan(m * 1000 + i), token: await desk.save(merchantId, testPan(m * 1000 + i)) })),
      )),
    );
  }
  return saved;
}

const allOpen = async (cards: Saved[], vault: Vault) => {
  for (const { merchantId, token, pan } of cards) expect(await desk.panOf(merchantId, token, vault)).toBe(pan);
};
const keks = async () =>
  (await desk.rows<{ kek_id: string }>('select distinct kek_id from vault.data_key union select kek_id from vault.transport_key')).length;
const keyCount = async () => Number((await desk.rows<{ n: string }>('select count(*) as n from vault.data_key'))[0]?.n);

test('all cards come under new keys, and the old ones are gone', async () => {
  const cards = await fill(3, 5);
  const before = await desk.rows<{ token_id: string; ciphertext: Buffer; data_key_id: string }>('select * from vault.card');
  const progress: number[] = [];
  const done = await desk.vault.rotate({ refingerprint: desk.refingerprint, onProgress: ({ cards: n }) => progress.push(n) });
  expect(done).toEqual({ merchants: 3, rewrapped: 0, cards: 15, destroyed: 3 });
  expect(progress.at(-1)).toBe(15);
  const after = await desk.rows<(typeof before)[number]>('select * from vault.card');
  for (const row of before) {
    const now = after.find(({ token_id }) => token_id === row.token_id);
    expect(now?.data_key_id).not.toBe(row.data_key_id);
    expect(now?.ciphertext).not.toEqual(row.ciphertext);
  }
  expect(await keyCount()).toBe(3);
  await allOpen(cards, desk.vault);
  await allOpen(cards, desk.vaultWith());
});

test('a new MASTER_KEY: everything is under it afterwards, and the old one opens nothing', async () => {
  const cards = await fill(2, 4);
  await desk.vault.publicKey();
  const [{ merchantId, pan }] = cards as [Saved];
  const fingerprints = () => desk.rows<{ id: string; fingerprint: string }>('select id, fingerprint from tolem.card_token order by id');
  const before = await fingerprints();
  const changing = desk.vaultWith({ masterKey: otherMasterKey, oldMasterKey: masterKey });
  await changing.check();
  await allOpen(cards, changing);
  const done = await changing.rotate({ refingerprint: desk.refingerprint });
  expect(done).toMatchObject({ merchants: 2, rewrapped: 3, cards: 8 });
  const after = desk.vaultWith({ masterKey: otherMasterKey });
  await after.check();
  await allOpen(cards, after);
  expect(await keks()).toBe(1);
  await expect(desk.vaultWith().check()).rejects.toThrow(/MASTER_KEY is not the key/);
  expect(await desk.panOf(merchantId, (cards[0] as Saved).token, desk.vaultWith())).toBeUndefined();
  const now = await fingerprints();
  expect(now.every(({ fingerprint }, i) => fingerprint !== before[i]?.fingerprint)).toBe(true);
  const again = await desk.save(merchantId, pan, after);
  expect((await fingerprints()).find(({ id }) => id === again)?.fingerprint).toBe(now.find(({ id }) => id === cards[0]?.token)?.fingerprint);
});

test('stopped anywhere, nothing is lost, and it goes on where it stood', async () => {
  const cards = await fill(3, 3);
  let steps = 0;
  for (let stopAt = 1; ; stopAt++) {
    const vault = desk.vaultWith({ masterKey: otherMasterKey, oldMasterKey: masterKey });
    let step = 0;
    const stop = () => {
      if (++step >= stopAt) throw new Error('killed');
    };
    const refingerprint: VaultDesk['refingerprint'] = async (...given) => {
      stop(); // before the fingerprints are written
      await desk.refingerprint(...given);
      stop(); // after it, and before the cards are moved
    };
    const ended = await vault.rotate({ refingerprint, onProgress: stop }).then(
      () => true,
      (error: Error) => {
        expect(error.message).toBe('killed');
        return false;
      },
    );
    await allOpen(cards, desk.vaultWith({ masterKey: otherMasterKey, oldMasterKey: masterKey }));
    steps++;
    if (ended) break;
  }
  expect(steps).toBeGreaterThan(3);
  expect(await keyCount()).toBe(3); // a merchant that was done before is not done again
  expect((await desk.rows('select * from vault.rotation')).length).toBe(1);
  await allOpen(cards, desk.vaultWith({ masterKey: otherMasterKey }));
});

test('cards are saved and opened all the while, by other processes too, and none fails', async () => {
  const cards = await fill(2, 30);
  const vaults = [0, 1, 2].map(() => desk.vaultWith({ masterKey: otherMasterKey, oldMasterKey: masterKey }));
  let rotating = true;
  const added: Saved[] = [];
  const traffic = vaults.map(async (vault, v) => {
    for (let i = 0; rotating || i < 5; i++) {
      const { merchantId, token, pan } = cards[(i * 7 + v) % cards.length] as Saved;
      expect(await desk.panOf(merchantId, token, vault)).toBe(pan);
      const fresh = testPan(50_000 + v * 1000 + i);
      added.push({ merchantId, pan: fresh, token: await desk.save(merchantId, fresh, vault) });
    }
  });
  const rotator = () => desk.vaultWith({ masterKey: otherMasterKey, oldMasterKey: masterKey }).rotate({ refingerprint: desk.refingerprint });
  await Promise.all([rotator(), rotator()]); // two at once do no harm
  await rotator();
  rotating = false;
  await Promise.all(traffic);
  await allOpen([...cards, ...added], desk.vaultWith({ masterKey: otherMasterKey }));
  expect(await keyCount()).toBe(2);
  const repeated = await desk.rows('select data_key_id, nonce from vault.card group by 1, 2 having count(*) > 1');
  expect(repeated).toEqual([]);
}, 30_000);

test('a data key seals for a year', async () => {
  const [first] = (await fill(1, 1)) as [Saved];
  desk.clock.advance(366 * 24 * 3_600_000);
  await desk.save(first.merchantId, testPan(1));
  expect(await keyCount()).toBe(2);
  expect(await desk.panOf(first.merchantId, first.token, desk.vaultWith())).toBe(first.pan);
});

test('a card that was tampered with stops the rotation by name, and the others stay as they are', async () => {
  const cards = await fill(1, 3);
  await desk.meddle(`update vault.card set ciphertext = set_byte(ciphertext, 20, (get_byte(ciphertext, 20) + 1) % 256) where token_id = '${cards[1]?.token}'`);
  await expect(desk.vault.rotate({ refingerprint: desk.refingerprint })).rejects.toThrow(`the card ${cards[1]?.token} does not open`);
  await allOpen([cards[0], cards[2]] as Saved[], desk.vault);
});
