import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { bicProblem, binProblem, ibanProblem, normalizedBic, normalizedIban } from './kazakhstan.ts';

const whole = (description: string, fallback: string) => Type.String({ pattern: '^\\d{1,9}$', description, default: fallback });
const text = (description: string, fallback?: string) =>
  fallback === undefined ? Type.Optional(Type.String({ minLength: 1, description })) : Type.String({ minLength: 1, description, default: fallback });

/** The environment, one entry for each setting; also what `tolem config` and the documentation print. */
export const Environment = Type.Object({
  PORT: whole('Port of the API', '8080'),
  HOST: Type.String({ minLength: 1, description: 'Address that the API listens on', default: '127.0.0.1' }),
  PUBLIC_URL: Type.Optional(
    Type.String({ pattern: '^https?://[^/?#]+$', description: 'How the world reaches the API; http://HOST:PORT where nothing is said' }),
  ),
  DATA_DIR: text('Where the embedded database, the sandbox bank and sandbox secrets live', '.tolem'),
  DATABASE_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://',
      description: 'A PostgreSQL of version 15 or later, as a user that may make roles; the embedded one where nothing is said',
    }),
  ),
  DATABASE_APP_URL: Type.Optional(Type.String({ pattern: '^postgres(ql)?://', description: 'The same database, logging in as tolem_app or a member of it' })),
  DATABASE_VAULT_URL: Type.Optional(
    Type.String({ pattern: '^postgres(ql)?://', description: 'The same database, logging in as tolem_vault or a member of it' }),
  ),
  PROCESSOR_URL: Type.Optional(
    Type.String({ pattern: '^https?://[^?#]+$', description: 'A processor that speaks protocol v1; the sandbox bank where nothing is said' }),
  ),
  PROCESSOR_SECRET: Type.Optional(
    Type.String({
      pattern: '^whsec_[A-Za-z0-9+/=]{20,}$',
      description: 'Bearer for the processor; its bytes sign callbacks. A sandbox one is made in DATA_DIR',
    }),
  ),
  PROCESSOR_TIMEOUT_MS: whole('For how long an answer of the processor is awaited', '10000'),
  MASTER_KEY: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9+/]{43}=$',
      description: '32 bytes in base64 that all secrets are sealed under. A sandbox one is made in DATA_DIR; live merchants need your own',
    }),
  ),
  OLD_MASTER_KEY: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$', description: 'The one before, while it is being rotated' })),
  WEBHOOK_ALLOW_PRIVATE: Type.Optional(
    Type.Union([Type.Literal('0'), Type.Literal('1'), Type.Literal('true'), Type.Literal('false')], {
      description: 'Test only: lets webhooks go to loopback and private addresses',
    }),
  ),
  SANDBOX_INBOX_URL: Type.Optional(
    Type.String({
      pattern: '^http://127\\.0\\.0\\.1:\\d+/',
      description: 'The one private address that webhooks may go to: the inbox of npm start, which sets this',
    }),
  ),
  METRICS_PORT: Type.Optional(
    Type.String({
      pattern: '^\\d{1,5}$',
      description: 'Port of /metrics, /healthz and /readyz; off where nothing is said. Further processes of one start take the next ones',
    }),
  ),
  LOG_LEVEL: Type.Union(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].map((level) => Type.Literal(level)),
    { description: 'What is logged', default: 'info' },
  ),
  BANK_DIR: text(
    'Folder shared with the bank (outbox, inbox): distributions leave in ISO 20022 files. Where nothing is said they go to the processor, one by one',
  ),
  BANK_ACCOUNT: text('Your own account at that bank: {"name":"…","bin":"…","iban":"…","bic":"…"}, and "currency" where it is not KZT'),
  BANK_BATCH_SECONDS: whole('For how long payments gather before they leave in one file', '60'),
  BANK_CUT_OFF: Type.String({
    pattern: '^([01]\\d|2[0-3]):[0-5]\\d$',
    description: 'Until when, in Almaty, the bank executes on the same day',
    default: '16:00',
  }),
  BANK_PAIN_VERSION: Type.Union([Type.Literal('09'), Type.Literal('03')], { description: 'Version of the pain.001.001 that the bank reads', default: '09' }),
  BANK_SETTLE_MS: whole('A file in the inbox that was changed less long ago may still be in the making', '1000'),
  REQUESTS_PER_SECOND: whole('Requests a second for a key, where its merchant has no number of its own', '10000'),
  GROUP_SIZE: whole('Most payouts that are accepted in one transaction', '256'),
  POOL_SIZE: whole('Database connections of one process', '16'),
});

