import type { Db, Queries } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { conflict } from '../errors.ts';

/** How far the platform's clock is ahead of the world's, in milliseconds. Only a test platform's is. */
export const clockOffset = async (db: Db): Promise<number> =>
  Number((await db.lookup((q) => q.one<{ offset: bigint }>(sql`select p.clock_offset_ms as offset from platform p`))).offset);

/**
 * Moves the platform's clock forward, for every process.
 * @returns the new offset
 * @throws {ApiError} 409 where somebody's real money would be moved in time
 */
export async function advanceClock(q: Queries, ms: number): Promise<number> {
  const { live } = await q.one<{ live: boolean }>(sql`select exists (select 1 from key_owner o where o.is_live) as live`);
  if (live) throw conflict('the platform has live merchants; its clock is the world’s');
  const [row] = await q.rows<{ offset: bigint }>(
    sql`update platform as p set clock_offset_ms = p.clock_offset_ms + ${ms}::bigint returning p.clock_offset_ms as offset`,
  );
  return Number(row?.offset);
}
