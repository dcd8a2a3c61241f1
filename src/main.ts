import { Cards } from './cards/cards.ts';
import { BankFiles, fileLimits, wayOf } from './bankfiles/bankfiles.ts';
import type { Config } from './config.ts';
import { HttpAuthorizer } from './connectors/http-authorizer.ts';
import { HttpConnector } from './connectors/http.ts';
import type { Authorizer } from './connectors/authorizer.ts';
import type { Connector } from './connectors/connector.ts';
import type { Db } from './db/db.ts';
import { openPostgres } from './db/postgres.ts';
import type { Grouping } from './groups.ts';
import { Authenticator } from './http/auth.ts';
import type { App } from './http/room.ts';
import { Ids } from './ids.ts';
import type { Log } from './log.ts';
import { clockOffset } from './merchants/platform.ts';
import { Invoices } from './invoices/invoices.ts';
import { Metrics } from './metrics.ts';
import { exceptFor, guardedNet, openNet } from './net.ts';
import { distributionKind } from './distributions/kind.ts';
import { Distributions } from './distributions/distributions.ts';
import { payoutKind } from './payouts/kind.ts';
import { Payouts } from './payouts/payouts.ts';
import type { Clock, Net, Random } from './ports.ts';
import { systemClock, systemRandom } from './clock.ts';
import { Sealer } from './sealing.ts';
import { Sending } from './sending/sending.ts';
import { Vault } from './vault/vault.ts';
import { Wallet } from './wallet/wallet.ts';
import { isAccepted } from './webhooks/outcomes.ts';
import { Webhooks } from './webhooks/webhooks.ts';
import { Worker } from './work/worker.ts';

/** Time, chance and the outside, as a process gets them. */
export interface Ports {
  clock: Clock & { setOffset(ms: number): void };
  random: Random;
  /** to the processor */
  net: Net;
  /** to merchants' endpoints: public addresses only */
  webhookNet: Net;
  db: Db;
  /** the same database, in the vault's role */
  vaultDb: Db;
}

/** Everything that a process of the platform has, whichever work it does. */
export interface House extends Ports {
  config: Config;
  ids: Ids;
  log: Log;
  auth: Authenticator;
  metrics: Metrics;
  connector: Connector;
  vault: Vault;
  cards: Cards;
  payouts: Payouts;
  distributions: Distributions;
  sending: Sending;
  /** where money leaves in files */
  bankFiles: BankFiles | undefined;
  invoices: Invoices;
  wallet: Wallet;
  webhooks: Webhooks;
  requestsPerSecond: number;
  onAnswer(route: string, status: number, seconds: number): void;
  onClock(offsetMs: number): void;
}

/** Puts the house together over its ports. Opens nothing by itself. */
export function openHouse(
  config: Config,
  ports: Ports,
  log: Log,
  options: { connector?: Connector; authorizer?: Authorizer; grouping?: Grouping } = {},
): House {
  const { clock, random, db } = ports;
  const ids = new Ids(clock, random);
  const grouping = options.grouping ? { grouping: options.grouping } : {};
  const metrics = new Metrics();
  const processor = {
    name: 'processor',
    url: config.processorUrl ?? '',
    secret: config.processorSecret,
    net: ports.net,
    timeoutMs: config.processorTimeoutMs,
  };
  const connector = options.connector ?? new HttpConnector(processor);
  const authorizer = options.authorizer ?? new HttpAuthorizer(processor);
  const vault = new Vault({
    db: ports.vaultDb,
    masterKey: config.masterKey,
    ...(config.oldMasterKey ? { oldMasterKey: config.oldMasterKey } : {}),
    clock,
    random,
    ids,
    onDamage: (error) => log.error({ event: 'vault.damage', error }, 'a stored card or key does not open: it was changed or damaged'),
  });
  const own = { db, clock, ids, maxGroup: config.groupSize, ...grouping };
  const payouts = new Payouts({ ...own, connector: connector.name, onGroup: (size) => metrics.group('accept', size) });
  const distributions = new Distributions({
    ...own,
    way: (mode) => wayOf(config.bank, connector.name, mode),
    onGroup: (size) => metrics.group('accept', size),
  });
  const sending = new Sending({
    ...{ ...own, random, connector, timeoutMs: config.processorTimeoutMs },
    kinds: [payoutKind((merchantId, tokens) => vault.open(merchantId, tokens)), distributionKind],
    otherLimits: fileLimits,
    onGroup: (size) => metrics.group('resolve', size),
    onVerdict: (kind) => metrics.verdict(kind),
  });
  const invoices = new Invoices({
    db,
    clock,
    ids,
    bank: config.bank,
    publicUrl: config.publicUrl,
    masterKey: config.masterKey,
    oldMasterKey: config.oldMasterKey,
  });
  const bankFiles = config.bank && new BankFiles({ ...own, log, settings: config.bank, kind: distributionKind, sending, invoices });
  const wallet = new Wallet({
    ...{ ...own, random, authorizer, timeoutMs: config.processorTimeoutMs },
    sealer: new Sealer(config.masterKey, 'wallet', random, config.oldMasterKey),
    onGroup: (kind, size) => metrics.group(kind, size),
  });
  const webhooks = new Webhooks({
    db,
    clock,
    random,
    ids,
    net: ports.webhookNet,
    sealer: new Sealer(config.masterKey, 'webhooks', random, config.oldMasterKey),
    ...grouping,
    config,
    log,
    onAttempt: (_merchantId, attempted) => metrics.attempt(isAccepted(attempted) ? 'accepted' : attempted.status === null ? 'unanswered' : 'refused'),
  });
  return {
    ...ports,
    ...{ config, ids, log, metrics, connector, vault, payouts, distributions, sending, bankFiles, invoices, wallet, webhooks },
    cards: new Cards({ db, vault, clock, ids, publicUrl: config.publicUrl }),
    auth: new Authenticator(db, clock),
    requestsPerSecond: config.requestsPerSecond,
    onAnswer: (route, status, seconds) => metrics.answer(route, status, seconds),
    onClock: (offsetMs) => clock.setOffset(offsetMs),
  };
}

