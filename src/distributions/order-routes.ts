import Type, { type Static } from 'typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Db } from '../db/db.ts';
import { notFound, wrongFields } from '../errors.ts';
import { type Key, keyIn, keyOf, once } from '../http/idempotency.ts';
import { type App, answers, callerOf, give, IdempotencyHeader, Page } from '../http/room.ts';
import { idIn } from '../http/server.ts';
import type { Ids } from '../ids.ts';
import { exponentOf } from '../money.ts';
import type { Clock } from '../ports.ts';
import { cardNumberProblem } from '../sending/recipient.ts';
import { countDistributions, distributionsById, listDistributions } from './distribution.ts';
import type { Distributions } from './distributions.ts';
import { acceptOrder, type OrderRequest } from './order.ts';
import { CreateOrder, CreateSettlement, ListOrders, orderSchemas } from './order-schema.ts';
import { orderStatesOf, orderView } from './order-view.ts';

const PATH = '/v1/merchants/settlement-payment-orders';
const tags = ['Settlements'];
const config = { scope: 'payouts', source: 'settlements' } as const;
const read = { scope: 'read', source: 'settlements' } as const;
const One = Type.Object({ id: Type.String() });
const Shown = Type.Ref('SettlementPaymentOrder');

interface Parts {
  db: Db;
  ids: Ids;
  clock: Clock;
  distributions: Distributions;
}

/** Orders to pay beneficiaries: from the merchant's balance, or what they have earned. */
export function orderRoutes(app: App, parts: Parts): void {
  for (const schema of orderSchemas) app.addSchema(schema);

  const create = {
    ...{ tags, summary: 'Create a settlement order', headers: IdempotencyHeader, body: CreateOrder },
    description: 'Pays a beneficiary’s bank account from your balance. A requestId stands for one order, for ever.',
    response: answers({ 201: Shown }, 404, 409, 413, 422),
  };
  app.post(PATH, { config, schema: create }, async (request, reply) => {
    const { beneficiaryId, ...asked } = request.body;
    return make(request, reply, asked, idIn(beneficiaryId, 'beneficiary'), 'merchant', `POST ${PATH}`, parts);
  });

  const settle = {
    ...{ tags, summary: 'Create a manual settlement for a beneficiary', headers: IdempotencyHeader, params: One, body: CreateSettlement },
    description: 'Pays a beneficiary’s bank account what it has earned: from its own balance. It is a settlement order, too.',
    response: answers({ 201: Shown }, 404, 409, 413, 422),
  };
  app.post('/v1/merchants/payment-beneficiaries/:id/settlements', { config, schema: settle }, async (request, reply) => {
    const id = idIn(request.params.id, 'beneficiary');
    return make(request, reply, request.body, id, 'beneficiary', `POST /v1/merchants/payment-beneficiaries/${id}/settlements`, parts);
  });

  readingRoutes(app, parts);
}

async function make(
  request: FastifyRequest,
  reply: FastifyReply,
  asked: Static<typeof CreateSettlement>,
  beneficiaryId: string,
  source: OrderRequest['source'],
  route: string,
  { db, ids, clock, distributions }: Parts,
): Promise<FastifyReply> {
  const { merchant } = callerOf(request);
  const { amount, currency, requestId, paymentPurpose } = asked;
  exponentOf(currency);
  for (const [field, text = ''] of [
    ['paymentPurpose', paymentPurpose],
    ['requestId', requestId],
  ] as const) {
    const problem = cardNumberProblem(text);
    if (problem) throw wrongFields([{ field, message: problem }]);
  }
  const keys: (Key | undefined)[] = [
    keyOf(route, request.headers['idempotency-key'], request.body),
    keyIn('settlement order', 'requestId', requestId, { ...asked, beneficiaryId, source }),
  ];
  const order = { id: ids.uuid(), requestId, beneficiaryId, source, amount: BigInt(amount), currency, paymentPurpose };
  const now = clock.now();
  const answer = await once(db, merchant.id, keys, now, async (tx) => {
    const made = await acceptOrder(tx, order, merchant, now, ids, distributions.way(merchant.mode));
    return { status: 201, objectId: made.id, body: JSON.stringify(orderView(merchant.id, made)) };
  });
  return give(reply, answer);
}

function readingRoutes(app: App, { db }: Parts): void {
  const list = {
    ...{ tags, summary: 'List settlement orders', description: 'Newest first; manual settlements among them.', querystring: ListOrders },
    response: answers({ 200: Page(Shown) }),
  };
  app.get(PATH, { config: read, schema: list }, async (request) => {
    const { page, size, status, beneficiaryId } = request.query;
    const { merchant } = callerOf(request);
    const filter = {
      ...({ kind: 'order', orderReference: null } as const),
      states: status ? orderStatesOf(status as string) : null,
      beneficiaryId: beneficiaryId === undefined ? null : idIn(beneficiaryId, 'beneficiary'),
    };
    const [rows, { total }] = await db.merchant(merchant.id, (tx) =>
      Promise.all([listDistributions(tx, filter, size, (page - 1) * size), countDistributions(tx, filter)]),
    );
    return { data: rows.map((row) => orderView(merchant.id, row)), page, size, total: Number(total) };
  });

  const one = { tags, summary: 'Get a settlement order by its id', params: One, response: answers({ 200: Shown }, 404) };
  app.get(`${PATH}/:id`, { config: read, schema: one }, async (request) => {
    const { merchant } = callerOf(request);
    const id = idIn(request.params.id, 'settlement order');
    const [found] = await db.merchant(merchant.id, (tx) => distributionsById(tx, [id]));
    if (found?.kind !== 'order') throw notFound(`no settlement order ${id}`);
    return orderView(merchant.id, found);
  });
}
