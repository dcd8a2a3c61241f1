/** The vault's own trouble: a wrong key, or rows that were tampered with. Its words never hold card data. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
}
