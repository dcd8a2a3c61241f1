import Type from 'typebox';
import type { OperationKind } from '../connectors/authorizer.ts';
import type { Db } from '../db/db.ts';
import { unprocessable } from '../errors.ts';
import { type Key, keyOf } from '../http/idempotency.ts';
import { type App, answers, callerOf, give, IdempotencyHeader } from '../http/room.ts';
import { exponentOf } from '../money.ts';
import { holdsCardNumber } from '../vault/card-number.ts';
import type { Cursors } from '../webhooks/feed.ts';
import { authorizationsById, type AuthorizationState, listAuthorizations } from './authorization.ts';
import { personIn } from './asked.ts';
import { traceOf } from './person.ts';
import { AuthorizeHeaders, AuthorizeWallet, ListWallet, OperateWallet, WalletPage, WalletTransactionBody, WalletTransactionMessage } from './schema.ts';
import { noSuchTransaction, walletId, walletIdIn, walletView } from './view.ts';
import type { Wallet } from './wallet.ts';

interface Parts {
  db: Db;
  wallet: Wallet;
  webhooks: { cursors: Cursors };
}

const tags = ['Wallet'];
const config = { scope: 'wallet', source: 'wallet' } as const;
const reading = { scope: 'read', source: 'wallet' } as const;
const One = Type.Object({ id: Type.String({ description: 'The wallet transaction, wt_…' }) });
const Transaction = Type.Ref('WalletTransaction');

/** Payments from a customer's wallet: consent, then capture, cancel and refund. */
export function walletRoutes(app: App, parts: Parts): void {
  app.addSchema(WalletTransactionBody);
  app.addSchema(WalletTransactionMessage);
  authorizeRoute(app, parts);
  operationRoutes(app, parts);
  readingRoutes(app, parts);
}

function authorizeRoute(app: App, { wallet }: Parts): void {
  const schema = {
    ...{ tags, summary: 'Authorize a wallet payment', headers: AuthorizeHeaders, body: AuthorizeWallet },
    description:
      'Asks a customer for consent to pay from the wallet. The answer is NEW; poll the transaction, or hear of wallet_transaction.* by webhook, until it is SUCCESS or FAILED. What is not captured within seven days of SUCCESS is let go.',
    response: answers({ 201: Transaction }, 409, 413, 422),
  };
  app.post('/v1/wallet/authorize', { config, schema }, async (request, reply) => {
    const { merchant } = callerOf(request);
    const { amount, currency, orderReference, phoneNumber, iin } = request.body;
    exponentOf(currency);
    if (holdsCardNumber(orderReference))
      throw unprocessable('orderReference: looks like a card number, which is nowhere to be written in the open', [
        { field: 'orderReference', message: 'looks like a card number' },
      ]);
    const person = personIn(phoneNumber, iin, merchant.mode === 'live');
    const what = { amount, currency, orderReference, person: traceOf(person) };
    const key = keyOf('POST /v1/wallet/authorize', request.headers['idempotency-key'], what) as Key; // the schema asks for the header
    return give(reply, await wallet.authorize(merchant, { key, amount: BigInt(amount), currency, orderReference }, person)); // key, work and answer commit together
  });
}

const operations: Record<OperationKind, { summary: string; description: string }> = {
  capture: {
    summary: 'Capture a wallet payment',
    description: 'Takes the amount, or a part of it; as often as something remains. The balance grows when the processor has carried it out.',
  },
  cancel: { summary: 'Cancel a wallet payment', description: 'Lets go of what was not captured, or of a part of it.' },
  refund: { summary: 'Refund a wallet payment', description: 'Gives back what was captured, or a part of it, from the balance.' },
};

function operationRoutes(app: App, { wallet }: Parts): void {
  for (const kind of ['capture', 'refund', 'cancel'] as const) {
    const { summary, description } = operations[kind];
    const said = `${description} The amount counts from the answer on; wallet_transaction.* tells when it was carried out, or that the processor declined it.`;
    const schema = {
      ...{ tags, summary, description: said, headers: IdempotencyHeader, params: One, body: OperateWallet },
      response: answers({ 200: Transaction }, 404, 409, 413, 422),
    };
    app.post(`/v1/wallet/:id/${kind}`, { config, schema }, async (request, reply) => {
      const authorizationId = walletIdIn(request.params.id);
      const body: { amount: number; allowDuplicate?: boolean } = request.body;
      const key = keyOf(`POST /v1/wallet/${walletId(authorizationId)}/${kind}`, request.headers['idempotency-key'], body);
      const operation = { authorizationId, kind, amount: BigInt(body.amount), key, allowDuplicate: body.allowDuplicate === true };
      return give(reply, await wallet.operate(callerOf(request).merchant, operation));
    });
  }
}

function readingRoutes(app: App, { db, webhooks: { cursors } }: Parts): void {
  const one = { tags, summary: 'Get a wallet transaction', params: One, response: answers({ 200: Transaction }, 404) };
  app.get('/v1/wallet/transaction/:id', { config: reading, schema: one }, async (request) => {
    const id = walletIdIn(request.params.id);
    const [found] = await db.merchant(callerOf(request).merchant.id, (tx) => authorizationsById(tx, [id]));
    if (!found) throw noSuchTransaction();
    return walletView(found);
  });

  const many = { tags, summary: 'List wallet transactions', description: 'Newest first.', querystring: ListWallet, response: answers({ 200: WalletPage }) };
  app.get('/v1/wallet/transactions/', { config: reading, schema: many }, async (request) => {
    const { merchant } = callerOf(request);
    const { limit, cursor, orderReference, status } = request.query;
    const filter = { orderReference, state: (status as string | undefined)?.toLowerCase() as AuthorizationState | undefined };
    const list = `wallet ${JSON.stringify(filter)}`;
    const before = cursor === undefined ? null : cursors.read(merchant.id, list, cursor, 'cursor');
    const rows = await db.merchant(merchant.id, (tx) => listAuthorizations(tx, filter, before, limit + 1));
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items: items.map((row) => walletView(row)), nextCursor: last && rows.length > limit ? cursors.write(merchant.id, list, last.id) : null };
  });
}