/** The real ports of a process. */
export function openPorts(config: Config, urls: { app: string; vault: string }, log: Log): Ports {
  const onError = (error: Error) => log.warn({ event: 'database.connection', error }, 'a database connection broke');
  const net = openNet();
  const guarded = guardedNet({ allowPrivate: config.webhookAllowPrivate });
  return {
    clock: systemClock(),
    random: systemRandom(),
    net,
    webhookNet: config.sandboxInboxUrl ? exceptFor(config.sandboxInboxUrl, guarded, net) : guarded,
    db: openPostgres({ url: urls.app, role: 'tolem_app', poolSize: config.poolSize, onError }),
    vaultDb: openPostgres({ url: urls.vault, role: 'tolem_vault', poolSize: Math.max(2, Math.floor(config.poolSize / 4)), onError }),
  };
}

/** A part of the platform that runs until it is told to stop. */
export interface Running {
  stop(): Promise<void>;
}

/** The API process: listens, and stops by answering what it has accepted and nothing more. */
export async function serve(house: House): Promise<Running & { app: App; port: number }> {
  await house.vault.check();
  const { buildApp } = await import('./app.ts'); // a worker does without the API and its schemas
  const app = await buildApp(house);
  const following = followClock(house);
  await app.listen({ port: house.config.port, host: house.config.host, backlog: 1024 });
  const address = app.server.address();
  return {
    app,
    port: typeof address === 'object' && address ? address.port : house.config.port,
    async stop() {
      following.abort();
      await app.close(); // waits for requests in hand, and they for their groups
      await Promise.all([house.payouts.accepted.idle(), house.distributions.accepted.idle(), house.wallet.accepted.idle()]);
      await close(house);
    },
  };
}

/** The worker process: sends, asks and delivers, and stops by finishing what it has in hand. */
export async function work(house: House): Promise<Running> {
  await house.vault.check();
  const following = followClock(house);
  const stopping = new AbortController();
  const { db, clock, log } = house;
  house.sending.telling = (merchantId, work) => house.webhooks.deliverer.telling(merchantId, work);
  const sending = new Worker([house.sending.queue], { db, clock, log, capacity: 256 }).run(stopping.signal);
  house.wallet.telling = house.sending.telling;
  const wallet = new Worker([house.wallet.queue], { db, clock, log, capacity: 256 }).run(stopping.signal);
  const lapses = new Worker([house.wallet.lapses, house.invoices.queue], { db, clock, log, capacity: 256, idleMs: 1_000 }).run(stopping.signal);
  const deliveries = new Worker([house.webhooks.queue], { db, clock, log, capacity: 512 }).run(stopping.signal);
  const files = house.bankFiles && [
    new Worker([house.bankFiles.batcher.queue], { db, clock, log, capacity: 8 }).run(stopping.signal),
    house.bankFiles.watch(stopping.signal),
  ];
  void tidy(house, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      following.abort();
      await Promise.all([sending, wallet, lapses, deliveries, ...(files ?? [])]);
      await Promise.all([house.sending.outcomes.idle(), house.wallet.outcomes.idle()]); // they tell of what is delivered at once
      await house.webhooks.idle();
      await close(house);
    },
  };
}

const DAY_MS = 86_400_000;

/** Once an hour, what a crash left without an owner is removed: ciphertexts of cards that never got a token. */
async function tidy({ vault, clock, log }: House, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(DAY_MS / 24, signal);
    if (signal.aborted) return;
    await vault.sweep(new Date(clock.now().getTime() - DAY_MS)).then(
      (count) => count > 0 && log.info({ event: 'vault.swept', count }, 'ciphertexts without a token were removed'),
      (error: unknown) => log.warn({ event: 'vault.sweep_failed', error }, 'the vault could not be swept; it will be tried again'),
    );
  }
}

const close = ({ db, vaultDb, net, webhookNet }: House) => Promise.all([db.close(), vaultDb.close(), net.close?.(), webhookNet.close?.()]);

/** A test platform's clock may be moved by any process; the others follow within a second. */
function followClock(house: House): AbortController {
  const stopping = new AbortController();
  const follow = async () => {
    while (!stopping.signal.aborted) {
      await clockOffset(house.db).then(
        (ms) => house.clock.setOffset(ms),
        () => undefined, // the database is away; whoever needs it says so
      );
      await house.clock.sleep(500, stopping.signal);
    }
  };
  void follow();
  return stopping;
}
