import type { Card } from '../connectors/connector.ts';
import type { Db } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import type { Ids } from '../ids.ts';
import type { Clock, Random } from '../ports.ts';
import { type CardFields, type CardProblems, readCard } from './card-number.ts';
import { type CardDetails, CheckedCard } from './checked-card.ts';
import { type Place, openCard, sealCard } from './cipher.ts';
import { type Ciphertext, ciphertextsOf, deleteCiphertext, deleteOrphans, insertCiphertext } from './ciphertexts.ts';
import { type DataKey, DataKeys } from './data-keys.ts';
import { VaultError } from './errors.ts';
import { MasterKeys } from './master-keys.ts';
import { type Rotated, type RotationOptions, rotate } from './rotation.ts';
import { type PublicKey, TransportKeys } from './transport.ts';

/** A saved card that can be used once or more, without its number being seen by who holds this. */
export interface OpenCard {
  /** Decrypts for as long as `work` takes. */
  use<T>(work: (card: Card) => Promise<T>): Promise<T>;
}

/** Card data as a merchant sends it: each value encrypted by itself, base64. */
export interface EncryptedCard {
  encryptedCardNumber: string;
  encryptedExpiryMonth: string;
  encryptedExpiryYear: string;
  /** accepted, since clients of the API send it; nobody decrypts it */
  encryptedCvv?: string;
  encryptedCardholderName?: string;
}

export interface VaultOptions {
  /** opened with the vault's own role: no other can read its tables */
  db: Db;
  /** 32 bytes, from outside the database */
  masterKey: Buffer;
  /** the one before it, or after it, while it is being changed: opens, and seals nothing */
  oldMasterKey?: Buffer | undefined;
  clock: Clock;
  random: Random;
  ids: Ids;
  /** a stored card or key that does not open: tampered with, or damaged; somebody should look */
  onDamage?(error: Error): void;
}

/** The only room that sees a card number. */
export class Vault {
  private readonly o: VaultOptions;
  private readonly master: MasterKeys;
  private readonly dataKeys: DataKeys;
  private readonly transport: TransportKeys;

  /** @throws {VaultError} when a master key is none */
  constructor(options: VaultOptions) {
    this.o = options;
    this.master = new MasterKeys(options.masterKey, options.oldMasterKey, options.random);
    this.dataKeys = new DataKeys(this.master, { ...options, onDamage: (error) => options.onDamage?.(error) });
    this.transport = new TransportKeys(options.db, this.master, options.clock);
  }

  /** To be called at the start. @throws {VaultError} with what to do, when MASTER_KEY is not the one that the cards are under */
  async check(): Promise<void> {
    const used = await this.o.db.lookup((q) =>
      q.rows<{ kekId: string }>(sql`select k.kek_id as "kekId" from vault.data_key k union select k.kek_id from vault.transport_key k order by 1`),
    );
    const unknown = used.map(({ kekId }) => kekId).filter((kekId) => !this.master.knows(kekId));
    if (unknown.length === 0) return;
    throw new VaultError(
      `MASTER_KEY is not the key of this database's cards: they are sealed under ${unknown.join(' and ')}, it is ${this.master.currentId}. ` +
        'Start with the key that they were saved under. To change it, give the new one as MASTER_KEY and that one as OLD_MASTER_KEY until "tolem vault rotate" has ended.',
    );
  }

  /** What merchants encrypt card data to. */
  publicKey(): Promise<PublicKey> {
    return this.transport.publicKey();
  }

  /** Checks card data as it was typed. @returns the card, or what is wrong with it */
  read(fields: CardFields): CheckedCard | CardProblems {
    return readCard(fields, this.o.clock.now());
  }

  /** Decrypts and checks card data. @throws {ApiError} 422 when it cannot be decrypted */
  async readEncrypted(card: EncryptedCard): Promise<CheckedCard | CardProblems> {
    const { encryptedCardNumber, encryptedExpiryMonth, encryptedExpiryYear, encryptedCardholderName } = card;
    const holders = encryptedCardholderName === undefined ? [] : [encryptedCardholderName];
    const [number, expiryMonth, expiryYear, holder] = (await this.transport.decrypt([
      encryptedCardNumber,
      encryptedExpiryMonth,
      encryptedExpiryYear,
      ...holders,
    ])) as [string, string, string, string?];
    return this.read({ number, expiryMonth, expiryYear, holder });
  }

