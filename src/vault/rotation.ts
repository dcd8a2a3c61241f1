import { type Db, isLockTimeout, sqlState } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { assert } from '../errors.ts';
import type { Ids } from '../ids.ts';
import type { Clock } from '../ports.ts';
import { type Ciphertext, ciphertextsUnder, replaceCiphertexts } from './ciphertexts.ts';
import { type DataKey, type DataKeys, ownerOf } from './data-keys.ts';
import { VaultError } from './errors.ts';
import type { MasterKeys } from './master-keys.ts';
import type { TransportKeys } from './transport.ts';

export interface RotationOptions {
  /**
   * Is given the fingerprints of cards before they are put under their new key, since a new MASTER_KEY changes them. May be
   * given the same ones again.
   */
  refingerprint(merchantId: string, cards: { tokenId: string; fingerprint: string }[]): Promise<void>;
  /** also puts a new key in the place of the one that merchants encrypt card data to */
  renewTransportKey?: boolean;
  onProgress?(progress: Progress): void;
}

export interface Progress {
  merchantsDone: number;
  merchants: number;
  cards: number;
}

export interface Rotated {
  merchants: number;
  /** keys that were sealed under another MASTER_KEY before */
  rewrapped: number;
  cards: number;
  /** old data keys that are gone, and with them every copy of a ciphertext that a backup may hold */
  destroyed: number;
}

export interface RotationTools {
  db: Db;
  clock: Clock;
  ids: Ids;
  master: MasterKeys;
  dataKeys: DataKeys;
  transport: TransportKeys;
  merchants(): Promise<string[]>;
  reopen(merchantId: string, card: Ciphertext, from: DataKey, to: DataKey): { to: Ciphertext; fingerprint: string };
}

interface KeyRow {
  id: string;
  kekId: string;
  sealed: Buffer;
  retired: boolean;
  createdAt: Date;
}

const BATCH = 200;

/** Online and resumable: every step commits by itself, and what is left to do is read from the rows. */
export async function rotate(tools: RotationTools, options: RotationOptions): Promise<Rotated> {
  const { id, startedAt } = await begin(tools);
  const done: Rotated = { merchants: 0, rewrapped: await tools.transport.rewrap(), cards: 0, destroyed: 0 };
  const merchants = await tools.merchants();
  for (const merchantId of merchants) {
    done.rewrapped += await rewrap(tools, merchantId);
    await renew(tools, merchantId, startedAt);
    const report = (cards: number) => {
      done.cards += cards;
      options.onProgress?.({ merchantsDone: done.merchants, merchants: merchants.length, cards: done.cards });
    };
    done.destroyed += await empty(tools, options, merchantId, report);
    done.merchants++;
    report(0);
  }
  if (options.renewTransportKey) await tools.transport.renew();
  await tools.db.lookup((q) =>
    q.run(sql`update vault.rotation as r set finished_at = ${tools.clock.now()}::timestamptz where r.id = ${id}::uuid and r.finished_at is null`),
  );
  return done;
}

/** The rotation that was interrupted, or a new one. */
function begin({ db, clock, ids }: RotationTools): Promise<{ id: string; startedAt: Date }> {
  return db.lookup(async (q) => {
    await q.run(sql`insert into vault.rotation as r (id, started_at) values (${ids.uuid()}::uuid, ${clock.now()}::timestamptz) on conflict do nothing`);
    return q.one(sql`select r.id, r.started_at as "startedAt" from vault.rotation r where r.finished_at is null`);
  });
}

/** Seals a merchant's data keys under the present master key; the keys themselves stay. */
function rewrap({ db, master }: RotationTools, merchantId: string): Promise<number> {
  return db.merchant(merchantId, async (tx) => {
    const rows = await tx.rows<KeyRow>(sql`
      select k.id, k.kek_id as "kekId", k.wrapped as sealed from vault.data_key k where k.merchant_id = ${merchantId} and k.kek_id <> ${master.currentId} order by k.id for no key update`);
    for (const { id, kekId, sealed } of rows) {
      const key = master.unwrap({ kekId, sealed }, ownerOf(merchantId, id));
      const wrapped = master.wrap(key, ownerOf(merchantId, id));
      key.fill(0);
      await tx.run(
        sql`update vault.data_key as k set kek_id = ${wrapped.kekId}, wrapped = ${wrapped.sealed}::bytea where k.merchant_id = ${merchantId} and k.id = ${id}::uuid`,
      );
    }
    return rows.length;
  });
}

/** From here on, the merchant's new cards go under a key that is younger than the rotation. */
async function renew({ db, dataKeys }: RotationTools, merchantId: string, startedAt: Date): Promise<void> {
  await db.merchant(merchantId, async (tx) => {
    const active = await tx.maybe<KeyRow>(sql`
      select k.id, k.created_at as "createdAt" from vault.data_key k where k.merchant_id = ${merchantId} and k.retired_at is null for no key update`);
    if (active && active.createdAt < startedAt) await dataKeys.renew(tx, active.id);
  });
}

/** Takes every card from under the merchant's retired keys, then deletes those. @returns how many keys */
async function empty(tools: RotationTools, options: RotationOptions, merchantId: string, report: (cards: number) => void): Promise<number> {
  let destroyed = 0;
  for (const id of await retired(tools, merchantId)) {
    do for (let moved = -1; moved !== 0; report(moved)) moved = await moveBatch(tools, options, merchantId, id);
    while (!(await destroy(tools, merchantId, id)));
    destroyed++;
  }
  return destroyed;
}

const retired = async ({ db }: RotationTools, merchantId: string): Promise<string[]> =>
  (
    await db.merchant(merchantId, (tx) =>
      tx.rows<KeyRow>(sql`select k.id from vault.data_key k where k.merchant_id = ${merchantId} and k.retired_at is not null order by k.id`),
    )
  ).map(({ id }) => id);

/** Fingerprints first: killed in between, they are only written again. */
async function moveBatch({ db, dataKeys, reopen }: RotationTools, { refingerprint }: RotationOptions, merchantId: string, fromId: string): Promise<number> {
  const { cards, from, to } = await db.merchant(merchantId, async (tx) => ({
    cards: await ciphertextsUnder(tx, fromId, BATCH),
    from: (await dataKeys.byIds(tx, [fromId])).get(fromId),
    to: await dataKeys.active(tx),
  }));
  if (cards.length === 0) return 0;
  if (!from) throw new VaultError(`the data key ${fromId} does not open, and ${cards.length} cards or more are under it`);
  const moved = cards.map((card) => ({ from: card, ...reopen(merchantId, card, from, to) }));
  await refingerprint(
    merchantId,
    moved.map(({ from: { tokenId }, fingerprint }) => ({ tokenId, fingerprint })),
  );
  const count = await db.merchant(merchantId, (tx) => replaceCiphertexts(tx, moved));
  assert(count <= moved.length, 'a card is moved once');
  return moved.length;
}

/** @returns false when a card came under it meanwhile, or somebody holds it: then there is more to move */
async function destroy({ db }: RotationTools, merchantId: string, id: string): Promise<boolean> {
  try {
    await db.merchant(merchantId, (tx) =>
      tx.run(sql`delete from vault.data_key as k where k.merchant_id = ${merchantId} and k.id = ${id}::uuid and k.retired_at is not null`),
    );
    return true;
  } catch (error) {
    if (sqlState(error) === '23503' || isLockTimeout(error)) return false;
    throw error;
  }
}