/** The operator's bank, as far as it speaks in files. */
export interface BankConfig {
  /** the sandbox bank: money of test merchants leaves in its files, too; at a real one only live merchants' */
  isSandbox: boolean;
  /** where outbox and inbox are */
  folder: string;
  /** the operator's own account */
  account: { name: string; bin: string; iban: string; bic: string; /** KZT where nothing is said */ currency?: string };
  /** how long payments gather before they leave together */
  batchSeconds: number;
  /** HH:MM in Almaty */
  cutOff: string;
  version: '03' | '09';
  /** milliseconds since its last change after which a file in the inbox is taken to be whole */
  settleMs: number;
}

export interface Config {
  port: number;
  host: string;
  publicUrl: string;
  dataDir: string;
  databaseUrl: string | undefined;
  databaseAppUrl: string | undefined;
  databaseVaultUrl: string | undefined;
  processorUrl: string | undefined;
  processorSecret: string;
  processorTimeoutMs: number;
  masterKey: Buffer;
  oldMasterKey: Buffer | undefined;
  /** the key was made here for trying things out: live merchants are refused */
  sandboxMasterKey: boolean;
  webhookAllowPrivate: boolean;
  sandboxInboxUrl: string | undefined;
  /** the bank that speaks in files */
  bank: BankConfig | undefined;
  metricsPort: number | undefined;
  logLevel: string;
  requestsPerSecond: number;
  groupSize: number;
  poolSize: number;
}

