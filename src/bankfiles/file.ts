import type { Queries } from '../db/db.ts';
import { sql } from '../db/sql.ts';

/** A file of the bank, known by the SHA-256 of its bytes. */
export interface BankFile {
  sha256: Buffer;
  name: string;
}

/**
 * Takes a file to be read, unless somebody reads it now or it was read before.
 * @returns 'known' when it was ended before, under whatever name; 'busy' while somebody else reads it
 */
export async function takeFile(queries: Queries, { sha256, name }: BankFile, now: Date, leaseUntil: Date): Promise<'taken' | 'known' | 'busy'> {
  const taken = await queries.run(sql`
    insert into bank_file as f (sha256, name, state, received_at, lease_until) values (${sha256}::bytea, ${name}, 'reading', ${now}::timestamptz, ${leaseUntil}::timestamptz)
    on conflict (sha256) do update set lease_until = excluded.lease_until where f.state = 'reading' and f.lease_until <= ${now}::timestamptz`);
  if (taken === 1) return 'taken';
  const { state } = await queries.one<{ state: string }>(sql`select f.state from bank_file f where f.sha256 = ${sha256}::bytea`);
  return state === 'reading' ? 'busy' : 'known';
}

/** Something else went wrong: it is tried again from then on. */
export const releaseFile = (queries: Queries, { sha256 }: BankFile, at: Date): Promise<number> =>
  queries.run(sql`update bank_file as f set lease_until = ${at}::timestamptz where f.sha256 = ${sha256}::bytea and f.state = 'reading'`);

/** The file was applied, or is refused for what is wrong with it. */
export const endFile = (
  queries: Queries,
  { sha256 }: BankFile,
  { message, lines, problem }: { message: string | null; lines: number; problem: string | null },
  at: Date,
): Promise<number> =>
  queries.run(sql`
    update bank_file as f set state = ${problem === null ? 'applied' : 'refused'}, message = ${message}, lines = ${lines}::int, problem = ${problem}, lease_until = null, ended_at = ${at}::timestamptz
    where f.sha256 = ${sha256}::bytea and f.state = 'reading'`);
