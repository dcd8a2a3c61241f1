import Type from 'typebox';
import type { Db, Tx } from '../db/db.ts';
import { conflict, forbidden, invalid } from '../errors.ts';
import { type Answer, answeredBefore, type Key, keyOf, once } from '../http/idempotency.ts';
import { SealedAnswers } from '../http/sealed-answer.ts';
import { type App, answers, callerOf, give, IdempotencyHeader, Nullable } from '../http/room.ts';
import { idIn } from '../http/server.ts';
import type { Ids } from '../ids.ts';
import { account, Books } from '../ledger/books.ts';
import { exponentOf, MAX_MINOR } from '../money.ts';
import type { Clock, Random } from '../ports.ts';
import { Sealer } from '../sealing.ts';
import { timestamp } from '../transactions/view.ts';
import { type ApiKey, claimSecret, expireKey, insertKey, listKeys, lockKey, newKey, revokeKey, SCOPES } from './keys.ts';
import { detailRoutes } from './details.ts';
import { advanceClock, clockOffset } from './platform.ts';

export interface MerchantRoutes {
  db: Db;
  ids: Ids;
  clock: Clock;
  random: Random;
  config: { masterKey: Buffer; oldMasterKey?: Buffer | undefined };
  /** told the new offset of the platform's clock, in milliseconds */
  onClock(offsetMs: number): void;
}

const keyView = (key: ApiKey) => ({
  ...{ id: key.id, kind: key.kind, name: key.name, prefix: key.prefix, last4: key.last4, scopes: key.scopes },
  createdAt: timestamp(key.createdAt),
  expiresAt: key.expiresAt && timestamp(key.expiresAt),
  revokedAt: key.revokedAt && timestamp(key.revokedAt),
});
const KeyBody = Type.Object(
  {
    id: Type.String(),
    kind: Type.String({ description: 'key: raw in Authorization. token: after "Bearer ". client: for browsers.' }),
    name: Type.String(),
    prefix: Type.String(),
    last4: Type.String(),
    scopes: Type.Array(Type.String()),
    createdAt: Type.String(),
    expiresAt: Nullable(Type.String()),
    revokedAt: Nullable(Type.String()),
    secret: Type.Optional(Type.String({ description: 'Shown once, when it is made' })),
  },
  { $id: 'ApiKey', title: 'API key' },
);
const Scopes = Type.Array(Type.Union(SCOPES.map((scope) => Type.Literal(scope))), {
  uniqueItems: true,
  description: 'What the key may do; no more than the key that makes it',
});
const WEEK_SECONDS = 7 * 24 * 3600;

/** A merchant's own affairs: what it is, and its keys; and, for test merchants, money out of nothing and time that moves. */
export function merchantRoutes(app: App, parts: MerchantRoutes): void {
  app.addSchema(KeyBody);
  detailRoutes(app, parts.db);
  keyRoutes(app, parts);
  sandboxRoutes(app, parts);
}

