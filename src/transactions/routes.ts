import Type from 'typebox';
import { customerById } from '../customers/customers.ts';
import type { Db } from '../db/db.ts';
import { notFound } from '../errors.ts';
import { type App, answers, callerOf, Page, Paging } from '../http/room.ts';
import { idIn } from '../http/server.ts';
import { TransactionBody, TransactionHistory, TransactionMessage, TransactionRow } from './schema.ts';
import { historyOf, listTransactions, transactionById, transactionByReference } from './transactions.ts';
import { timestamp, transactionRow, transactionView } from './view.ts';

const config = { scope: 'read', source: 'transactions' } as const;
const tags = ['Transactions'];

/** What a merchant reads of its transactions, whichever room made them. */
export function transactionRoutes(app: App, { db }: { db: Db }): void {
  for (const schema of [TransactionBody, TransactionMessage, TransactionRow]) app.addSchema(schema);

  app.get(
    '/v1/transactions',
    {
      config,
      schema: {
        tags,
        summary: 'List transactions',
        description: 'All transactions of the merchant, newest first.',
        querystring: Type.Object(Paging),
        response: answers({ 200: Page(Type.Ref('TransactionRow')) }),
      },
    },
    async (request) => {
      const { page, size } = request.query;
      const { transactions, total } = await db.merchant(callerOf(request).merchant.id, (tx) => listTransactions(tx, null, page, size));
      return { data: transactions.map(transactionRow), page, size, total };
    },
  );

  app.get(
    '/v1/customers/:id/transactions',
    {
      config: { scope: 'read', source: 'customers' },
      schema: {
        tags: ['Customers'],
        summary: "Get a customer's transactions",
        description: 'Newest first.',
        params: Type.Object({ id: Type.String({ description: 'The customer' }) }),
        querystring: Type.Object(Paging),
        response: answers({ 200: Page(Type.Ref('TransactionRow')) }, 404),
      },
    },
    async (request) => {
      const { page, size } = request.query;
      const id = idIn(request.params.id, 'customer');
      const { transactions, total } = await db.merchant(callerOf(request).merchant.id, async (tx) => {
        await customerById(tx, id);
        return listTransactions(tx, id, page, size);
      });
      return { data: transactions.map(transactionRow), page, size, total };
    },
  );

  const One = { params: Type.Object({ id: Type.String({ description: 'The transaction' }) }) };
  app.get(
    '/v1/transactions/:id',
    { config, schema: { tags, summary: 'Find a transaction by its id', ...One, response: answers({ 200: Type.Ref('Transaction') }, 404) } },
    async (request) => {
      const id = idIn(request.params.id, 'transaction');
      const found = await db.merchant(callerOf(request).merchant.id, (tx) => transactionById(tx, id));
      if (!found) throw notFound(`no transaction ${id}`);
      return transactionView(found);
    },
  );

  app.get(
    '/v1/transactions/:id/history',
    {
      config,
      schema: {
        tags,
        summary: "Find a transaction's history",
        description: 'Every change of its status, oldest first.',
        ...One,
        response: answers({ 200: TransactionHistory }, 404),
      },
    },
    async (request) => {
      const id = idIn(request.params.id, 'transaction');
      const [found, history] = await db.merchant(callerOf(request).merchant.id, (tx) => Promise.all([transactionById(tx, id), historyOf(tx, id)]));
      if (!found) throw notFound(`no transaction ${id}`);
      const events = history.map(({ id, type, at, body }) => {
        const { status, amount, currency, balance, errorCode, errorMessage } = (JSON.parse(body) as { data: ReturnType<typeof transactionView> }).data;
        return { id, name: type, createdAt: timestamp(at), data: { status, amount, currency, balance, errorCode, errorMessage } };
      });
      return { transactionId: id, events };
    },
  );

  app.get(
    '/v1/transactions/by-order-reference/:reference',
    {
      config,
      schema: {
        tags,
        summary: "Find a transaction by the merchant's reference",
        description: 'The newest one, where several have it.',
        params: Type.Object({ reference: Type.String() }),
        response: answers({ 200: Type.Ref('Transaction') }, 404),
      },
    },
    async (request) => {
      const { reference } = request.params;
      const found = await db.merchant(callerOf(request).merchant.id, (tx) => transactionByReference(tx, reference));
      if (!found) throw notFound('no transaction has this reference');
      return transactionView(found);
    },
  );
}
