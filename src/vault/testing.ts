/** What the tests of the vault stand on: a migrated database, in the roles of the app and of the vault, with a merchant or two. */
import { constants, publicEncrypt } from 'node:crypto';
import { freshDatabase, databaseUrl } from '../../test/harness/template.ts';
import { systemClock, systemRandom } from '../clock.ts';
import { insertCard, setFingerprints } from '../customers/cards.ts';
import { saveCustomer } from '../customers/customers.ts';
import type { Db } from '../db/db.ts';
import { openPostgres } from '../db/postgres.ts';
import { withOwner } from '../db/session.ts';
import { Ids } from '../ids.ts';
import { openMerchant, type NewMerchant } from '../merchants/open.ts';
import type { Clock } from '../ports.ts';
import { Sealer } from '../sealing.ts';
import { CheckedCard } from './checked-card.ts';
import { Vault } from './vault.ts';

export const random = systemRandom();
export const masterKey = Buffer.alloc(32, 1);
export const otherMasterKey = Buffer.alloc(32, 2);

/** Card numbers that are none of anybody's: sixteen digits from 400000, with their check digit. */
export function testPan(n: number): string {
  const digits = `400000${String(n).padStart(9, '0')}`;
  const sum = [...digits]
    .reverse()
    .reduce((all, digit, i) => all + (i % 2 === 0 ? (Number(digit) * 2 > 9 ? Number(digit) * 2 - 9 : Number(digit) * 2) : Number(digit)), 0);
  return digits + String((10 - (sum % 10)) % 10);
}

/** A clock that can be set ahead. */
export function testClock(): Clock & { advance(ms: number): void } {
  const clock = systemClock();
  let ahead = 0;
  return { ...clock, advance: (ms) => clock.setOffset((ahead += ms)) };
}

export interface VaultDesk {
  db: Db;
  vaultDb: Db;
  ids: Ids;
  clock: Clock & { advance(ms: number): void };
  vault: Vault;
  damaged: Error[];
  /** another process's vault over the same database */
  vaultWith(keys?: { masterKey?: Buffer; oldMasterKey?: Buffer }): Vault;
  merchant(name?: string): Promise<NewMerchant>;
  /** a card in the vault, and its token. @returns the token's id */
  save(merchantId: string, pan: string, vault?: Vault): Promise<string>;
  /** the number of a saved card, or undefined when it does not open */
  panOf(merchantId: string, tokenId: string, vault?: Vault): Promise<string | undefined>;
  refingerprint(merchantId: string, cards: { tokenId: string; fingerprint: string }[]): Promise<void>;
  /** as the owner, past all guards but the foreign keys */
  meddle(text: string): Promise<void>;
  rows<R>(text: string): Promise<R[]>;
  close(): Promise<void>;
}

export async function openVaultDesk(postgres: string): Promise<VaultDesk> {
  const url = await freshDatabase(postgres);
  const open = (role: string) => openPostgres({ url: databaseUrl(url, new URL(url).pathname.slice(1), role), role, poolSize: 6 });
  const [db, vaultDb] = [open('tolem_app'), open('tolem_vault')];
  const clock = testClock();
  const ids = new Ids(clock, random);
  const damaged: Error[] = [];
  const vaultWith: VaultDesk['vaultWith'] = (keys = {}) =>
    new Vault({ db: vaultDb, masterKey, clock, random, ids, onDamage: (error) => void damaged.push(error), ...keys });
  const vault = vaultWith();
  return {
    ...{ db, vaultDb, ids, clock, vault, damaged, vaultWith },
    merchant: (name = 'Shop') => openMerchant(db, ids, new Sealer(masterKey, 'webhooks', random), { name, mode: 'test', now: clock.now() }),
    async save(merchantId, pan, by = vault) {
      const card = by.read({ number: pan, expiryMonth: '12', expiryYear: '2039' });
      if (!(card instanceof CheckedCard)) throw new Error(JSON.stringify(card));
      const id = ids.uuid();
      const fingerprint = await by.store(merchantId, id, card);
      await db.merchant(merchantId, async (tx) => {
        const { customer } = await saveCustomer(tx, {}, ids, clock.now());
        await insertCard(tx, { id, customerId: customer.id, ...card.face, fingerprint, createdAt: clock.now() });
      });
      return id;
    },
    panOf: async (merchantId, tokenId, by = vault) => (await by.open(merchantId, [tokenId])).get(tokenId)?.use(async ({ pan }) => pan),
    refingerprint: async (merchantId, cards) => void (await db.merchant(merchantId, (tx) => setFingerprints(tx, cards))),
    meddle: (text) => withOwner(url, (session) => session.exec(text)),
    rows: (text) => withOwner(url, (session) => session.rows(text)),
    close: async () => void (await Promise.all([db.close(), vaultDb.close()])),
  };
}

/** Encrypts a value as a merchant's server would. */
export const encrypted = (publicKey: string, value: string): string =>
  publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, Buffer.from(value)).toString('base64');
