import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { systemClock, systemRandom } from '../clock.ts';
import { readConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { type House, openHouse, openPorts, serve, work } from '../main.ts';
import { openNet } from '../net.ts';
import { runBank } from '../sandbox/main.ts';
import { untilStopped } from './context.ts';
import { migrateDatabase, openDatabase } from './database.ts';
import { observe } from './observe.ts';

/** What each process of the platform is: `tolem serve`, `tolem work` and `tolem bank`. */

export async function runServe(): Promise<void> {
  await runPart('api', 0, async (house) => {
    const running = await serve(house);
    process.send?.({ ready: true, port: running.port });
    house.log.info({ event: 'listening', port: running.port, url: house.config.publicUrl }, 'the API listens');
    return running;
  });
}

export async function runWork(): Promise<void> {
  await runPart('worker', 1, async (house) => {
    const running = await work(house);
    process.send?.({ ready: true });
    house.log.info({ event: 'working' }, 'the worker works');
    return running;
  });
}

async function runPart(name: string, portOffset: number, begin: (house: House) => Promise<{ stop(): Promise<void> }>): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.logLevel, name);
  const database = await openDatabase(config, (line) => log.info({ event: 'database' }, line));
  await migrateDatabase(database.owner);
  const house = openHouse(config, openPorts(config, database, log), log);
  crashLoudly(log);
  const running = await begin(house);
  const metrics = config.metricsPort === undefined ? undefined : await observe(house, config.metricsPort === 0 ? 0 : config.metricsPort + portOffset);
  if (metrics) log.info({ event: 'metrics', port: (metrics.address() as AddressInfo).port }, 'metrics, health and readiness are on a port of their own');
  await untilStopped(log, running, database.died, async () => {
    metrics?.close();
    await database.leave();
  });
}

export async function runSandboxBank(options: { port: number; host?: string; dataDir?: string; callbackUrl?: string }): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.logLevel, 'bank');
  const bank = await runBank({
    port: options.port,
    host: options.host ?? '127.0.0.1',
    dataDir: options.dataDir ?? join(config.dataDir, 'bank'),
    secret: config.processorSecret,
    ...(config.bank ? { files: config.bank.folder } : {}),
    callbackUrl: options.callbackUrl ?? `${config.publicUrl}/callbacks/processor`,
    ...{ clock: systemClock(), random: systemRandom(), net: openNet(), log: log as never },
  });
  process.send?.({ ready: true, url: bank.url });
  log.info({ event: 'listening', url: bank.url }, 'the sandbox bank is open');
  await untilStopped(
    log,
    bank,
    bank.failed.then((error) => error.message),
    () => Promise.resolve(),
  );
}

/** What nobody expected ends the process: it starts clean, and what it had in hand comes again. */
function crashLoudly(log: { error(fields: Record<string, unknown>, message: string): void }): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.error(
        { event, error: error instanceof Error ? error : new Error(String(error)) },
        'an error that nobody expected: the process ends and may be started again',
      );
      process.exit(1);
    });
  }
}
