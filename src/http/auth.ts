import type { Db } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { forbidden, tooMany, unauthorized } from '../errors.ts';
import { type KeyKind, type Scope, verifierOf } from '../merchants/keys.ts';
import { type Merchant, theMerchant } from '../merchants/merchants.ts';
import type { Clock } from '../ports.ts';

/** Who is asking. */
export interface Caller {
  merchant: Merchant;
  keyId: string;
  kind: KeyKind;
  scopes: Scope[];
  expiresAt: Date | null;
}

interface Known {
  caller: Promise<Caller | undefined>;
  /** monotonic milliseconds */
  until: number;
}

/** For how long a process believes what it read of a key; a revoked key stops working within a second everywhere. */
const BELIEVE_MS = 400;
const MAX_KNOWN = 10_000;

/** Finds out who is asking, from the header alone; wrong, revoked and expired keys are answered alike. */
export class Authenticator {
  private readonly known = new Map<string, Known>();
  private readonly db: Db;
  private readonly clock: Clock;

  constructor(db: Db, clock: Clock) {
    this.db = db;
    this.clock = clock;
  }

  /** @throws {ApiError} 401 */
  async caller(header: string | undefined): Promise<Caller> {
    const secret = secretIn(header);
    const caller = await this.find(verifierOf(secret));
    if (!caller || (caller.expiresAt && caller.expiresAt <= this.clock.now())) throw unauthorized('the key is unknown, expired or revoked');
    if ((caller.kind === 'token') !== /^Bearer /i.test(header ?? '')) throw unauthorized('keys go raw into Authorization, tokens after "Bearer "');
    if (caller.kind === 'client') throw unauthorized('a client key is for browsers; use the secret key here');
    return caller;
  }

  private find(verifier: string): Promise<Caller | undefined> {
    const now = this.clock.monotonic();
    const known = this.known.get(verifier);
    if (known && known.until > now) return known.caller;
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    const caller = this.read(verifier);
    this.known.set(verifier, { caller, until: now + BELIEVE_MS });
    caller.then(
      (found) => found ?? this.known.delete(verifier), // a stranger's guess is not worth keeping
      () => this.known.delete(verifier),
    );
    return caller;
  }

  private async read(verifier: string): Promise<Caller | undefined> {
    const owner = await this.db.lookup((q) =>
      q.maybe<{ merchant: string; keyId: string }>(sql`select o.merchant, o.key_id as "keyId" from key_owner o where o.verifier = ${verifier}`),
    );
    if (!owner) return undefined;
    return this.db.merchant(owner.merchant, async (tx) => {
      const [merchant, key] = await Promise.all([
        theMerchant(tx),
        tx.maybe<Omit<Caller, 'merchant'>>(sql`
          select k.id as "keyId", k.kind, k.scopes, k.expires_at as "expiresAt" from api_key k
          where k.merchant_id = ${tx.merchantId} and k.id = ${owner.keyId}::uuid and k.verifier = ${verifier} and k.revoked_at is null`),
      ]);
      return key && { merchant, ...key };
    });
  }
}

/** @throws {ApiError} 401 */
function secretIn(header: string | undefined): string {
  if (!header) throw unauthorized('send the key in the header Authorization');
  const [, bearer] = /^Bearer +(\S+)$/i.exec(header) ?? [];
  if (bearer?.startsWith('pr_')) throw unauthorized('send the raw key, without "Bearer "');
  const secret = bearer ?? header;
  if (!/^[\x21-\x7e]{8,200}$/.test(secret)) throw unauthorized('this is not a key');
  return secret;
}

/** @throws {ApiError} 403 */
export function requireScope(caller: Caller, scope: Scope): void {
  if (!caller.scopes.includes(scope)) throw forbidden(`the key lacks the scope "${scope}"`);
}

interface Bucket {
  rate: number;
  tokens: number;
  at: number;
}

/** Token buckets: `rate` requests a second for each name, and as many at once. */
export class RateLimiter {
  private readonly buckets = new Map<string, Bucket>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** @throws {ApiError} 429 with the seconds to wait */
  take(name: string, rate: number): void {
    const now = this.clock.monotonic();
    let bucket = this.buckets.get(name);
    if (!bucket) {
      if (this.buckets.size >= MAX_KNOWN) this.forgetFull(now);
      this.buckets.set(name, (bucket = { rate, tokens: rate, at: now }));
    }
    bucket.rate = rate;
    bucket.tokens = Math.min(rate, bucket.tokens + ((now - bucket.at) / 1000) * rate);
    bucket.at = now;
    if (bucket.tokens < 1) throw tooMany(`more than ${rate} requests a second`, Math.max(1, Math.ceil((1 - bucket.tokens) / rate)));
    bucket.tokens -= 1;
  }

  /** A bucket that has filled up again remembers nothing. */
  private forgetFull(now: number): void {
    for (const [name, { rate, tokens, at }] of this.buckets) if (tokens + ((now - at) / 1000) * rate >= rate) this.buckets.delete(name);
  }
}
