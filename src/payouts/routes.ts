import Type from 'typebox';
import type { Db } from '../db/db.ts';
import { conflict, invalid, unprocessable } from '../errors.ts';
import type { Groups } from '../groups.ts';
import { type Answer, type Key, keyOf } from '../http/idempotency.ts';
import { type App, answers, callerOf, give, IdempotencyHeader, Page } from '../http/room.ts';
import { idIn } from '../http/server.ts';
import type { Ids } from '../ids.ts';
import { toMinor } from '../money.ts';
import { transactionView } from '../transactions/view.ts';
import { holdsCardNumber } from '../vault/card-number.ts';
import type { PayoutRequest } from './accept.ts';
import { countPayouts, listPayouts } from './payout.ts';
import { CreatePayout, ListPayouts } from './schema.ts';

const tags = ['Payouts'];

export function payoutRoutes(app: App, { db, ids, payouts }: { db: Db; ids: Ids; payouts: Groups<PayoutRequest, Answer> }): void {
  const schema = {
    tags,
    summary: 'Process a payout',
    description:
      'Pays a saved card from the balance. The amount and the fee are held at once. What the balance, a limit or the card does not allow is made and `rejected`, with `errorCode`; nothing is debited then. Webhooks tell of `processing` and of the final status.',
    headers: IdempotencyHeader,
    body: CreatePayout,
    response: answers({ 201: Type.Ref('Transaction') }, 404, 409, 413, 422),
  };
  app.post('/v1/payout', { config: { scope: 'payouts', source: 'payouts' }, schema }, async (request, reply) => {
    const { body } = request;
    const currency = body.currency ?? 'KZT';
    refuseCardNumbers(body);
    const { merchant } = callerOf(request);
    const payout: PayoutRequest = {
      id: ids.uuid(),
      merchant,
      key: keyIn(request.headers['idempotency-key'], body),
      cardTokenId: idIn(body.tokenId, 'saved card'),
      amount: toMinor(String(body.amount), currency),
      currency,
      description: body.description ?? null,
      orderReference: referenceIn(body),
    };
    return give(reply, await payouts.submit(merchant.id, payout)); // key, work and answer commit together
  });

  app.get(
    '/v1/payout',
    {
      config: { scope: 'read', source: 'payouts' },
      schema: {
        tags,
        summary: 'Retrieve payout transactions',
        description: 'Newest first.',
        querystring: ListPayouts,
        response: answers({ 200: Page(Type.Ref('Transaction')) }),
      },
    },
    async (request) => {
      const { page, size, status = null, from, to } = request.query;
      const filter = { status: status as string | null, from: momentIn(from, 'from'), to: momentIn(to, 'to') };
      const [rows, { total }] = await db.merchant(callerOf(request).merchant.id, (tx) =>
        Promise.all([listPayouts(tx, filter, size, (page - 1) * size), countPayouts(tx, filter)]),
      );
      return { data: rows.map((payout) => transactionView(payout)), page, size, total: Number(total) };
    },
  );
}

/** What is written beside a payout is stored and sent on in the open: no card number may be in it. @throws {ApiError} 422 */
function refuseCardNumbers(body: Record<string, unknown>): void {
  const fields = ['description', 'merchantReference', 'orderReference', 'requestId'].filter(
    (field) => typeof body[field] === 'string' && holdsCardNumber(body[field] as string),
  );
  if (fields.length > 0)
    throw unprocessable(
      `${fields.join(', ')}: looks like a card number, which is nowhere to be written in the open`,
      fields.map((field) => ({ field, message: 'looks like a card number' })),
    );
}

/** The key of the header, or the one in the body; both only if they are the same. */
function keyIn(header: unknown, body: { requestId?: string | null }): Key | undefined {
  const { requestId } = body;
  if (header !== undefined && requestId && header !== requestId) throw conflict('Idempotency-Key and requestId differ');
  return keyOf('POST /v1/payout', header ?? requestId ?? undefined, body);
}

function referenceIn({ merchantReference, orderReference }: { merchantReference?: string | null; orderReference?: string | null }): string | null {
  if (merchantReference && orderReference && merchantReference !== orderReference)
    throw invalid('merchantReference and orderReference are two names of one thing, and differ');
  return merchantReference ?? orderReference ?? null;
}

/** @throws {ApiError} 400 */
function momentIn(text: string | undefined, field: string): Date | null {
  if (text === undefined) return null;
  const at = new Date(text);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) || Number.isNaN(at.getTime())) throw invalid(`${field}: not a moment such as 2025-12-08T13:48:09Z`);
  return at;
}
