import type { Db, Tx } from '../db/db.ts';
import { isLockTimeout, isUniqueViolation } from '../db/db.ts';
import { column, sql } from '../db/sql.ts';
import { ApiError, assert, conflict, invalid } from '../errors.ts';
import { sha256 } from '../sealing.ts';

/** The name that a client gives to one piece of work; what is asked again under it is not done again. Kept for ever. */
export interface Key {
  /** method and path of the route, e.g. "POST /v1/payout": a key means something within one route of one merchant */
  route: string;
  key: string;
  /** SHA-256 of what was asked, whatever the order of its fields */
  fingerprint: Buffer;
  /** what the client calls it, where that is not Idempotency-Key */
  name?: string;
}

/** An answer as it went out, to be given again byte for byte. */
export interface Answer {
  status: number;
  body: string;
  /** what was made, where something was */
  objectId?: string | null;
  replayed?: boolean;
}

/** @throws {ApiError} 400 when the header cannot be a key */
export function keyOf(route: string, header: unknown, body: unknown): Key | undefined {
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(header)) throw invalid('Idempotency-Key: 1 to 255 visible ASCII characters, without spaces');
  return { route, key: header, fingerprint: sha256(canonical(body)) };
}

/** The same by a field of the body that names the work, such as `requestId`. @param what all that is asked for */
export const keyIn = (route: string, name: string, key: string | undefined, what: unknown): Key | undefined =>
  key === undefined ? undefined : { route, key, name, fingerprint: sha256(canonical(what)) };

/** JSON with sorted keys: equal bodies have equal texts. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const members = value as Record<string, unknown>;
  let text = '';
  for (const name of Object.keys(members).sort()) if (members[name] !== undefined) text += `${text && ','}${JSON.stringify(name)}:${canonical(members[name])}`;
  return `{${text}}`;
}

interface Stored {
  key: string;
  fingerprint: Buffer;
  status: number;
  body: string;
}

/** What was answered before under these keys. */
export async function recall(tx: Tx, route: string, keys: string[]): Promise<Map<string, Stored>> {
  if (keys.length === 0) return new Map();
  const rows = await tx.rows<Stored>(sql`
    select i.key, i.fingerprint, i.status, i.body from idempotency i
    where i.merchant_id = ${tx.merchantId} and i.route = ${route} and i.key = any(${keys}::text[])`);
  return new Map(rows.map((row) => [row.key, row]));
}

/** @throws {ApiError} 409 when the key stands for something else */
export function replay(stored: Stored, key: Key): Answer {
  if (!stored.fingerprint.equals(key.fingerprint)) throw conflict(`this ${key.name ?? 'Idempotency-Key'} was used for a request with another body`);
  return { status: stored.status, body: stored.body, replayed: true };
}

/** What was answered before under this key, where something has to be done before the transaction that does the work. */
export async function answeredBefore(db: Db, merchantId: string, key: Key | undefined): Promise<Answer | undefined> {
  if (!key) return undefined;
  const stored = (await db.merchant(merchantId, (tx) => recall(tx, key.route, [key.key]))).get(key.key);
  return stored && replay(stored, key);
}

/** Stores answers in the transaction that does the work. A key that somebody else stored meanwhile refuses it all. */
export async function remember(tx: Tx, answers: (Key & Answer)[], at: Date): Promise<void> {
  if (answers.length === 0) return;
  const sorted = answers.toSorted((a, b) => (a.key < b.key ? -1 : 1)); // two groups with the same keys wait in one order
  const written = await tx.run(sql`
    insert into idempotency as i (merchant_id, route, key, fingerprint, status, body, body_sha256, object_id, created_at)
    select m.merchant_id, u.route, u.key, u.fingerprint, u.status, u.body, sha256(convert_to(u.body, 'UTF8')), u.object_id, ${at}::timestamptz
    from merchant m, unnest(${column(sorted, 'route')}::text[], ${column(sorted, 'key')}::text[], ${column(sorted, 'fingerprint')}::bytea[], ${column(sorted, 'status')}::int[], ${column(sorted, 'body')}::text[],
      ${sorted.map(({ objectId }) => objectId ?? null)}::uuid[]) as u (route, key, fingerprint, status, body, object_id)
    where m.merchant_id = ${tx.merchantId}`);
  assert(written === sorted.length, 'every answer was stored');
}

/**
 * Does a piece of work once for its key: key, work and answer commit together. Without a key it is simply done.
 * @param keys the key, or all the names that the work goes by
 * @throws {ApiError} 409 when the key stands for something else, or its first request is still being worked on
 */
export async function once(
  db: Db,
  merchantId: string,
  keys: Key | undefined | (Key | undefined)[],
  now: Date,
  work: (tx: Tx) => Promise<Answer>,
): Promise<Answer> {
  const names = [keys].flat().filter((key) => key !== undefined);
  const before = async (tx: Tx): Promise<Answer | undefined> => {
    const known = await Promise.all(names.map(async (key) => ({ key, stored: (await recall(tx, key.route, [key.key])).get(key.key) })));
    const answers = known.flatMap(({ key, stored }) => (stored ? [replay(stored, key)] : []));
    const [answer] = answers;
    // Answered under one of its names, it is answered so under all of them from now on.
    if (answer) await remember(tx, known.flatMap(({ key, stored }) => (stored ? [] : [{ ...key, status: answer.status, body: answer.body }])), now); // prettier-ignore
    return answer;
  };
  const attempt = () =>
    db.merchant(merchantId, async (tx) => {
      const stored = await before(tx);
      if (stored) return stored;
      const answer = await work(tx);
      await remember(
        tx,
        names.map((key) => ({ ...key, ...answer })),
        now,
      );
      return answer;
    });
  try {
    return await attempt();
  } catch (error) {
    if (names[0] && isLockTimeout(error))
      throw new ApiError(8, `the first request with this ${names[0].name ?? 'Idempotency-Key'} is still being worked on`, { retryAfter: 1 });
    // Another request with the key, or for the same thing, was quicker. Its answer is there now.
    if (isUniqueViolation(error)) return attempt();
    // Refused, perhaps for what the same request has done while this one waited for its turn.
    const look = () => db.merchant(merchantId, before);
    const lookAgain = (late: unknown) => (isUniqueViolation(late) ? look() : Promise.reject(late as Error)); // somebody else remembered it meanwhile
    const done = error instanceof ApiError && names.length > 0 ? await look().catch(lookAgain) : undefined;
    if (done) return done;
    throw error;
  }
}
