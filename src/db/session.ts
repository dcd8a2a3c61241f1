import pg from 'pg';
import type { Session } from './migrate.ts';

/** A connection of the database's owner, for migrations and the like. */
export async function withOwner<T>(url: string, work: (session: Session) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, application_name: 'tolem_owner' });
  await client.connect();
  try {
    return await work({
      exec: async (text) => void (await client.query(text)),
      rows: async <R>(text: string) => (await client.query(text)).rows as R[],
    });
  } finally {
    await client.end();
  }
}
