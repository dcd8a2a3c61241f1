import { constants, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { expect, test } from 'vitest';
import { encryptCard } from './index.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const key = { publicKey, algorithm: 'RSA-OAEP-256' } as const;
const opened = (value: string | undefined) =>
  privateDecrypt({ key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, Buffer.from(value as string, 'base64')).toString('utf8');

test('each value of a card is encrypted by itself, with RSA-OAEP and SHA-256', async () => {
  const data = await encryptCard(key, { number: '4111 1111-1111 1111', expiryMonth: 1, expiryYear: '31', holder: 'Әйгерім' });
  expect(Object.fromEntries(Object.entries(data).map(([name, value]) => [name, opened(value)]))).toEqual({
    encryptedCardNumber: '4111111111111111',
    encryptedExpiryMonth: '1',
    encryptedExpiryYear: '31',
    encryptedCardholderName: 'Әйгерім',
  });
});

test('never the same bytes twice, and no field that was not given', async () => {
  const card = { number: '4111111111111111', expiryMonth: 12, expiryYear: 2031 };
  const [one, other] = [await encryptCard(key, card), await encryptCard(key, card)];
  expect(one.encryptedCardNumber).not.toBe(other.encryptedCardNumber);
  expect(Object.keys(one)).toEqual(['encryptedCardNumber', 'encryptedExpiryMonth', 'encryptedExpiryYear']);
});

test('an algorithm that is not known, or a key that is none, is refused', async () => {
  const card = { number: '4111111111111111', expiryMonth: 12, expiryYear: 2031 };
  await expect(encryptCard({ publicKey, algorithm: 'RSA1_5' as never }, card)).rejects.toThrow('RSA1_5');
  await expect(encryptCard({ publicKey: 'hello', algorithm: 'RSA-OAEP-256' }, card)).rejects.toThrow(/correctly encoded|DataError|Invalid/);
});
