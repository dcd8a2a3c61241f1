import { constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { ApiError } from '../errors.ts';
import { CheckedCard } from './checked-card.ts';
import { encrypted, openVaultDesk, type VaultDesk } from './testing.ts';
import type { EncryptedCard, Vault } from './vault.ts';

let desk: VaultDesk;
beforeAll(async () => {
  desk = await openVaultDesk(inject('postgres'));
});
afterAll(() => desk?.close());

const card = async (vault: Vault, seal = encrypted): Promise<EncryptedCard> => {
  const { publicKey } = await vault.publicKey();
  return {
    encryptedCardNumber: seal(publicKey, '4111111111111111'),
    encryptedExpiryMonth: seal(publicKey, '12'),
    encryptedExpiryYear: seal(publicKey, '2039'),
  };
};
const refusal = async (data: EncryptedCard): Promise<ApiError> => {
  const error = await desk.vault.readEncrypted(data).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
};

test('of ten processes that start at once, one makes the key and all use it', async () => {
  const keys = await Promise.all(Array.from({ length: 10 }, () => desk.vaultWith().publicKey()));
  expect(new Set(keys.map(({ publicKey }) => publicKey)).size).toBe(1);
  expect(keys[0]).toMatchObject({ id: 'key_1', algorithm: 'RSA-OAEP-256' });
  expect(createPublicKey(keys[0]?.publicKey as string).asymmetricKeyDetails?.modulusLength).toBeGreaterThanOrEqual(2048);
  const [row] = await desk.rows<{ private_key: Buffer; n: string }>('select private_key, count(*) over () as n from vault.transport_key');
  expect(Number(row?.n)).toBe(1);
  expect(row?.private_key.includes(Buffer.from('PRIVATE'))).toBe(false);
  expect(row?.private_key.subarray(29, 31)).not.toEqual(Buffer.from([0x30, 0x82])); // what an unsealed key begins with
});

test('card data is read by any process', async () => {
  const read = await desk.vaultWith().readEncrypted({ ...(await card(desk.vault)), encryptedCvv: 'never looked at' });
  expect(read instanceof CheckedCard && read.face).toEqual({ brand: 'visa', bin: '411111', last4: '1111', expiryMonth: 12, expiryYear: 2039 });
});

test('whatever is wrong with a ciphertext, the answer is the same', async () => {
  const good = await card(desk.vault);
  const pkcs1 = (pem: string, value: string) => publicEncrypt({ key: pem, padding: constants.RSA_PKCS1_PADDING }, Buffer.from(value)).toString('base64');
  const sha1 = (pem: string, value: string) =>
    publicEncrypt({ key: pem, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, Buffer.from(value)).toString('base64');
  const notText = (pem: string) =>
    publicEncrypt({ key: pem, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, Buffer.from([0xff, 0xfe])).toString('base64');
  const { publicKey } = await desk.vault.publicKey();
  const bad = [
    '',
    'AAAA',
    'not base64 at all',
    good.encryptedCardNumber.slice(4),
    `${good.encryptedCardNumber.slice(0, 20)}AAAA${good.encryptedCardNumber.slice(24)}`,
    pkcs1(publicKey, '4111111111111111'),
    sha1(publicKey, '4111111111111111'),
    notText(publicKey),
    Buffer.alloc(256, 255).toString('base64'),
    Buffer.alloc(256).toString('base64'),
  ];
  const answers = await Promise.all(
    bad.flatMap((value) => [refusal({ ...good, encryptedCardNumber: value }), refusal({ ...good, encryptedExpiryYear: value })]),
  );
  expect(new Set(answers.map(({ status, code, message, details }) => JSON.stringify({ status, code, message, details }))).size).toBe(1);
  expect(answers[0]).toMatchObject({ status: 422, code: 5, details: [{ field: 'cardData' }] });
});

test('what was encrypted to a key that was replaced is accepted for thirty days more', async () => {
  const [old, stale] = [await card(desk.vault), desk.vaultWith()];
  await stale.publicKey();
  await desk.vault.rotate({ refingerprint: desk.refingerprint, renewTransportKey: true });
  expect((await desk.vault.publicKey()).id).toBe('key_2');
  expect(await desk.vault.readEncrypted(old)).toBeInstanceOf(CheckedCard);
  desk.clock.advance(31 * 24 * 3_600_000);
  await expect(desk.vaultWith().readEncrypted(old)).rejects.toThrow(ApiError);
  expect(await desk.vaultWith().readEncrypted(await card(desk.vault))).toBeInstanceOf(CheckedCard);
});
