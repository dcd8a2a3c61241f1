import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Random } from '../ports.ts';
import type { CardDetails } from './checked-card.ts';
import { VaultError } from './errors.ts';

/** Where a ciphertext belongs. All of it is authenticated: moved to any other place, it does not open. */
export interface Place {
  merchantId: string;
  tokenId: string;
  dataKeyId: string;
}

export interface SealedCard {
  nonce: Buffer;
  /** a byte of version, sixteen of tag, the rest encrypted */
  ciphertext: Buffer;
}

const VERSION = 1;
/** Ciphertexts come in steps of this length, so that they do not tell how long a number or a name is. */
const STEP = 64;

/** AES-256-GCM with a random nonce of 96 bits. A data key is changed long before 2³² uses, up to which that is safe. @source NIST SP 800-38D, 8.3 */
export function sealCard(card: CardDetails, dataKey: Buffer, place: Place, random: Random): SealedCard {
  const plain = padded(JSON.stringify([card.pan, card.expiryMonth, card.expiryYear, card.holder ?? null]));
  const nonce = random.bytes(12);
  const cipher = createCipheriv('aes-256-gcm', dataKey, nonce, { authTagLength: 16 });
  cipher.setAAD(associated(VERSION, place));
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
  plain.fill(0);
  return { nonce, ciphertext: Buffer.concat([Buffer.from([VERSION]), cipher.getAuthTag(), encrypted]) };
}

/** @throws {VaultError} when a bit of it was changed, or it is not what was stored in this place */
export function openCard({ nonce, ciphertext }: SealedCard, dataKey: Buffer, place: Place): CardDetails {
  const version = ciphertext[0];
  if (version !== VERSION || ciphertext.length < 17) throw new VaultError(`the card ${place.tokenId} is stored in a form that this version does not know`);
  let plain: Buffer | undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', dataKey, nonce, { authTagLength: 16 });
    decipher.setAAD(associated(version, place));
    decipher.setAuthTag(ciphertext.subarray(1, 17));
    plain = decipher.update(ciphertext.subarray(17));
    decipher.final();
    const [pan, expiryMonth, expiryYear, holder] = JSON.parse(plain.toString('utf8')) as [string, number, number, string | null];
    return { pan, expiryMonth, expiryYear, ...(holder === null ? {} : { holder }) };
  } catch {
    // No cause: what JSON.parse says of a text quotes it.
    throw new VaultError(`the card ${place.tokenId} does not open: it was changed, or belongs elsewhere`);
  } finally {
    plain?.fill(0);
  }
}

/** Ids have no slash, so no two places read alike. */
const associated = (version: number, { merchantId, tokenId, dataKeyId }: Place): Buffer =>
  Buffer.from(`tolem/card/v${version}/${merchantId}/${tokenId}/${dataKeyId}`);

/** Spaces at the end, which JSON does not mind. */
function padded(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const plain = Buffer.alloc(Math.ceil(length / STEP) * STEP, ' ');
  plain.write(text);
  return plain;
}