function keyRoutes(app: App, { db, ids, clock, random, config: { masterKey, oldMasterKey } }: MerchantRoutes): void {
  const sealer = new Sealer(masterKey, 'keys', random, oldMasterKey);
  const ownerOf = (id: string) => `key/${id}`;
  const sealed = new SealedAnswers((secret, id) => sealer.open(secret, ownerOf(id)).toString('utf8'));

  /** Makes a key, and does in the same transaction what else has to be done. @returns the answer that shows its secret */
  async function issue(merchantId: string, idempotency: Key | undefined, wanted: Parameters<typeof newKey>[1], also?: (tx: Tx) => Promise<unknown>) {
    const { secret, key } = newKey(ids, wanted);
    await claimSecret(db, secret, merchantId, key.id);
    const answer = await once(db, merchantId, idempotency, wanted.now, async (tx): Promise<Answer> => {
      await insertKey(tx, key, secret);
      await also?.(tx);
      return sealed.make(201, keyView(key), sealer.seal(Buffer.from(secret), ownerOf(key.id)));
    });
    return sealed.reveal(answer);
  }

  const config = { scope: 'keys', source: 'keys' } as const;
  const tags = ['API keys'];
  const One = Type.Object({ id: Type.String({ description: 'The key' }) });

  app.get(
    '/v1/api-keys',
    { config, schema: { tags, summary: 'List keys', response: answers({ 200: Type.Object({ data: Type.Array(Type.Ref('ApiKey')) }) }) } },
    async (request) => ({ data: (await db.merchant(callerOf(request).merchant.id, listKeys)).map(keyView) }),
  );

  const Create = Type.Object(
    {
      kind: Type.Optional(Type.Union([Type.Literal('key'), Type.Literal('token')])),
      name: Type.Optional(Type.String({ maxLength: 100 })),
      scopes: Scopes,
      expiresInSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 * 365 * 86400 })),
    },
    { additionalProperties: false },
  );
  app.post(
    '/v1/api-keys',
    {
      config,
      schema: {
        tags,
        summary: 'Create a key',
        description: 'The secret is in this answer and nowhere else.',
        headers: IdempotencyHeader,
        body: Create,
        response: answers({ 201: Type.Ref('ApiKey') }, 409, 413),
      },
    },
    async (request, reply) => {
      const { merchant, scopes } = callerOf(request);
      const { kind = 'key', name = '', scopes: wanted, expiresInSeconds } = request.body;
      giveNoMore(scopes, wanted);
      const idempotency = keyOf('POST /v1/api-keys', request.headers['idempotency-key'], request.body);
      const before = await answeredBefore(db, merchant.id, idempotency);
      if (before) return give(reply, sealed.reveal(before));
      const now = clock.now();
      const expiresAt = expiresInSeconds ? new Date(now.getTime() + expiresInSeconds * 1000) : null;
      return give(reply, await issue(merchant.id, idempotency, { kind, name, mode: merchant.mode, scopes: wanted, expiresAt, now }));
    },
  );

  const Roll = Type.Object(
    {
      overlapSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: WEEK_SECONDS, default: 86_400, description: 'For how long the old key still works' })),
    },
    { additionalProperties: false },
  );
  app.post(
    '/v1/api-keys/:id/roll',
    {
      config,
      schema: {
        tags,
        summary: 'Roll a key',
        description: 'Makes a new key with the same scopes; the old one works on for the overlap.',
        headers: IdempotencyHeader,
        params: One,
        body: Roll,
        response: answers({ 201: Type.Ref('ApiKey') }, 404, 409),
      },
    },
    async (request, reply) => {
      const { merchant, scopes } = callerOf(request);
      const now = clock.now();
      const id = idIn(request.params.id, 'key');
      const idempotency = keyOf(`POST /v1/api-keys/${id}/roll`, request.headers['idempotency-key'], request.body);
      const before = await answeredBefore(db, merchant.id, idempotency);
      if (before) return give(reply, sealed.reveal(before));
      const old = await db.merchant(merchant.id, (tx) => lockKey(tx, id));
      giveNoMore(scopes, old.scopes);
      mustBeGood(old, now);
      const answer = await issue(
        merchant.id,
        idempotency,
        { kind: old.kind, name: old.name, mode: merchant.mode, scopes: old.scopes, expiresAt: null, now },
        async (tx) => {
          mustBeGood(await lockKey(tx, id), clock.now()); // it may have been revoked or rolled meanwhile
          await expireKey(tx, id, new Date(now.getTime() + (request.body.overlapSeconds ?? 86_400) * 1000));
        },
      );
      return give(reply, answer);
    },
  );

  app.post(
    '/v1/api-keys/:id/revoke',
    {
      config,
      schema: {
        tags,
        summary: 'Revoke a key',
        description: 'It stops working within a second, in every process.',
        headers: IdempotencyHeader,
        params: One,
        response: answers({ 200: Type.Ref('ApiKey') }, 404),
      },
    },
    async (request, reply) => {
      const id = idIn(request.params.id, 'key');
      const now = clock.now();
      const key = keyOf(`POST /v1/api-keys/${id}/revoke`, request.headers['idempotency-key'], null);
      const answer = await once(db, callerOf(request).merchant.id, key, now, async (tx) => {
        await lockKey(tx, id);
        await revokeKey(tx, id, now);
        return { status: 200, objectId: id, body: JSON.stringify(keyView(await lockKey(tx, id))) };
      });
      return give(reply, answer);
    },
  );
}

