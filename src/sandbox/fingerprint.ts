/**
 * Fingerprints: equal content has an equal one, and without the key nobody can try card numbers against it. The key lies beside
 * the journal, so a judge who holds both can tell where the money went and a reader of the journal alone cannot.
 */
import { createHmac } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { brandOf } from './card.ts';
import type { Random } from '../ports.ts';
import { canonical, type TransferRequest } from './request.ts';

/** Where the money went, as the journal may show it. */
export interface MaskedDestination {
  /** scheme of the card */
  brand?: string;
  bic?: string;
  last4: string;
  /** of the card number or the account alone: the same for any expiry, holder or name */
  fingerprint: string;
}

const mac = (key: Buffer, subject: string) => createHmac('sha256', key).update(subject).digest().subarray(0, 16).toString('base64url');

/** A judge's question: does this entry's `destination.fingerprint` mean this card number or this account? */
export const fingerprintOf = (key: Buffer, number: { pan: string } | { iban: string }): string =>
  mac(key, 'pan' in number ? `card:${number.pan}` : `account:${number.iban}`);

/** Of the whole request but its ref, so that "same ref, other content" is seen without keeping the content. */
export const contentOf = (key: Buffer, request: TransferRequest): string => mac(key, `content:${canonical(request)}`);

export function mask(key: Buffer, { destination }: TransferRequest): MaskedDestination {
  const fingerprint = fingerprintOf(key, destination);
  return 'pan' in destination
    ? { brand: brandOf(destination.pan), last4: destination.pan.slice(-4), fingerprint }
    : { bic: destination.bic, last4: destination.iban.slice(-4), fingerprint };
}

/** Reads the key at `path`, or makes one: 32 bytes in hex, readable by its owner alone.
 *  @throws when the file is there and is not such a key: fingerprints under another key would call every repetition a conflict */
export async function loadKey(path: string, random: Random): Promise<Buffer> {
  const made = random.bytes(32).toString('hex');
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(`${made}\n`);
    await file.sync();
    await file.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const kept = (await readFile(path, 'utf8')).trim();
  if (!/^[0-9a-f]{64}$/.test(kept)) throw new Error(`${path}: not a key of 32 bytes in hex`);
  return Buffer.from(kept, 'hex');
}
