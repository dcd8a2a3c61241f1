import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { readConfig } from '../../src/config.ts';
import { migrateDatabase } from '../../src/cli/database.ts';
import { withOwner } from '../../src/db/session.ts';
import { type EmbeddedPostgres, startEmbedded } from '../../src/embedded/embedded.ts';
import { account, Books } from '../../src/ledger/books.ts';
import { createLog } from '../../src/log.ts';
import { type House, openHouse, openPorts } from '../../src/main.ts';
import { type NewMerchant, openMerchant } from '../../src/merchants/open.ts';
import { nodeFlags } from '../../src/cli/flags.ts';
import { root } from '../../src/root.ts';
import { Sealer } from '../../src/sealing.ts';

export interface Rig extends NewMerchant {
  cardToken: string;
}

/** A database server and processes of the platform, for one run: everything real, fsync included. */
export class Platform {
  readonly folder = mkdtempSync(join(tmpdir(), 'tolem-bench-'));
  private readonly children: ChildProcess[] = [];
  private server!: EmbeddedPostgres;
  private readonly secrets = { MASTER_KEY: randomBytes(32).toString('base64'), PROCESSOR_SECRET: `whsec_${randomBytes(32).toString('base64')}` };

  async open(): Promise<void> {
    this.server = await startEmbedded({ dataDir: join(this.folder, 'data'), log: () => undefined });
  }

  /** A database of its own, migrated. @returns its owner's URL */
  async database(name: string): Promise<string> {
    await withOwner(this.server.url, (session) => session.exec(`create database ${name}`));
    const url = new URL(this.server.url);
    url.pathname = `/${name}`;
    await migrateDatabase(url.href);
    return url.href;
  }

  /** What the measurement before has left to tidy and to write is done, so that the next one does not pay for it. */
  async settle(database: string): Promise<void> {
    await withOwner(database, async (session) => {
      await session.exec('vacuum (analyze)');
      await session.exec('checkpoint');
    });
  }

  environment(database: string, more: Record<string, string> = {}): Record<string, string> {
    const as = (user: string) => Object.assign(new URL(database), { username: user }).href;
    return {
      PATH: process.env.PATH ?? '',
      DATA_DIR: join(this.folder, 'data'),
      DATABASE_URL: database,
      DATABASE_APP_URL: as('tolem_app'),
      DATABASE_VAULT_URL: as('tolem_vault'),
      LOG_LEVEL: 'error',
      REQUESTS_PER_SECOND: '1000000',
      WEBHOOK_ALLOW_PRIVATE: '1',
      ...this.secrets,
      ...more,
    };
  }

  /** @returns what the process says once it is ready, and its id */
  async start(args: string[], env: Record<string, string>): Promise<Record<string, unknown> & { pid: number }> {
    const child = fork(join(root, 'dist', 'src', 'cli', 'main.js'), args, {
      execArgv: [...process.execArgv, ...nodeFlags],
      env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.children.push(child);
    const said = await new Promise<Record<string, unknown>>((resolve, reject) => {
      child.once('message', (message) => resolve(message as Record<string, unknown>));
      child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}`)));
    });
    return { ...said, pid: child.pid as number };
  }

  async stop(pid: number): Promise<void> {
    const child = this.children.find((one) => one.pid === pid);
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  /** Merchants with a balance and a saved card, made without the API so that they cost no time. */
  async merchants(database: string, count: number): Promise<Rig[]> {
    const env = this.environment(database);
    const config = { ...readConfig(env), poolSize: 4 };
    const log = createLog('error', 'bench');
    const ports = openPorts(config, { app: env.DATABASE_APP_URL as string, vault: env.DATABASE_VAULT_URL as string }, log);
    const house = openHouse(config, ports, log);
    const made: Rig[] = [];
    for (let i = 0; i < count; i++) made.push(await this.merchant(house));
    await Promise.all([ports.db.close(), ports.vaultDb.close()]);
    return made;
  }

  private async merchant(house: House): Promise<Rig> {
    const made = await openMerchant(house.db, house.ids, new Sealer(house.config.masterKey, 'webhooks', house.random), {
      name: 'Bench',
      mode: 'test',
      now: house.clock.now(),
    });
    await house.db.merchant(made.merchantId, async (tx) => {
      const [world, available] = [account('world', 'KZT'), account('available', 'KZT')];
      const books = await Books.lock(tx, [world, available], house.clock.now());
      books.post({ objectId: house.ids.uuid(), kind: 'topup', from: world, to: available, amount: 900_000_000_000_000n });
      await books.write();
    });
    const { token } = await house.cards.save(made.merchantId, { pan: '4111111111111111', expiryMonth: 12, expiryYear: 2039 }, { externalUserId: 'bench' });
    return { ...made, cardToken: token };
  }

  async close(): Promise<void> {
    for (const { pid } of this.children) await this.stop(pid as number);
    await this.server?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Resident memory of a process, in MB. @source /proc, Linux */
export function rssMb(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
  } catch {
    return 0; // not Linux, or gone
  }
}

/** One whole request for a payout. */
export const payoutRequest = ({ apiKey, cardToken }: Rig, key: string): string =>
  post('/v1/payout', apiKey, key, `{"tokenId":"${cardToken}","amount":100.05,"currency":"KZT","orderReference":"${key}"}`);

/** And for a distribution. */
export const distributionRequest = ({ apiKey }: Rig, key: string): string =>
  post(
    '/v1/distributions',
    apiKey,
    key,
    `{"orderReference":"${key}","amount":10005,"currency":"KZT","recipient":{"name":"TOO Credit Partner","bin":"123456789012","iban":"KZ86125KZT5004100100","bic":"KCJBKZKX","kbe":"17","knp":"119"},"paymentPurpose":"By contract 123"}`,
  );

export const captureRequest = ({ apiKey }: Rig, key: string, id: string): string => post(`/v1/wallet/${id}/capture`, apiKey, key, '{"amount":10005}');

export const walletRequest = ({ apiKey }: Rig, key: string, phone = '+77012345678'): string =>
  post('/v1/wallet/authorize', apiKey, key, `{"amount":10005,"phoneNumber":"${phone}","iin":"900101300123","orderReference":"${key}","currency":"KZT"}`);

const post = (path: string, apiKey: string, key: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: bench\r\nauthorization: ${apiKey}\r\ncontent-type: application/json\r\nidempotency-key: ${key}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