/** @throws {ApiError} 409 */
function mustBeGood({ revokedAt, expiresAt }: ApiKey, now: Date): void {
  if (revokedAt || (expiresAt && expiresAt <= now)) throw conflict('the key is revoked or expired');
}

/** Who may make keys does not come to more rights by it, neither by a new one nor by rolling somebody else's. @throws {ApiError} 403 */
function giveNoMore(own: string[], given: string[]): void {
  const beyond = given.filter((scope) => !own.includes(scope));
  if (beyond.length > 0) throw forbidden(`a key cannot give what it does not have: ${beyond.join(', ')}`);
}

function sandboxRoutes(app: App, { db, ids, clock, onClock }: MerchantRoutes): void {
  const config = { scope: 'sandbox', source: 'sandbox' } as const;
  const tags = ['Sandbox'];

  const TopUp = Type.Object(
    {
      amount: Type.Integer({ minimum: 1, maximum: Number(MAX_MINOR), description: 'In minor units: 150000 is 1500.00 KZT' }),
      currency: Type.String({ pattern: '^[A-Z]{3}$', examples: ['KZT'] }),
    },
    { additionalProperties: false },
  );
  const ToppedUp = Type.Object({
    id: Type.String(),
    amount: Type.Integer(),
    currency: Type.String(),
    available: Type.Integer({ description: 'Minor units, afterwards' }),
    createdAt: Type.String(),
  });
  app.post(
    '/v1/sandbox/topup',
    {
      config,
      schema: {
        tags,
        summary: 'Top up the balance',
        description: 'Test merchants only.',
        headers: IdempotencyHeader,
        body: TopUp,
        response: answers({ 201: ToppedUp }, 409),
      },
    },
    async (request, reply) => {
      const { merchant } = callerOf(request);
      if (merchant.mode !== 'test') throw forbidden('only test merchants are topped up here');
      const { amount, currency } = request.body;
      exponentOf(currency);
      const id = ids.uuid();
      const answer = await once(db, merchant.id, keyOf('POST /v1/sandbox/topup', request.headers['idempotency-key'], request.body), clock.now(), async (tx) => {
        const [world, available] = [account('world', currency), account('available', currency)];
        const books = await Books.lock(tx, [available, world], clock.now());
        if (books.balance(available) + BigInt(amount) > BigInt(Number.MAX_SAFE_INTEGER))
          throw invalid('amount: the balance would have more digits than can be shown exactly');
        books.post({ objectId: id, kind: 'topup', from: world, to: available, amount: BigInt(amount) });
        await books.write();
        return {
          status: 201,
          objectId: id,
          body: JSON.stringify({ id, amount, currency, available: Number(books.balance(available)), createdAt: timestamp(books.at) }),
        };
      });
      return give(reply, answer);
    },
  );

  const Advance = Type.Object({ advanceSeconds: Type.Integer({ minimum: 1, maximum: 400 * 86_400 }) }, { additionalProperties: false });
  app.post(
    '/v1/sandbox/clock',
    {
      config,
      schema: {
        tags,
        summary: "Advance the platform's clock",
        description: 'Only on a platform without live merchants: what is due by then becomes due now.',
        headers: IdempotencyHeader,
        body: Advance,
        response: answers({ 200: Type.Object({ now: Type.String() }) }, 409),
      },
    },
    async (request, reply) => {
      const { merchant } = callerOf(request);
      if (merchant.mode !== 'test') throw forbidden('only test merchants move the clock');
      const { advanceSeconds } = request.body;
      const answer = await once(db, merchant.id, keyOf('POST /v1/sandbox/clock', request.headers['idempotency-key'], request.body), clock.now(), async (tx) => {
        const offset = await advanceClock(tx, advanceSeconds * 1000);
        return { status: 200, body: JSON.stringify({ now: timestamp(new Date(clock.wall().getTime() + offset)) }) };
      });
      onClock(await clockOffset(db));
      return give(reply, answer);
    },
  );
}
