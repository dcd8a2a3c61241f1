import Type from 'typebox';
import type { Db } from '../db/db.ts';
import { unprocessable } from '../errors.ts';
import { keyOf, once } from '../http/idempotency.ts';
import { type App, answers, callerOf, give, IdempotencyHeader, Page, Paging } from '../http/room.ts';
import { idIn } from '../http/server.ts';
import type { Ids } from '../ids.ts';
import type { Clock } from '../ports.ts';
import { cardsOfCustomer, cardView } from './cards.ts';
import { customerById, customerView, listCustomers, saveCustomer } from './customers.ts';
import { CustomerBody, checkCustomer, SaveCustomer, SavedCardBody } from './schema.ts';

const tags = ['Customers'];
const read = { scope: 'read', source: 'customers' } as const;
const One = Type.Object({ id: Type.String({ description: 'The customer' }) });

export function customerRoutes(app: App, { db, ids, clock }: { db: Db; ids: Ids; clock: Clock }): void {
  app.addSchema(CustomerBody);
  app.addSchema(SavedCardBody);

  const schema = {
    tags,
    summary: 'Create a customer',
    description: 'One whose externalUserId is known, or without one whose email is, gets what is new in the request, and the answer is 200.',
    headers: IdempotencyHeader,
    body: SaveCustomer,
    response: answers({ 200: Type.Ref('Customer'), 201: Type.Ref('Customer') }, 409, 413, 422),
  };
  app.post('/v1/customers', { config: { scope: 'customers', source: 'customers' }, schema }, async (request, reply) => {
    const fields = checkCustomer(request.body);
    if (!fields.externalUserId && !fields.email)
      throw unprocessable('externalUserId or email is required', [{ field: 'externalUserId', message: 'is required where there is no email' }]);
    const now = clock.now();
    const key = keyOf('POST /v1/customers', request.headers['idempotency-key'], request.body);
    const answer = await once(db, callerOf(request).merchant.id, key, now, async (tx) => {
      const { customer, created } = await saveCustomer(tx, fields, ids, now);
      return { status: created ? 201 : 200, objectId: customer.id, body: JSON.stringify(customerView(customer)) };
    });
    return give(reply, answer);
  });

  app.get(
    '/v1/customers',
    {
      config: read,
      schema: {
        tags,
        summary: 'List customers',
        description: 'Newest first.',
        querystring: Type.Object(Paging),
        response: answers({ 200: Page(Type.Ref('Customer')) }),
      },
    },
    async (request) => {
      const { page, size } = request.query;
      const { customers, total } = await db.merchant(callerOf(request).merchant.id, (tx) => listCustomers(tx, page, size));
      return { data: customers.map(customerView), page, size, total };
    },
  );

  app.get(
    '/v1/customers/:id',
    { config: read, schema: { tags, summary: 'Get a customer by its id', params: One, response: answers({ 200: Type.Ref('Customer') }, 404) } },
    async (request) => {
      const id = idIn(request.params.id, 'customer');
      return customerView(await db.merchant(callerOf(request).merchant.id, (tx) => customerById(tx, id)));
    },
  );

  const Cards = Type.Object({ data: Type.Array(Type.Ref('SavedCard')) });
  app.get(
    '/v1/customers/:id/cards',
    {
      config: read,
      schema: { tags, summary: "Get a customer's card tokens", description: 'Oldest first.', params: One, response: answers({ 200: Cards }, 404) },
    },
    async (request) => {
      const id = idIn(request.params.id, 'customer');
      const [, cards] = await db.merchant(callerOf(request).merchant.id, (tx) => Promise.all([customerById(tx, id), cardsOfCustomer(tx, id)]));
      return { data: cards.map(cardView) };
    },
  );
}
