import { join } from 'node:path';
import { type Config, ConfigError } from '../config.ts';
import { migrate, readMigrations } from '../db/migrate.ts';
import { withOwner } from '../db/session.ts';
import { startEmbedded } from '../embedded/embedded.ts';
import { root } from '../root.ts';

/** The database of this installation, by the URLs of those who use it. */
export interface Database {
  owner: string;
  app: string;
  vault: string;
  /** resolves with a sentence if an embedded server ends by itself */
  died: Promise<string>;
  embedded: boolean;
  /** Leaves it; an embedded server stops with the last who leaves. */
  leave(): Promise<void>;
}

/** Finds the database that the configuration names, or starts or joins the embedded one. */
export async function openDatabase(config: Config, log: (line: string) => void): Promise<Database> {
  if (config.databaseUrl) {
    const { databaseUrl: owner, databaseAppUrl: app = owner, databaseVaultUrl: vault = owner } = config;
    await refuseOld(owner);
    return { owner, app, vault, embedded: false, died: new Promise(() => undefined), leave: () => Promise.resolve() };
  }
  const server = await startEmbedded({ dataDir: config.dataDir, log });
  const as = (user: string) => Object.assign(new URL(server.url), { username: user }).href;
  return { owner: server.url, app: as('tolem_app'), vault: as('tolem_vault'), embedded: true, died: server.died, leave: () => server.stop() };
}

/** @returns the migrations that were applied now */
export const migrateDatabase = async (owner: string): Promise<string[]> => {
  const migrations = await readMigrations(join(root, 'migrations'));
  return withOwner(owner, (session) => migrate(session, migrations));
};

async function refuseOld(url: string): Promise<void> {
  const [row] = await withOwner(url, (session) => session.rows<{ version: string }>(`select current_setting('server_version_num') as version`)).catch(
    (error: Error) => {
      throw new ConfigError(`DATABASE_URL: ${new URL(url).host} does not let us in: ${reasonOf(error)}`, { cause: error });
    },
  );
  const major = Math.floor(Number(row?.version) / 10_000);
  if (major < 15) throw new ConfigError(`DATABASE_URL: this is a PostgreSQL ${major}; Tolem needs 15 or later`);
}

/** A host with several addresses fails once for each of them; the first says enough. */
const reasonOf = (error: Error): string => error.message || ((error as { errors?: Error[] }).errors?.[0]?.message ?? 'no connection');
