import { inject } from 'vitest';
import { buildApp } from '../../src/app.ts';
import { systemClock, systemRandom } from '../../src/clock.ts';
import type { Config } from '../../src/config.ts';
import type { Authorizer } from '../../src/connectors/authorizer.ts';
import type { Connector } from '../../src/connectors/connector.ts';
import { openPostgres } from '../../src/db/postgres.ts';
import { sql } from '../../src/db/sql.ts';
import type { App } from '../../src/http/room.ts';
import { createLog } from '../../src/log.ts';
import { type House, openHouse } from '../../src/main.ts';
import { type NewMerchant, openMerchant } from '../../src/merchants/open.ts';
import { setTerms, type Terms, noTerms } from '../../src/merchants/merchants.ts';
import { guardedNet, openNet } from '../../src/net.ts';
import { Sealer } from '../../src/sealing.ts';
import { balances } from '../../src/ledger/statement.ts';
import { ScriptedBank } from './bank.ts';
import { ScriptedWallet } from './wallet-bank.ts';
import { databaseUrl, freshDatabase } from './template.ts';

/** A merchant of a test, with what its developer would have. */
export interface TestMerchant extends NewMerchant {
  cardToken: string;
}

export interface TestHouse {
  house: House;
  app: App;
  bank: ScriptedBank;
  walletBank: ScriptedWallet;
  url: string;
  merchant(options?: { available?: bigint; currency?: string; name?: string; mode?: 'test' | 'live'; terms?: Partial<Terms> }): Promise<TestMerchant>;
  saveCard(m: NewMerchant, pan?: string, expiry?: [month: number, year: number]): Promise<string>;
  request(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    m: { apiKey: string } | null,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: any; text: string; headers: Record<string, unknown> }>;
  post(path: string, m: { apiKey: string } | null, body: unknown, headers?: Record<string, string>): ReturnType<TestHouse['request']>;
  get(path: string, m: { apiKey: string } | null): ReturnType<TestHouse['request']>;
  /** Moves this house's clock. */
  later(seconds: number): Promise<void>;
  /** Does everything that is due of a merchant now. */
  work(m: NewMerchant): Promise<void>;
  balances(m: NewMerchant, currency?: string): Promise<{ available: bigint; held: bigint }>;
  /** The types of the events about an object, oldest first. */
  told(m: NewMerchant, objectId: string): Promise<string[]>;
  close(): Promise<void>;
}

/** The settings of a test's house. Nothing in them is secret. */
export const testConfig = (overrides: Partial<Config> = {}): Config => ({
  ...{ port: 0, host: '127.0.0.1', publicUrl: 'http://localhost:8080', dataDir: '/nonexistent' },
  ...{ databaseUrl: undefined, databaseAppUrl: undefined, databaseVaultUrl: undefined, processorUrl: 'http://127.0.0.1:9' },
  ...{ processorSecret: `whsec_${Buffer.alloc(32, 7).toString('base64')}`, processorTimeoutMs: 2_000 },
  ...{ masterKey: Buffer.alloc(32, 1), oldMasterKey: undefined, sandboxMasterKey: true },
  ...{
    webhookAllowPrivate: true,
    sandboxInboxUrl: undefined,
    bank: undefined,
    metricsPort: undefined,
    logLevel: 'silent',
    requestsPerSecond: 100_000,
    groupSize: 256,
    poolSize: 8,
  },
  ...overrides,
});

/** The whole server over a database of its own, with a bank that does as it is told. */
export async function openTestHouse(
  options: { config?: Partial<Config>; connector?: Connector; authorizer?: Authorizer; url?: string } = {},
): Promise<TestHouse> {
  const url = options.url ?? (await freshDatabase(inject('postgres')));
  const config = testConfig(options.config);
  const log = createLog(config.logLevel, 'test');
  const bank = new ScriptedBank();
  const walletBank = new ScriptedWallet();
  const ports = {
    clock: systemClock(),
    random: systemRandom(),
    net: openNet(),
    webhookNet: guardedNet({ allowPrivate: config.webhookAllowPrivate }),
    db: openPostgres({ url: databaseUrl(url, new URL(url).pathname.slice(1), 'tolem_app'), role: 'tolem_app', poolSize: config.poolSize }),
    vaultDb: openPostgres({ url: databaseUrl(url, new URL(url).pathname.slice(1), 'tolem_vault'), role: 'tolem_vault', poolSize: 3 }),
  };
  let offsetMs = 0;
  const house = openHouse(config, ports, log, { connector: options.connector ?? bank, authorizer: options.authorizer ?? walletBank });
  await house.vault.check();
  const app = await buildApp(house);

  const request: TestHouse['request'] = async (method, path, m, body, headers = {}) => {
    const raw = typeof body === 'string';
    const answer = await app.inject({
      method,
      url: path,
      headers: { ...(m ? { authorization: m.apiKey } : {}), ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { payload: raw ? (body as string) : JSON.stringify(body) }),
    });
    const isJson = String(answer.headers['content-type'] ?? '').startsWith('application/json');
    return { status: answer.statusCode, body: isJson ? JSON.parse(answer.body) : undefined, text: answer.body, headers: answer.headers };
  };
  const post: TestHouse['post'] = (path, m, body, headers) => request('POST', path, m, body, headers);

  const th: TestHouse = {
    ...{ house, app, bank, walletBank, url, request, post },
    get: (path, m) => request('GET', path, m),
    async merchant({ available = 0n, currency = 'KZT', name = 'Test shop', mode = 'test', terms } = {}) {
      const made = await openMerchant(house.db, house.ids, new Sealer(config.masterKey, 'webhooks', house.random), { name, mode, now: house.clock.now() });
      if (terms) await house.db.merchant(made.merchantId, (tx) => setTerms(tx, { ...noTerms(currency), ...terms }));
      if (available > 0n) await post('/v1/sandbox/topup', made, { amount: Number(available), currency });
      return { ...made, cardToken: await th.saveCard(made) };
    },
    async saveCard(m, pan = '4111111111111111', [expiryMonth, expiryYear] = [12, 2039]) {
      const { token } = await house.cards.save(m.merchantId, { pan, expiryMonth, expiryYear }, { externalUserId: `user-${pan}` });
      return token;
    },
    async later(seconds) {
      offsetMs += seconds * 1000;
      ports.clock.setOffset(offsetMs);
    },
    async work(m) {
      for (;;) {
        const { sending, wallet, webhooks } = house;
        const pieces: Promise<unknown>[] = [];
        for (const queue of [wallet.lapses, wallet.queue, sending.queue, webhooks.queue]) pieces.push(...(await queue.take(m.merchantId, 256)));
        await Promise.all(pieces);
        if (pieces.length === 0) return;
      }
    },
    async balances(m, currency = 'KZT') {
      const rows = await house.db.merchant(m.merchantId, balances);
      const of = (kind: string) => rows.find((row) => row.kind === kind && row.currency === currency)?.balance ?? 0n;
      return { available: of('available'), held: of('held') };
    },
    told: async (m, objectId) =>
      (
        await house.db.merchant(m.merchantId, (tx) =>
          tx.rows<{ type: string }>(
            sql`select e.type from event e where e.merchant_id = ${tx.merchantId} and e.object_id = ${objectId}::uuid order by e.object_seq`,
          ),
        )
      ).map(({ type }) => type),
    async close() {
      await app.close();
      await Promise.all([ports.db.close(), ports.vaultDb.close()]);
    },
  };
  return th;
}
