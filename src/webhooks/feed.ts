import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Tx } from '../db/db.ts';
import { fragment, sql } from '../db/sql.ts';
import { invalid, notFound } from '../errors.ts';
import { deriveKey } from '../sealing.ts';

/** One event as the feed tells it. */
export interface FeedEvent {
  number: bigint;
  id: string;
  type: string;
  objectId: string;
  objectSeq: number;
  at: Date;
  body: string;
}

const columns = fragment`e.number, e.id, e.type, e.object_id as "objectId", e.object_seq as "objectSeq", e.at, e.body`;

/** Events in the order in which they were committed, without gaps. @param after the number of the last one that is known; 0 for none */
export const eventsAfter = (tx: Tx, after: bigint, limit: number): Promise<FeedEvent[]> =>
  tx.rows(sql`select ${columns} from event e where e.merchant_id = ${tx.merchantId} and e.number > ${after}::bigint order by e.number limit ${limit}`);

/** @throws {ApiError} 404 */
export async function eventById(tx: Tx, id: string): Promise<FeedEvent> {
  const found = await tx.maybe<FeedEvent>(sql`select ${columns} from event e where e.merchant_id = ${tx.merchantId} and e.id = ${id}::uuid`);
  if (!found) throw notFound(`no event ${id}`);
  return found;
}

/**
 * Places in a merchant's lists, as text that means nothing to anybody else: whoever makes one up, changes one or brings
 * another merchant's, or one of another list, is refused.
 */
export class Cursors {
  private readonly keys: Buffer[];

  /** @param oldMasterKey the one before, while it is being changed: places that were given out under it are read */
  constructor(masterKey: Buffer, oldMasterKey?: Buffer) {
    this.keys = [masterKey, ...(oldMasterKey ? [oldMasterKey] : [])].map((key) => deriveKey(key, 'cursors'));
  }

  /** @param list what the place is in, with whatever narrows it */
  write(merchantId: string, list: string, place: string): string {
    return Buffer.concat([tagOf(this.keys[0] as Buffer, merchantId, list, place), Buffer.from(place)]).toString('base64url');
  }

  /** @param field what the list calls it; @throws {ApiError} 400 */
  read(merchantId: string, list: string, cursor: string, field = 'after'): string {
    const bytes = /^[A-Za-z0-9_-]{23,200}$/.test(cursor) ? Buffer.from(cursor, 'base64url') : Buffer.alloc(0);
    const place = bytes.subarray(16).toString('latin1');
    const fits = (key: Buffer) => timingSafeEqual(bytes.subarray(0, 16), tagOf(key, merchantId, list, place));
    // Written again, it must be the same text: base64 has more than one spelling for some bytes.
    if (bytes.length <= 16 || bytes.toString('base64url') !== cursor || !this.keys.some(fits))
      throw invalid(`${field}: this is not a cursor that was given to you`);
    return place;
  }
}

const tagOf = (key: Buffer, merchantId: string, list: string, place: string): Buffer =>
  createHmac('sha256', key).update(`${merchantId}\n${list}\n${place}`).digest().subarray(0, 16);