/** A setting that is wrong, by name: for the person who starts the process. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * The configuration of a process, from its environment. Sandbox secrets are made in DATA_DIR the first time.
 * @throws {ConfigError} that names every setting that is wrong
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(Environment.properties).map(([name, schema]) => [name, env[name] || (schema as { default?: string }).default]),
  );
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const compiled = Compile(Environment);
  if (!compiled.Check(known)) {
    const wrong = [...compiled.Errors(known)].map(({ instancePath, message }) => `  ${instancePath.slice(1)} ${message}`);
    throw new ConfigError(`the environment is not right:\n${[...new Set(wrong)].join('\n')}`);
  }
  const e: Static<typeof Environment> = known;
  const dataDir = resolve(e.DATA_DIR);
  const masterKey = e.MASTER_KEY ?? sandboxSecret(dataDir, 'master-key', () => randomBytes(32).toString('base64'));
  return {
    ...{ port: Number(e.PORT), host: e.HOST, publicUrl: e.PUBLIC_URL ?? `http://${e.HOST.includes(':') ? `[${e.HOST}]` : e.HOST}:${e.PORT}`, dataDir },
    ...{ databaseUrl: e.DATABASE_URL, databaseAppUrl: e.DATABASE_APP_URL, databaseVaultUrl: e.DATABASE_VAULT_URL },
    processorUrl: e.PROCESSOR_URL?.replace(/\/+$/, ''),
    processorSecret: e.PROCESSOR_SECRET ?? sandboxSecret(dataDir, 'processor-secret', () => `whsec_${randomBytes(32).toString('base64')}`),
    processorTimeoutMs: Number(e.PROCESSOR_TIMEOUT_MS),
    masterKey: Buffer.from(masterKey, 'base64'),
    oldMasterKey: e.OLD_MASTER_KEY ? Buffer.from(e.OLD_MASTER_KEY, 'base64') : undefined,
    sandboxMasterKey: e.MASTER_KEY === undefined,
    webhookAllowPrivate: e.WEBHOOK_ALLOW_PRIVATE === '1' || e.WEBHOOK_ALLOW_PRIVATE === 'true',
    sandboxInboxUrl: e.SANDBOX_INBOX_URL,
    bank: bankOf(e, dataDir),
    metricsPort: e.METRICS_PORT ? Number(e.METRICS_PORT) : undefined,
    ...{ logLevel: e.LOG_LEVEL, requestsPerSecond: Number(e.REQUESTS_PER_SECOND), groupSize: Number(e.GROUP_SIZE), poolSize: Number(e.POOL_SIZE) },
  };
}

/** The settings of the sandbox bank's files, which `npm start` makes; a command beside it finds them by the folder. */
export const sandboxBank = (dataDir: string) => ({
  BANK_DIR: join(dataDir, 'bank-files'),
  BANK_ACCOUNT: JSON.stringify({ name: 'Tolem sandbox operator', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX' }),
  BANK_BATCH_SECONDS: '2',
});

function bankOf(e: Static<typeof Environment>, dataDir: string): BankConfig | undefined {
  if (e.BANK_DIR !== undefined) return bankIn(e.BANK_DIR, e, dataDir);
  const sandbox = sandboxBank(dataDir);
  return e.PROCESSOR_URL === undefined && existsSync(sandbox.BANK_DIR) ? bankIn(sandbox.BANK_DIR, { ...e, ...sandbox }, dataDir) : undefined;
}

/** @throws {ConfigError} when the account is not one */
function bankIn(folder: string, e: Static<typeof Environment>, dataDir: string): BankConfig {
  const account = accountIn(e.BANK_ACCOUNT ?? '');
  const wrong = account
    ? (binProblem(account.bin, { checkDigit: false }) ?? ibanProblem(account.iban) ?? bicProblem(account.bic))
    : 'must be {"name","bin","iban","bic"} in JSON';
  if (!account || wrong) throw new ConfigError(`BANK_ACCOUNT: ${wrong ?? ''}`);
  return {
    folder: resolve(folder),
    isSandbox: resolve(folder) === sandboxBank(dataDir).BANK_DIR,
    account,
    batchSeconds: Number(e.BANK_BATCH_SECONDS),
    cutOff: e.BANK_CUT_OFF,
    version: e.BANK_PAIN_VERSION,
    settleMs: Number(e.BANK_SETTLE_MS),
  };
}

function accountIn(json: string): BankConfig['account'] | undefined {
  try {
    const { name, bin, iban, bic, currency = 'KZT' } = JSON.parse(json) as Record<string, unknown>;
    return [name, bin, iban, bic, currency].every((value) => typeof value === 'string' && value !== '')
      ? { name: String(name), bin: String(bin), iban: normalizedIban(String(iban)), bic: normalizedBic(String(bic)), currency: String(currency) }
      : undefined;
  } catch {
    return undefined;
  }
}

/** A secret that this installation made for itself; the first process to want it makes it, the others read it. */
function sandboxSecret(dataDir: string, name: string, make: () => string): string {
  const folder = join(dataDir, 'secrets');
  const file = join(folder, name);
  if (!existsSync(file)) {
    const draft = `${file}.${process.pid}`;
    try {
      mkdirSync(dataDir, { recursive: true }); // the account that PostgreSQL runs as must be able to pass through
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(draft, make(), { mode: 0o600 });
      linkSync(draft, file); // whole or not at all, and the first one wins
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new ConfigError(`DATA_DIR: ${file} cannot be written (${(error as NodeJS.ErrnoException).code})`);
    } finally {
      rmSync(draft, { force: true });
    }
  }
  return readFileSync(file, 'utf8').trim();
}
