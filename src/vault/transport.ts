import { type KeyObject, constants, createPrivateKey, generateKeyPair, privateDecrypt } from 'node:crypto';
import { promisify } from 'node:util';
import type { Db } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { assert, unprocessable } from '../errors.ts';
import type { Clock } from '../ports.ts';
import type { MasterKeys } from './master-keys.ts';

/** What card data is encrypted to by merchants, with RSA-OAEP and SHA-256. */
export interface PublicKey {
  id: string;
  /** SPKI, PEM */
  publicKey: string;
  algorithm: 'RSA-OAEP-256';
}

interface Row {
  id: string;
  publicKey: string;
  kekId: string;
  sealed: Buffer;
  retired: boolean;
}
interface Keys {
  active: PublicKey;
  /** the active one first */
  privates: KeyObject[];
  /** monotonic milliseconds */
  readAt: number;
}

const BITS = 2048;
const REREAD_MS = 60_000;
/** For so long after a key was replaced, what was encrypted to it is still accepted. */
const RETIRED_MS = 30 * 24 * 3_600_000;
const makeKeyPair = promisify(generateKeyPair);

/** The RSA keys that card data comes in under. One is made for the whole platform, once, however many processes ask first. */
export class TransportKeys {
  private keys: Promise<Keys> | undefined;
  private readonly db: Db;
  private readonly master: MasterKeys;
  private readonly clock: Clock;

  constructor(db: Db, master: MasterKeys, clock: Clock) {
    this.db = db;
    this.master = master;
    this.clock = clock;
  }

  async publicKey(): Promise<PublicKey> {
    return (await this.current(REREAD_MS)).active;
  }

  /**
   * Opens values that were encrypted to the public key.
   * @throws {ApiError} 422, the same for all that can be wrong with them, so that nothing is learnt from being refused
   */
  async decrypt(values: string[]): Promise<string[]> {
    const opened = decryptAll(await this.current(REREAD_MS), values) ?? decryptAll(await this.current(1_000), values); // the key may be younger than what this process read
    if (!opened) throw unreadable();
    return opened;
  }

  /** Puts a new key in the place of the active one. What was encrypted to the old one is accepted for thirty days more. */
  async renew(): Promise<void> {
    const now = this.clock.now();
    const { active } = await this.current(0);
    const next = await this.make(Number(active.id.slice('key_'.length)) + 1);
    await this.db.lookup(async (q) => {
      if ((await q.run(sql`update vault.transport_key as k set retired_at = ${now}::timestamptz where k.id = ${active.id} and k.retired_at is null`)) === 1)
        await q.run(next);
    });
    this.keys = undefined;
  }

  /** Seals the private halves under the master key that seals now. @returns how many were under another */
  async rewrap(): Promise<number> {
    return this.db.lookup(async (q) => {
      const rows = await q.rows<Row>(
        sql`select k.id, k.kek_id as "kekId", k.private_key as sealed from vault.transport_key k where k.kek_id <> ${this.master.currentId} for update`,
      );
      for (const { id, kekId, sealed } of rows) {
        const wrapped = this.master.wrap(this.master.unwrap({ kekId, sealed }, ownerOf(id)), ownerOf(id));
        await q.run(sql`update vault.transport_key as k set kek_id = ${wrapped.kekId}, private_key = ${wrapped.sealed}::bytea where k.id = ${id}`);
      }
      return rows.length;
    });
  }

  /** @param maxAgeMs how long ago the keys may have been read */
  private async current(maxAgeMs: number): Promise<Keys> {
    const known = await this.keys?.catch(() => undefined);
    if (known && this.clock.monotonic() - known.readAt <= maxAgeMs) return known;
    const reading = this.read();
    this.keys = reading;
    return reading;
  }

  private async read(): Promise<Keys> {
    let rows = await this.rows();
    if (rows.length === 0) {
      const first = await this.make(1);
      await this.db.lookup((q) => q.run(first)); // or another process was quicker
      rows = await this.rows();
    }
    const active = rows.find(({ retired }) => !retired);
    assert(active, 'a transport key is active');
    const privates = [active, ...rows.filter((row) => row !== active)].map((row) => this.open(row));
    return { active: { id: active.id, publicKey: active.publicKey, algorithm: 'RSA-OAEP-256' }, privates, readAt: this.clock.monotonic() };
  }

  private rows(): Promise<Row[]> {
    const since = new Date(this.clock.now().getTime() - RETIRED_MS);
    return this.db.lookup((q) =>
      q.rows(sql`
      select k.id, k.public_key as "publicKey", k.kek_id as "kekId", k.private_key as sealed, k.retired_at is not null as retired
      from vault.transport_key k where k.retired_at is null or k.retired_at > ${since}::timestamptz order by k.created_at desc`),
    );
  }

  private async make(number: number) {
    const id = `key_${number}`;
    const { publicKey, privateKey } = await makeKeyPair('rsa', {
      modulusLength: BITS,
      publicExponent: 0x10001,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    });
    const { kekId, sealed } = this.master.wrap(privateKey, ownerOf(id));
    privateKey.fill(0);
    return sql`
      insert into vault.transport_key as k (id, public_key, kek_id, private_key, created_at) values (${id}, ${publicKey}, ${kekId}, ${sealed}::bytea, ${this.clock.now()}::timestamptz)
      on conflict do nothing`;
  }

  private open({ id, kekId, sealed }: Row): KeyObject {
    const der = this.master.unwrap({ kekId, sealed }, ownerOf(id));
    const key = createPrivateKey({ key: der, type: 'pkcs8', format: 'der' });
    der.fill(0);
    return key;
  }
}

/** All of them under one key, or nothing. Each is tried, whatever became of the others. */
function decryptAll({ privates }: Keys, values: string[]): string[] | undefined {
  for (const key of privates) {
    const opened = values.map((value) => decrypt(key, value));
    if (opened.every((text) => text !== undefined)) return opened as string[];
  }
  return undefined;
}

/** OAEP alone: with the older padding, telling a good message from a bad one opens any message. @source RFC 8017, 7.1 */
function decrypt(key: KeyObject, value: string): string | undefined {
  const encrypted = /^[A-Za-z0-9+/_-]+={0,2}$/.test(value) ? Buffer.from(value, 'base64') : Buffer.alloc(0);
  if (encrypted.length !== BITS / 8) return undefined;
  let plain: Buffer | undefined;
  try {
    plain = privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, encrypted);
    return new TextDecoder('utf-8', { fatal: true }).decode(plain);
  } catch {
    return undefined;
  } finally {
    plain?.fill(0);
  }
}

const unreadable = () => {
  const message = 'cannot be decrypted: each value is to be encrypted by itself, with RSA-OAEP and SHA-256, to the key of GET /v1/keys, and written in base64';
  return unprocessable(`cardData ${message}`, [{ field: 'cardData', message }]);
};

const ownerOf = (id: string): string => `transport-key/${id}`;
