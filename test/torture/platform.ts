/** platform.ts: the whole platform under torture: a real database, the bank, APIs and workers, two merchants and who listens to them. */
import { execFile } from 'node:child_process';
import { constants, publicEncrypt, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { pans } from './mix.ts';
import { cli, Database, freePort, Part } from './processes.ts';
import type { Endpoint, Receiver } from './receiver.ts';

const run = promisify(execFile);

export interface Merchant {
  name: 'wide' | 'narrow';
  id: string;
  apiKey: string;
  webhookToken: string;
  /** the token of the card of each scenario */
  tokens: Map<string, string>;
  /** what each payout costs, by currency: fixed, in minor units, and in hundredths of a percent */
  fees: Record<string, [fixed: bigint, basisPoints: bigint]>;
}

/** What the merchants' contracts say. */
export const terms = {
  wide: { KZT: { fee: 100n, bps: 50n }, USD: { fee: 0n, bps: 25n, daily: 4_000_00n }, JPY: { fee: 7n, bps: 0n } },
  narrow: { KZT: { fee: 50n, bps: 0n } },
} as const;

export interface HttpAnswer {
  status: number;
  body: string;
  headers: Record<string, string | string[] | undefined>;
}

export class Platform {
  readonly database: Database;
  readonly bank: Part;
  readonly apis: Part[] = [];
  readonly workers: Part[] = [];
  readonly merchants: Merchant[] = [];
  readonly endpoints: Endpoint[] = [];
  private readonly agent = new Agent({ connections: 64, pipelining: 1 });
  private readonly urls: string[];

  private constructor(
    readonly folder: string,
    private readonly env: Record<string, string>,
    private readonly ports: { bank: number; apis: number[] },
    workers: number,
  ) {
    this.database = new Database(folder);
    this.urls = ports.apis.map((port) => `http://127.0.0.1:${port}`);
    this.bank = this.part('bank', [
      'bank',
      '--port',
      String(ports.bank),
      '--data-dir',
      this.bankFolder,
      '--callback-url',
      `${this.urls[0]}/callbacks/processor`,
    ]);
    ports.apis.forEach((port, i) => this.apis.push(this.part(`api-${i + 1}`, ['serve'], { PORT: String(port) })));
    for (let i = 1; i <= workers; i++) this.workers.push(this.part(`worker-${i}`, ['work']));
  }

  /** Finds ports and secrets; starts nothing. */
  static async open(folder: string, counts: { apis: number; workers: number }): Promise<Platform> {
    const [bank = 0, ...apis] = await Promise.all(Array.from({ length: counts.apis + 1 }, freePort));
    mkdirSync(join(folder, 'logs'));
    mkdirSync(join(folder, 'journals'));
    const { PATH = '', HOME = '/' } = process.env;
    const env = {
      ...{
        PATH,
        HOME,
        DATA_DIR: join(folder, 'platform'),
        HOST: '127.0.0.1',
        PUBLIC_URL: `http://127.0.0.1:${apis[0]}`,
        PROCESSOR_URL: `http://127.0.0.1:${bank}`,
      },
      ...{ PROCESSOR_SECRET: `whsec_${randomBytes(32).toString('base64')}`, MASTER_KEY: randomBytes(32).toString('base64') },
      ...{ PROCESSOR_TIMEOUT_MS: '1500', WEBHOOK_ALLOW_PRIVATE: '1', LOG_LEVEL: 'info' },
    };
    return new Platform(folder, env, { bank, apis }, counts.workers);
  }

  private part(name: string, args: string[], more: Record<string, string> = {}): Part {
    // The URLs are known once the database runs, which is before any part starts.
    const { folder, env } = this;
    const database = () => ({
      DATABASE_URL: this.database.url(),
      DATABASE_APP_URL: this.database.url('tolem_app'),
      DATABASE_VAULT_URL: this.database.url('tolem_vault'),
    });
    return new Part(name, { folder, args, env: () => ({ ...env, ...more, ...database() }) });
  }

  get bankFolder(): string {
    return join(this.folder, 'bank');
  }

  get parts(): Part[] {
    return [this.bank, ...this.apis, ...this.workers];
  }

  async start(): Promise<void> {
    await this.database.start();
    await this.command('migrate');
    await Promise.all(this.parts.map((part) => part.start()));
  }

  /** A command of the command line. @returns what it printed */
  async command(...args: string[]): Promise<string> {
    const env = { ...this.env, DATABASE_URL: this.database.url(), LOG_LEVEL: 'warn' };
    const { stdout } = await run(process.execPath, [cli, ...args], { env, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  }

  /** Opens the two merchants, with terms, cards, money, and endpoints at the receiver. */
  async furnish(receiver: Receiver, funds: { wide: Record<string, number>; narrow: Record<string, number> }): Promise<void> {
    for (const name of ['wide', 'narrow'] as const) {
      const made = JSON.parse(await this.command('merchant', 'create', '--name', name, '--json')) as {
        merchantId: string;
        apiKey: string;
        webhookToken: string;
      };
      const merchant: Merchant = { name, id: made.merchantId, apiKey: made.apiKey, webhookToken: made.webhookToken, tokens: new Map(), fees: {} };
      for (const [currency, { fee, bps, daily }] of Object.entries(terms[name]) as [string, { fee: bigint; bps: bigint; daily?: bigint }][]) {
        await this.command(
          'merchant',
          'terms',
          '--merchant',
          merchant.id,
          '--currency',
          currency,
          '--fee',
          String(fee),
          '--fee-bps',
          String(bps),
          ...(daily ? ['--daily', String(daily)] : []),
        );
        merchant.fees[currency] = [fee, bps];
      }
      this.merchants.push(merchant);
      for (const [currency, amount] of Object.entries(funds[name]))
        await this.must(merchant, 'POST', '/v1/sandbox/topup', { amount, currency }, `funds-${currency}`);
      for (const wary of name === 'wide' ? [false, true] : [false]) {
        const { url, path } = receiver.place(wary);
        const { id, secret } = (await this.must(merchant, 'POST', '/v1/webhook-endpoints', { url }, `endpoint-${path}`)) as { id: string; secret: string };
        const endpoint: Endpoint = { id, path, merchant: name, secret, webhookToken: merchant.webhookToken, wary };
        this.endpoints.push(endpoint);
        receiver.serve(endpoint);
      }
      await this.saveCards(merchant);
    }
  }

  private async saveCards(merchant: Merchant): Promise<void> {
    const { publicKey } = (await this.must(merchant, 'GET', '/v1/keys')) as { publicKey: string };
    const sealed = (value: string) =>
      publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, Buffer.from(value)).toString('base64');
    for (const [scenario, pan] of pans) {
      const cardData = { encryptedCardNumber: sealed(pan), encryptedExpiryMonth: sealed('12'), encryptedExpiryYear: sealed('2039') };
      const saved = (await this.must(merchant, 'POST', '/v1/cards', { customer: { externalUserId: `user-${scenario}` }, cardData }, `card-${scenario}`)) as {
        cardTokenId: string;
      };
      merchant.tokens.set(scenario, saved.cardTokenId);
    }
  }

  private async must(merchant: Merchant, method: 'GET' | 'POST', path: string, body?: object, key?: string): Promise<unknown> {
    const answer = await this.call(0, method, path, { apiKey: merchant.apiKey, body: body && JSON.stringify(body), key, timeoutMs: 20_000 });
    if (answer.status >= 300) throw new Error(`${method} ${path} of the furnishing was answered ${answer.status}: ${answer.body}`);
    return JSON.parse(answer.body);
  }

  /** One request to one of the APIs; nothing is tried again. @throws when there was no whole answer */
  async call(
    api: number,
    method: 'GET' | 'POST',
    path: string,
    o: { apiKey: string; body?: string | undefined; key?: string | undefined; timeoutMs: number },
  ): Promise<HttpAnswer> {
    const headers = {
      authorization: o.apiKey,
      ...(o.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(o.key ? { 'idempotency-key': o.key } : {}),
    };
    const answer = await request(`${this.urls[api % this.urls.length]}${path}`, {
      method,
      headers,
      body: o.body ?? null,
      dispatcher: this.agent,
      signal: AbortSignal.timeout(o.timeoutMs),
    });
    return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
  }

  /** Everything that the bank has written, from its own door. */
  async bankJournal<E>(): Promise<E[]> {
    const entries: E[] = [];
    for (let after = 0; ;) {
      const answer = await request(`http://127.0.0.1:${this.ports.bank}/v1/journal?after=${after}&limit=10000`, {
        headers: { authorization: `Bearer ${this.env.PROCESSOR_SECRET}` },
        dispatcher: this.agent,
      });
      const page = (await answer.body.json()) as { entries: E[]; last: number; more: boolean };
      if (answer.statusCode !== 200) throw new Error(`the bank's journal was answered ${answer.statusCode}`);
      for (const entry of page.entries) entries.push(entry);
      if (!page.more) return entries;
      after = page.last;
    }
  }

  /** All parts are up, whatever was done to them. */
  async untilUp(): Promise<void> {
    await this.database.untilUp(60_000);
    await Promise.all(this.parts.map((part) => part.untilUp(60_000)));
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.agent.destroy();
    await Promise.all([...this.apis, ...this.workers].map((part) => part.stop(signal)));
    await this.bank.stop(signal);
    await this.database.stop();
  }
}
