import type { Tx } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { assert } from '../errors.ts';
import type { Ids } from '../ids.ts';
import type { Clock, Random } from '../ports.ts';
import type { MasterKeys } from './master-keys.ts';

/** A merchant's data key, open. */
export interface DataKey {
  id: string;
  key: Buffer;
}

interface Row {
  id: string;
  kekId: string;
  wrapped: Buffer;
  createdAt: Date;
}

const YEAR_MS = 365 * 24 * 3_600_000;
const MAX_CACHED = 20_000;

/** The data keys of merchants. Open ones are kept in memory, so that a payout costs one query and no unwrapping. */
export class DataKeys {
  private readonly open = new Map<string, DataKey>();
  private readonly master: MasterKeys;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly ids: Ids;
  private readonly onDamage: (error: Error) => void;

  constructor(master: MasterKeys, { clock, random, ids, onDamage }: { clock: Clock; random: Random; ids: Ids; onDamage(error: Error): void }) {
    this.master = master;
    this.clock = clock;
    this.random = random;
    this.ids = ids;
    this.onDamage = onDamage;
  }

  /** The key that seals now. It cannot be retired before this transaction ends. A merchant's first one is made here, and the next after a year. */
  async active(tx: Tx): Promise<DataKey> {
    const row = (await this.lockActive(tx)) ?? (await this.make(tx));
    if (this.clock.now().getTime() - row.createdAt.getTime() < YEAR_MS) return this.unwrap(tx.merchantId, row);
    return this.renew(tx, row.id);
  }

  /** Retires the key that seals, if it is still this one, in favour of a new one. */
  async renew(tx: Tx, id: string): Promise<DataKey> {
    await tx.run(
      sql`update vault.data_key as k set retired_at = ${this.clock.now()}::timestamptz where k.merchant_id = ${tx.merchantId} and k.id = ${id}::uuid and k.retired_at is null`,
    );
    return this.unwrap(tx.merchantId, await this.make(tx));
  }

  /** These keys of the transaction's merchant, sealing or retired. One that is not there, or does not open, is not in the answer. */
  async byIds(tx: Tx, ids: Iterable<string>): Promise<Map<string, DataKey>> {
    const unique = [...new Set(ids)];
    const found = new Map(unique.map((id) => [id, this.open.get(`${tx.merchantId}/${id}`)]));
    const missing = unique.filter((id) => !found.get(id));
    const rows =
      missing.length === 0
        ? []
        : await tx.rows<Row>(sql`
      select k.id, k.kek_id as "kekId", k.wrapped, k.created_at as "createdAt" from vault.data_key k where k.merchant_id = ${tx.merchantId} and k.id = any(${missing}::uuid[])`);
    for (const row of rows) found.set(row.id, this.tryUnwrap(tx.merchantId, row));
    return new Map([...found].flatMap(([id, key]) => (key ? [[id, key]] : [])));
  }

  private tryUnwrap(merchantId: string, row: Row): DataKey | undefined {
    try {
      return this.unwrap(merchantId, row);
    } catch (error) {
      this.onDamage(error as Error);
      return undefined;
    }
  }

  private lockActive(tx: Tx): Promise<Row | undefined> {
    return tx.maybe(sql`
      select k.id, k.kek_id as "kekId", k.wrapped, k.created_at as "createdAt" from vault.data_key k
      where k.merchant_id = ${tx.merchantId} and k.retired_at is null for share`); // retiring waits for those who seal with it
  }

  private async make(tx: Tx): Promise<Row> {
    const id = this.ids.uuid();
    const key = this.random.bytes(32);
    const { kekId, sealed } = this.master.wrap(key, ownerOf(tx.merchantId, id));
    key.fill(0);
    await tx.run(sql`
      insert into vault.data_key as k (merchant_id, id, kek_id, wrapped, created_at)
      select m.merchant_id, ${id}::uuid, ${kekId}, ${sealed}::bytea, ${this.clock.now()}::timestamptz from merchant m where m.merchant_id = ${tx.merchantId}
      on conflict (merchant_id) where retired_at is null do nothing`); // another process was quicker: its key is the one
    const row = await this.lockActive(tx);
    assert(row, 'the merchant has a data key');
    return row;
  }

  private unwrap(merchantId: string, { id, kekId, wrapped }: Row): DataKey {
    const name = `${merchantId}/${id}`;
    let open = this.open.get(name);
    if (!open) {
      open = { id, key: this.master.unwrap({ kekId, sealed: wrapped }, ownerOf(merchantId, id)) };
      if (this.open.size >= MAX_CACHED) this.open.clear();
      this.open.set(name, open);
    }
    return open;
  }
}

/** What a data key is sealed to: another merchant's, or another of the same, does not open in its row. */
export const ownerOf = (merchantId: string, id: string): string => `data-key/${merchantId}/${id}`;
