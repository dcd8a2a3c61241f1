import { createCipheriv, createDecipheriv, hash, hkdfSync } from 'node:crypto';
import type { Random } from './ports.ts';

/**
 * Sealing of small secrets that must be read again (a webhook secret, a private key): AES-256-GCM under a key derived
 * from MASTER_KEY for that one purpose, with the owner as associated data, so that a sealed value put into another row
 * does not open.
 */
export class Sealer {
  private readonly key: Buffer;
  private readonly oldKey: Buffer | undefined;
  private readonly random: Random;

  /**
   * @param purpose names the derived key: sealers of different purposes cannot open one another's
   * @param oldMasterKey the one before, while it is being changed: opens, and seals nothing
   */
  constructor(masterKey: Buffer, purpose: string, random: Random, oldMasterKey?: Buffer) {
    this.key = deriveKey(masterKey, purpose);
    this.oldKey = oldMasterKey && deriveKey(oldMasterKey, purpose);
    this.random = random;
  }

  /** @param owner what the value belongs to, e.g. "endpoint/<id>" */
  seal(plain: Buffer, owner: string): Buffer {
    const nonce = this.random.bytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce);
    cipher.setAAD(Buffer.from(`v1/${owner}`));
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([Buffer.from([1]), nonce, cipher.getAuthTag(), sealed]);
  }

  /** @throws when the key is another, the value was changed, or it belongs to somebody else */
  open(sealed: Buffer, owner: string): Buffer {
    if (sealed[0] !== 1) throw new Error('sealed in a form that this version does not know');
    try {
      return this.openWith(this.key, sealed, owner);
    } catch (error) {
      if (!this.oldKey) throw error;
      return this.openWith(this.oldKey, sealed, owner);
    }
  }

  private openWith(key: Buffer, sealed: Buffer, owner: string): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 13), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(`v1/${owner}`));
    decipher.setAuthTag(sealed.subarray(13, 29));
    return Buffer.concat([decipher.update(sealed.subarray(29)), decipher.final()]);
  }
}

/** A key of 32 bytes for one purpose. @source RFC 5869 (HKDF-SHA-256) */
export const deriveKey = (masterKey: Buffer, purpose: string): Buffer => Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `tolem/${purpose}`, 32));

export const sha256 = (data: string | Buffer): Buffer => hash('sha256', data, 'buffer');
