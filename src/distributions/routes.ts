import Type from 'typebox';
import type { Db } from '../db/db.ts';
import { notFound } from '../errors.ts';
import { keyOf } from '../http/idempotency.ts';
import { type App, answers, callerOf, give, IdempotencyHeader } from '../http/room.ts';
import { idIn } from '../http/server.ts';
import { validator } from '../http/validator.ts';
import type { Ids } from '../ids.ts';
import { account } from '../ledger/books.ts';
import { balanceOf } from '../ledger/statement.ts';
import { exponentOf } from '../money.ts';
import type { Distributions } from './distributions.ts';
import { countDistributions, distributionsById, listDistributions } from './distribution.ts';
import { type Asked, requestOf } from './request.ts';
import { BalanceOf, CreateDistribution, CreateDistributions, distributionSchemas, ListDistributions } from './schema.ts';
import { detailView, listView, statesOf } from './view.ts';

const tags = ['Distributions'];
const readItem = validator({ schema: CreateDistribution, httpPart: 'body' });

/** @throws {ApiError} 400 when an item has not the shape of a request */
function itemIn(item: unknown): Asked {
  const verdict = readItem(item);
  if ('error' in verdict) throw verdict.error;
  return verdict.value as Asked;
}

const out = { scope: 'payouts', source: 'distributions' } as const;
const read = { scope: 'read', source: 'distributions' } as const;

export function distributionRoutes(app: App, { db, ids, distributions }: { db: Db; ids: Ids; distributions: Distributions }): void {
  for (const schema of distributionSchemas) app.addSchema(schema);
  app.post(
    '/v1/distributions',
    {
      config: out,
      schema: {
        tags,
        summary: 'Create distribution',
        description:
          'Sends money from the balance to a bank account. The amount is taken from the balance at once: `balanceBefore` and `balanceAfter` are exact for each distribution, however many arrive at the same moment. What the bank refuses is given back.',
        headers: IdempotencyHeader,
        body: CreateDistribution,
        response: answers({ 201: Type.Ref('DistributionCreatedResponse') }, 409, 413, 422),
      },
    },
    async (request, reply) => {
      const { merchant } = callerOf(request);
      const key = keyOf('POST /v1/distributions', request.headers['idempotency-key'], request.body);
      return give(reply, await distributions.accepted.submit(merchant.id, requestOf(request.body as Asked, merchant, key, ids)));
    },
  );

  app.post(
    '/v1/distributions/bulk',
    {
      config: out,
      bodyLimit: 1024 * 1024,
      schema: {
        tags,
        summary: 'Create distributions',
        description:
          'Up to 500 at once, each with its own fate: what is wrong with one does not stop the others. One that was made before with the same orderReference and the same content is `known` and not paid again.',
        headers: IdempotencyHeader,
        body: CreateDistributions,
        response: answers({ 200: Type.Ref('DistributionBulkResponse') }, 409, 413),
      },
    },
    async (request, reply) => {
      const { merchant } = callerOf(request);
      const key = keyOf('POST /v1/distributions/bulk', request.headers['idempotency-key'], request.body);
      const { items } = request.body as { items: unknown[] };
      return give(reply, await distributions.acceptBulk(merchant.id, items, (item) => requestOf(itemIn(item), merchant, undefined, ids), key));
    },
  );

  app.get(
    '/v1/distributions',
    {
      config: read,
      schema: {
        tags,
        summary: 'List distributions',
        description: 'Newest first.',
        querystring: ListDistributions,
        response: answers({ 200: Type.Ref('DistributionListResponse') }),
      },
    },
    async (request) => {
      const { page, size, status, orderReference = null } = request.query;
      const filter = { kind: 'distribution', states: status ? statesOf(status as string) : null, orderReference, beneficiaryId: null } as const;
      const [rows, { total }] = await db.merchant(callerOf(request).merchant.id, (tx) =>
        Promise.all([listDistributions(tx, filter, size, (page - 1) * size), countDistributions(tx, filter)]),
      );
      return { data: rows.map(listView), page, size, total: Number(total) };
    },
  );

  app.get(
    '/v1/distributions/balance',
    {
      config: read,
      schema: {
        tags,
        summary: 'Get distributions balance',
        description: 'What distributions and payouts may be taken from now.',
        querystring: BalanceOf,
        response: answers({ 200: Type.Ref('DistributionBalanceResponse') }),
      },
    },
    async (request) => {
      const { currency = 'KZT' } = request.query;
      exponentOf(currency);
      const { merchant } = callerOf(request);
      const { balance, at } = await db.merchant(merchant.id, (tx) => balanceOf(tx, account('available', currency)));
      return { balance: Number(balance), currency, updatedAt: `${(at ?? merchant.createdAt).toISOString().slice(0, 19)}Z` };
    },
  );

  app.get(
    '/v1/distributions/:id',
    {
      config: read,
      schema: {
        tags,
        summary: 'Get distribution by ID',
        params: Type.Object({ id: Type.String() }),
        response: answers({ 200: Type.Ref('DistributionDetailResponse') }, 404),
      },
    },
    async (request) => {
      const id = idIn(request.params.id, 'distribution');
      const [distribution] = await db.merchant(callerOf(request).merchant.id, (tx) => distributionsById(tx, [id]));
      if (distribution?.kind !== 'distribution') throw notFound(`no distribution ${id}`);
      return detailView(distribution);
    },
  );
}
