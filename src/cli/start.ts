import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ConfigError, readConfig, sandboxBank, type Config } from '../config.ts';
import { createLog } from '../log.ts';
import { openHouse, openPorts } from '../main.ts';
import { type NewMerchant, openMerchant } from '../merchants/open.ts';
import { Sealer } from '../sealing.ts';
import { note, say } from './context.ts';
import { type Database, migrateDatabase, openDatabase } from './database.ts';
import { nodeFlags } from './flags.ts';
import { inboxUrl, openInbox } from './inbox.ts';
import { welcome } from './welcome.ts';

/** Everything at once, for a first payout in minutes: database, sandbox bank, API and worker, each a process of its own. */
export async function runStart(): Promise<void> {
  const from = performance.now();
  const config = readConfig(process.env);
  await refuseTakenPort(config);
  const step = steps();
  step('database');
  const database = await openDatabase(config, note);
  const applied = await migrateDatabase(database.owner);
  step(
    database.embedded ? `database: PostgreSQL in ${config.dataDir}` : 'database: DATABASE_URL',
    applied.length > 0 ? `${applied.length} migrations` : undefined,
  );

  const parts = new Parts(config, database);
  stopOnSignals(parts, database);
  if (!config.processorUrl && !process.env.BANK_DIR) Object.assign(parts.env, sandboxBank(config.dataDir)); // it speaks in files, too
  const bankUrl = config.processorUrl ?? String((await parts.start('bank', ['bank', ...bankPort(config)])).url);
  step(config.processorUrl ? `processor: ${config.processorUrl}` : `sandbox bank: ${bankUrl}`);
  parts.env.PROCESSOR_URL = bankUrl;
  const inboxPort = config.port === 0 ? undefined : config.port + 2;
  if (inboxPort !== undefined) parts.env.SANDBOX_INBOX_URL = inboxUrl(inboxPort);
  const [{ port }] = await Promise.all([parts.start('api', ['serve']), parts.start('worker', ['work'])]);
  step(`API: ${config.publicUrl}`);
  step('worker');
  const merchant = await sandboxMerchant(config, database);
  const base = `http://${config.host === '0.0.0.0' ? '127.0.0.1' : config.host}:${String(port)}`;
  const inbox =
    inboxPort === undefined
      ? undefined
      : await openInbox({ port: inboxPort, base, apiKey: merchant.apiKey, file: join(config.dataDir, `inbox-${merchant.merchantId}.json`) });
  if (inbox) step(`inbox for webhooks: ${inbox}`);
  say(welcome({ config, merchant, port: Number(port), inbox, database, seconds: (performance.now() - from) / 1000 }));
}

/** Tells what is being done, a line for each step. */
function steps() {
  const begun = performance.now();
  return (what: string, detail?: string) => note(`  ${((performance.now() - begun) / 1000).toFixed(1).padStart(5)} s  ${what}${detail ? ` (${detail})` : ''}`);
}

/** The child processes. One that ends by itself ends them all: nobody should believe that a half is the whole. */
class Parts {
  readonly env: Record<string, string>;
  private readonly children = new Map<string, ChildProcess>();
  private stopping = false;

  constructor(config: Config, database: Database) {
    const inherited = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
    // On a terminal only what needs somebody's eye; LOG_LEVEL=info shows all.
    this.env = {
      LOG_LEVEL: 'warn',
      ...inherited,
      DATA_DIR: config.dataDir,
      DATABASE_URL: database.owner,
      DATABASE_APP_URL: database.app,
      DATABASE_VAULT_URL: database.vault,
    };
  }

  /** @returns what the part says once it is ready */
  start(name: string, args: string[]): Promise<Record<string, unknown>> {
    const child = fork(new URL('./main.js', import.meta.url), args, {
      execArgv: nodeFlags,
      env: this.env,
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.children.set(name, child);
    return new Promise((resolve, reject) => {
      child.once('message', (message) => resolve(message as Record<string, unknown>));
      child.once('exit', (code, signal) => {
        this.children.delete(name);
        if (this.stopping) return;
        reject(new Error(`${name} ended (${signal ?? code})`));
        note(`\n  The ${name} ended by itself (${signal ?? `code ${code}`}): stopping the others. Start again with npm start; no payout is lost.`);
        process.exitCode = 1;
        process.kill(process.pid, 'SIGTERM');
      });
    });
  }

  /** The API first, so that nothing new is accepted while the rest finishes. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const name of ['api', 'worker', 'bank']) {
      const child = this.children.get(name);
      if (!child) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
  }
}

function stopOnSignals(parts: Parts, database: Database): void {
  let asked: number | undefined;
  const stop = async () => {
    // One Ctrl-C may arrive twice, from the terminal and from npm. Who asks again later means: at once.
    if (asked !== undefined) return performance.now() - asked > 2_000 ? process.exit(1) : undefined;
    asked = performance.now();
    note('\n  Stopping: what is in hand is finished first …');
    await parts.stop();
    await database.leave();
    note('  Stopped. The data stays; npm start goes on with it.');
    process.exit();
  };
  process.on('SIGINT', () => void stop());
  process.on('SIGTERM', () => void stop());
  process.on('SIGHUP', () => void stop());
  void database.died.then((why) => {
    note(`\n  ${why}`);
    process.exitCode = 1;
    void stop();
  });
}

/** The port of the bank stays the same, so that what is due when everything starts again finds it. */
function bankPort(config: Config): string[] {
  return ['--port', String(config.port === 0 ? 0 : config.port + 1)];
}

async function refuseTakenPort(config: Config): Promise<void> {
  for (const port of config.port === 0 ? [] : [config.port, ...(config.processorUrl ? [] : [config.port + 1]), config.port + 2]) {
    await new Promise<void>((resolve, reject) => {
      const probe = createServer();
      probe.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          new ConfigError(
            error.code === 'EADDRINUSE'
              ? `PORT: ${config.host}:${port} is taken. Is Tolem running already? Set PORT to another one, e.g. PORT=9080 npm start`
              : `PORT, HOST: cannot listen on ${config.host}:${port} (${error.code})`,
          ),
        ),
      );
      probe.listen(port, config.host, () => probe.close(() => resolve()));
    });
  }
}

/** The sandbox merchant that a first start makes. Its keys are kept beside the data, for this sandbox only. */
async function sandboxMerchant(config: Config, database: Database): Promise<NewMerchant> {
  const file = join(config.dataDir, 'sandbox-merchant.json');
  const log = createLog('warn', 'tolem');
  const ports = openPorts({ ...config, poolSize: 2 }, database, log);
  try {
    const house = openHouse(config, ports, log);
    const kept = keptMerchant(file);
    if (kept && (await isThere(house.auth, kept))) return kept;
    const made = await openMerchant(house.db, house.ids, new Sealer(config.masterKey, 'webhooks', house.random), {
      name: 'Sandbox',
      mode: 'test',
      now: house.clock.now(),
    });
    writeFileSync(file, JSON.stringify(made, null, 2), { mode: 0o600 });
    return made;
  } finally {
    await Promise.all([ports.db.close(), ports.vaultDb.close()]);
  }
}

function keptMerchant(file: string): NewMerchant | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as NewMerchant;
  } catch {
    return undefined; // the first start
  }
}

/** The database may be another one than when the file was written. */
const isThere = (auth: { caller(header: string): Promise<unknown> }, { apiKey }: NewMerchant): Promise<boolean> =>
  auth.caller(apiKey).then(
    () => true,
    () => false,
  );
