import { type Config, readConfig } from '../config.ts';
import { createLog, type Log } from '../log.ts';
import type { House } from '../main.ts';
import { type Database, migrateDatabase, openDatabase } from './database.ts';

export const say = (line = ''): void => void process.stdout.write(`${line}\n`);
export const note = (line: string): void => void process.stderr.write(`${line}\n`);

/** A house for one command: its database is there and migrated, and is left again afterwards. */
export async function withHouse<T>(work: (house: House, database: Database) => Promise<T>): Promise<T> {
  const config = readConfig(process.env);
  return withDatabase(config, async (database) => {
    await migrateDatabase(database.owner);
    const { openHouse, openPorts } = await import('../main.ts'); // the whole server: only where a command needs it
    const log = createLog(process.env.LOG_LEVEL ? config.logLevel : 'warn', 'tolem');
    const ports = openPorts({ ...config, poolSize: 4 }, database, log);
    try {
      return await work(openHouse(config, ports, log), database);
    } finally {
      await Promise.all([ports.db.close(), ports.vaultDb.close()]);
    }
  });
}

export async function withDatabase<T>(config: Config, work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openDatabase(config, note);
  try {
    return await work(database);
  } finally {
    await database.leave();
  }
}

/** How long ago something was, for a person. */
export function age(now: number, since: Date | null): string {
  const seconds = since ? Math.max(0, Math.round((now - since.getTime()) / 1000)) : 0;
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** Runs a part of the platform until it is told to stop, once; told twice, it ends at once. */
export async function untilStopped(log: Log, running: { stop(): Promise<void> }, died: Promise<string>, leave: () => Promise<void>): Promise<void> {
  const signal = await new Promise<string>((resolve) => {
    process.once('SIGINT', () => resolve('SIGINT'));
    process.once('SIGTERM', () => resolve('SIGTERM'));
    process.once('disconnect', () => resolve('the parent is gone'));
    void died.then((why) => {
      process.exitCode = 1;
      resolve(why);
    });
  });
  log.info({ event: 'stopping', reason: signal }, 'stopping: what is in hand is finished first');
  const asked = performance.now();
  for (const again of ['SIGINT', 'SIGTERM']) process.on(again, () => performance.now() - asked > 2_000 && process.exit(1));
  await running.stop();
  await leave();
  log.info({ event: 'stopped' }, 'stopped');
}
