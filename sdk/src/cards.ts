import type { Operations } from './generated.ts';

/** A card in the open. It goes no further than the encryption. */
export interface Card {
  /** digits; spaces are left out */
  number: string;
  expiryMonth: number | string;
  /** with two or four digits */
  expiryYear: number | string;
  holder?: string;
}

export type PublicKey = Pick<Operations['GET /v1/keys']['answer'], 'publicKey' | 'algorithm'>;
export type CardData = NonNullable<Operations['POST /v1/cards']['body']['cardData']>;

/** Encrypts a card, each value by itself, to the key of GET /v1/keys: RSA-OAEP with SHA-256. Works in browsers too. */
export async function encryptCard({ publicKey, algorithm }: PublicKey, card: Card): Promise<CardData> {
  if (algorithm !== 'RSA-OAEP-256') throw new TypeError(`${String(algorithm)} is not an algorithm that this version knows`);
  const key = await crypto.subtle.importKey('spki', derOf(publicKey), { name: 'RSA-OAEP', hash: 'SHA-256' }, false, ['encrypt']);
  const seal = async (value: number | string) => base64(await crypto.subtle.encrypt({ name: 'RSA-OAEP' }, key, new TextEncoder().encode(String(value))));
  const [encryptedCardNumber, encryptedExpiryMonth, encryptedExpiryYear, encryptedCardholderName] = await Promise.all([
    seal(card.number.replaceAll(/[ -]/g, '')),
    seal(card.expiryMonth),
    seal(card.expiryYear),
    card.holder ? seal(card.holder) : undefined,
  ]);
  return { encryptedCardNumber, encryptedExpiryMonth, encryptedExpiryYear, ...(encryptedCardholderName ? { encryptedCardholderName } : {}) };
}

const derOf = (pem: string) => bytesOf(pem.replaceAll(/-----[^-]+-----|\s/g, ''));

/** @throws when it is not base64 */
export const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

const base64 = (bytes: ArrayBuffer): string => btoa(String.fromCharCode(...new Uint8Array(bytes)));
