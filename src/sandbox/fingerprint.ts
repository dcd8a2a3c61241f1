/**
 * Fingerprints: equal content has an equal one, and without the key nobody can try card numbers against it. The key lies beside
 * the journal, so a judge who holds both can tell where the money went and a reader of the journal alone cannot.
 */
import { createHmac } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { brandOf } from './card.ts';
import type { Random } from '../ports.ts';
import type { AuthorizationRequest } from './authorization-request.ts';
import type { TransferRequest } from './request.ts';

/** Where the money went, as the journal may show it. */
export interface MaskedDestination {
  /** scheme of the card */
  brand?: string;
  bic?: string;
  last4: string;
  /** of the card number or the account alone: the same for any expiry, holder or name */
  fingerprint: string;
}

/** What an authorization is on, as the journal may show it: a card as in a destination, or a wallet. */
export type MaskedInstrument = MaskedDestination | MaskedWallet;

export interface MaskedWallet {
  /** the end of the phone, which is what scenarios go by */
  last2: string;
  /** of the phone alone */
  fingerprint: string;
  /** of the personal number alone */
  person: string;
}

const mac = (key: Buffer, subject: string) => createHmac('sha256', key).update(subject).digest().subarray(0, 16).toString('base64url');

/** A judge's question: does this entry's `destination.fingerprint` or `instrument.fingerprint` mean this card number, account or phone? */
export function fingerprintOf(key: Buffer, number: { pan: string } | { iban: string } | { phone: string }): string {
  if ('phone' in number) return mac(key, `wallet:${number.phone}`);
  return mac(key, 'pan' in number ? `card:${number.pan}` : `account:${number.iban}`);
}

/** So that "same ref, other content" is seen without keeping the content. @param canonical of the whole request but its ref */
export const contentOf = (key: Buffer, canonical: string): string => mac(key, `content:${canonical}`);

export function mask(key: Buffer, { destination }: TransferRequest): MaskedDestination {
  if ('pan' in destination) return maskCard(key, destination.pan);
  return { bic: destination.bic, last4: destination.iban.slice(-4), fingerprint: fingerprintOf(key, destination) };
}

const maskCard = (key: Buffer, pan: string): MaskedDestination => ({ brand: brandOf(pan), last4: pan.slice(-4), fingerprint: fingerprintOf(key, { pan }) });

export function maskInstrument(key: Buffer, { instrument }: AuthorizationRequest): MaskedInstrument {
  if ('pan' in instrument) return maskCard(key, instrument.pan);
  const { phone, iin } = instrument;
  return { last2: phone.slice(-2), fingerprint: fingerprintOf(key, { phone }), person: mac(key, `person:${iin}`) };
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
