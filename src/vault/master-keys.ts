import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '../ports.ts';
import { Sealer, deriveKey } from '../sealing.ts';
import { VaultError } from './errors.ts';

/** A sealed key, and which key-encryption key it is sealed under. */
export interface Wrapped {
  kekId: string;
  sealed: Buffer;
}

interface Kek {
  /** short, and tells nothing of the key: names it in rows and in errors */
  id: string;
  sealer: Sealer;
}

/**
 * The key-encryption keys: one derived from MASTER_KEY, which seals, and while it is being changed another one from
 * OLD_MASTER_KEY, which only opens. Neither is in the database.
 */
export class MasterKeys {
  private readonly masterKey: Buffer;
  private readonly keks: [Kek, ...Kek[]];

  constructor(masterKey: Buffer, oldMasterKey: Buffer | undefined, random: Random) {
    for (const key of [masterKey, oldMasterKey]) if (key && key.length !== 32) throw new VaultError('a master key has 32 bytes');
    if (oldMasterKey && timingSafeEqual(masterKey, oldMasterKey)) throw new VaultError('MASTER_KEY and OLD_MASTER_KEY are the same key');
    this.masterKey = masterKey;
    this.keks = [kekOf(masterKey, random), ...(oldMasterKey ? [kekOf(oldMasterKey, random)] : [])];
  }

  /** The id of the key that seals. */
  get currentId(): string {
    return this.keks[0].id;
  }

  knows(kekId: string): boolean {
    return this.keks.some(({ id }) => id === kekId);
  }

  /** @param owner what the key belongs to: it opens as nothing else */
  wrap(plain: Buffer, owner: string): Wrapped {
    const [{ id, sealer }] = this.keks;
    return { kekId: id, sealed: sealer.seal(plain, owner) };
  }

  /** @throws {VaultError} when the master key is missing, or the sealed key was changed or belongs to another owner */
  unwrap({ kekId, sealed }: Wrapped, owner: string): Buffer {
    const kek = this.keks.find(({ id }) => id === kekId);
    if (!kek) throw new VaultError(`a key is sealed under the master key ${kekId}, which is neither MASTER_KEY (${this.currentId}) nor OLD_MASTER_KEY`);
    try {
      return kek.sealer.open(sealed, owner);
    } catch (cause) {
      throw new VaultError(`the sealed key of ${owner} was changed, or belongs to another`, { cause });
    }
  }

  /** Equal cards of one merchant have equal fingerprints; of two merchants, different ones. Cannot be computed without the master key. */
  fingerprint(merchantId: string, pan: string): string {
    return createHmac('sha256', deriveKey(this.masterKey, `vault/fingerprint/${merchantId}`))
      .update(pan)
      .digest('base64url');
  }
}

const kekOf = (masterKey: Buffer, random: Random): Kek => ({
  id: deriveKey(masterKey, 'vault/kek-id').toString('hex', 0, 8),
  sealer: new Sealer(masterKey, 'vault/kek', random),
});