  /**
   * Stores a card under an id that no token has yet, and commits. The token's own row can only be written after this; one
   * that never is leaves a ciphertext that nobody can name, for `discard` or `sweep`.
   * @returns the fingerprint
   */
  async store(merchantId: string, tokenId: string, card: CheckedCard): Promise<string> {
    const details = CheckedCard.reveal(card);
    await this.o.db.merchant(merchantId, async (tx) => {
      const dataKey = await this.dataKeys.active(tx);
      await insertCiphertext(tx, this.seal(details, dataKey, { merchantId, tokenId, dataKeyId: dataKey.id }), this.o.clock.now());
    });
    return this.fingerprint(merchantId, details);
  }

  /** Equal for equal numbers of one merchant, and never shown to anybody. */
  fingerprint(merchantId: string, { pan }: Card): string {
    return this.master.fingerprint(merchantId, pan);
  }

  /**
   * Saved cards, ready to be used: one query for all of them. One that is not there, or does not open, is not in the answer.
   */
  async open(merchantId: string, tokenIds: string[]): Promise<Map<string, OpenCard>> {
    if (tokenIds.length === 0) return new Map();
    const [cards, keys] = await this.o.db.merchant(merchantId, async (tx) => {
      const found = await ciphertextsOf(tx, tokenIds);
      return [
        found,
        await this.dataKeys.byIds(
          tx,
          found.map(({ dataKeyId }) => dataKeyId),
        ),
      ] as const;
    });
    return new Map(
      cards
        .filter((card) => this.opens(merchantId, card, keys))
        .map((card) => [card.tokenId, this.handle(merchantId, card, keys.get(card.dataKeyId) as DataKey)]),
    );
  }

  /** Takes back a card that got no token after all. One that has a token stays. */
  async discard(merchantId: string, tokenId: string): Promise<void> {
    await this.o.db.merchant(merchantId, (tx) => deleteCiphertext(tx, tokenId));
  }

  /** Deletes ciphertexts of all merchants that were stored before a time and never got a token. @returns how many */
  async sweep(before: Date): Promise<number> {
    let deleted = 0;
    for (const merchantId of await this.merchants()) deleted += await this.o.db.merchant(merchantId, (tx) => deleteOrphans(tx, before));
    return deleted;
  }

  /**
   * Puts all cards under new data keys, and all data keys under the present MASTER_KEY, while everything goes on. Stopped
   * at any point, it is as safe as before, and goes on from there when called again.
   */
  async rotate(options: RotationOptions): Promise<Rotated> {
    const { db, clock, ids } = this.o;
    return rotate(
      {
        ...{ db, clock, ids, master: this.master, dataKeys: this.dataKeys, transport: this.transport },
        merchants: () => this.merchants(),
        reopen: (merchantId, card, from, to) => this.reopen(merchantId, card, from, to),
      },
      options,
    );
  }

  /** Those that have cards, or had. */
  private async merchants(): Promise<string[]> {
    const rows = await this.o.db.lookup((q) =>
      q.rows<{ merchantId: string }>(sql`select distinct k.merchant_id as "merchantId" from vault.data_key k order by 1`),
    );
    return rows.map(({ merchantId }) => merchantId);
  }

  private reopen(merchantId: string, card: Ciphertext, from: DataKey, to: DataKey): { to: Ciphertext; fingerprint: string } {
    const details = openCard(card, from.key, { merchantId, tokenId: card.tokenId, dataKeyId: from.id });
    return { to: this.seal(details, to, { merchantId, tokenId: card.tokenId, dataKeyId: to.id }), fingerprint: this.fingerprint(merchantId, details) };
  }

  private seal(details: CardDetails, { key }: DataKey, place: Place): Ciphertext {
    return { tokenId: place.tokenId, dataKeyId: place.dataKeyId, ...sealCard(details, key, place, this.o.random) };
  }

  /** Tried before anybody relies on it: a payout to a card that does not open must not be begun. */
  private opens(merchantId: string, card: Ciphertext, keys: Map<string, DataKey>): boolean {
    const dataKey = keys.get(card.dataKeyId);
    if (!dataKey) return false;
    try {
      openCard(card, dataKey.key, { merchantId, tokenId: card.tokenId, dataKeyId: dataKey.id });
      return true;
    } catch (error) {
      this.o.onDamage?.(error as Error);
      return false;
    }
  }

  private handle(merchantId: string, card: Ciphertext, { id, key }: DataKey): OpenCard {
    return { use: async (work) => work(openCard(card, key, { merchantId, tokenId: card.tokenId, dataKeyId: id })) };
  }
}
