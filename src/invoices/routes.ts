import Type from 'typebox';
import type { BankConfig } from '../config.ts';
import { ProcessorLine } from '../connectors/http-line.ts';
import type { Db } from '../db/db.ts';
import { conflict, forbidden, unavailable } from '../errors.ts';
import { answeredBefore, keyOf, once } from '../http/idempotency.ts';
import { momentIn } from '../http/moment.ts';
import { type App, answers, callerOf, give, IdempotencyHeader } from '../http/room.ts';
import { idIn } from '../http/server.ts';
import type { Ids } from '../ids.ts';
import { exponentOf } from '../money.ts';
import type { Log } from '../log.ts';
import { notice } from '../pages/frame.tsx';
import { givePage } from '../pages/reply.ts';
import { errorPage, spoken } from '../pages/visit.ts';
import type { Clock, Net, Random } from '../ports.ts';
import { type Invoice, invoiceById, listInvoices } from './invoice.ts';
import type { Invoices } from './invoices.ts';
import { CreateInvoice, invoiceSchemas, ListInvoices, PayInvoice } from './schema.ts';
import { invoicePage } from './pages.tsx';
import { invoiceView } from './view.ts';

const PATH = '/v1/bank-invoices';
const tags = ['Bank invoices'];
const config = { scope: 'wallet', source: 'invoices' } as const;
const read = { scope: 'read', source: 'invoices' } as const;
const One = Type.Object({ id: Type.String({ description: 'The invoice' }) });
const Shown = Type.Ref('BankInvoice');

export interface InvoiceParts {
  db: Db;
  ids: Ids;
  clock: Clock;
  random: Random;
  log: Log;
  net: Net;
  config: { publicUrl: string; bank: BankConfig | undefined; processorUrl: string | undefined; processorSecret: string; processorTimeoutMs: number };
  invoices: Invoices;
}

/** Bills that companies pay by bank transfer. */
export function invoiceRoutes(app: App, parts: InvoiceParts): void {
  const { db, ids, clock, invoices } = parts;
  for (const schema of invoiceSchemas) app.addSchema(schema);
  const shown = (invoice: Invoice) => invoiceView(invoice, invoices.urlOf(invoice.number));

  const create = {
    ...{ tags, summary: 'Create a bank invoice', headers: IdempotencyHeader, body: CreateInvoice },
    description:
      'A bill that a company pays by bank transfer. It is paid, and the money in your balance, when the bank’s statement tells of the amount with its number.',
    response: answers({ 201: Shown }, 409, 413, 422),
  };
  app.post(PATH, { config, schema: create }, async (request, reply) => {
    const { merchant } = callerOf(request);
    const { orderReference, amount, currency, description = null, payer, knp = '710', expiresAt } = request.body;
    exponentOf(currency);
    const now = clock.now();
    const asked = {
      ...{ id: ids.uuid(), orderReference, amount: BigInt(amount), currency, description, knp },
      payer: { ...payer, email: payer.email ?? null },
      expiresAt: expiresAt === undefined ? null : momentIn(expiresAt, 'expiresAt'),
    };
    const key = keyOf(`POST ${PATH}`, request.headers['idempotency-key'], request.body);
    const answer = await once(db, merchant.id, key, now, async (tx) => {
      const invoice = await invoices.make(tx, merchant, asked, now);
      return { status: 201, objectId: invoice.id, body: JSON.stringify(shown(invoice)) };
    });
    return give(reply, answer);
  });

  const cancel = {
    ...{ tags, summary: 'Cancel a bank invoice', headers: IdempotencyHeader, params: One },
    description: 'While it is `created`. Money that arrives for it afterwards is kept for a person to look at.',
    response: answers({ 200: Shown }, 404, 409),
  };
  app.post(`${PATH}/:id/cancel`, { config, schema: cancel }, async (request, reply) => {
    const id = idIn(request.params.id, 'invoice');
    const key = keyOf(`POST ${PATH}/${id}/cancel`, request.headers['idempotency-key'], null);
    const answer = await once(db, callerOf(request).merchant.id, key, clock.now(), async (tx) => ({
      ...{ status: 200, objectId: id, body: JSON.stringify(shown(await invoices.cancel(tx, id))) },
    }));
    return give(reply, answer);
  });

  const list = {
    ...{ tags, summary: 'List bank invoices', description: 'Newest first.', querystring: ListInvoices },
    response: answers({ 200: Type.Ref('BankInvoiceList') }),
  };
  app.get(PATH, { config: read, schema: list }, async (request) => {
    const { page, size, status = null, orderReference = null } = request.query;
    const filter = { status: status as string | null, orderReference };
    const { invoices: found, total } = await db.merchant(callerOf(request).merchant.id, (tx) => listInvoices(tx, filter, page, size));
    return { data: found.map(shown), page, size, total };
  });

  const one = { tags, summary: 'Get a bank invoice by its id', params: One, response: answers({ 200: Shown }, 404) };
  app.get(`${PATH}/:id`, { config: read, schema: one }, async (request) => {
    const id = idIn(request.params.id, 'invoice');
    return shown(await db.merchant(callerOf(request).merchant.id, (tx) => invoiceById(tx, id)));
  });

  sandboxRoute(app, parts);
  void app.register(async (pages) => pageRoute(pages as App, parts));
}

/** Somebody at the sandbox bank pays: its next statement tells of it. */
function sandboxRoute(app: App, { db, net, clock, config }: InvoiceParts): void {
  const { bank, processorSecret: secret, processorTimeoutMs: timeoutMs } = config;
  const schema = {
    ...{ tags: ['Sandbox'], summary: 'Pay a bank invoice', headers: IdempotencyHeader, params: One, body: Type.Optional(PayInvoice) },
    description:
      'Test merchants only: somebody pays it at the sandbox bank, whose next statement tells of it. Each call is a payment, but for one that is repeated under its key.',
    response: answers({ 202: Type.Object({ status: Type.Literal('booked') }) }, 404, 409, 413),
  };
  app.post('/v1/sandbox/bank-invoices/:id/pay', { config: { scope: 'sandbox', source: 'sandbox' }, schema }, async (request, reply) => {
    const { merchant } = callerOf(request);
    const id = idIn(request.params.id, 'invoice');
    const key = keyOf(`POST /v1/sandbox/bank-invoices/${id}/pay`, request.headers['idempotency-key'], request.body ?? null);
    const before = await answeredBefore(db, merchant.id, key);
    if (before) return give(reply, before);
    const invoice = await db.merchant(merchant.id, (tx) => invoiceById(tx, id));
    if (merchant.mode !== 'test') throw forbidden('only invoices of test merchants are paid here');
    if (!bank?.isSandbox) throw conflict('this platform has no sandbox bank that writes statements');
    const { amount = Number(invoice.amount), purpose = invoice.paymentPurpose } = request.body ?? {};
    const payer = { name: invoice.payerName, bin: invoice.payerBin };
    const body = JSON.stringify({ iban: bank.account.iban, amount, currency: invoice.currency, purpose, payer });
    const line = new ProcessorLine({ name: 'sandbox', url: config.processorUrl ?? '', secret, net, timeoutMs });
    const answer = await line.call('POST', '/v1/incoming', body);
    if ('kind' in answer || answer.status !== 202) throw unavailable('the sandbox bank does not answer', 1);
    return give(reply, await once(db, merchant.id, key, clock.now(), async () => ({ status: 202, objectId: id, body: '{"status":"booked"}' })));
  });
}

/** The page of an invoice. Its address is the right to see it. */
function pageRoute(app: App, { invoices, log, random, config: { publicUrl } }: InvoiceParts): void {
  const settings = { random, publicUrl };
  app.setErrorHandler((error: Error, request, reply) => givePage(reply, errorPage(error, request, log), settings));
  app.get('/invoices/:number/:token', { schema: { hide: true } as object }, async (request, reply) => {
    const { number, token } = request.params as { number: string; token: string };
    const found = await invoices.visit(number, token);
    const language = spoken(request);
    return givePage(reply, found ? invoicePage(found.invoice, found.merchant, language) : notice(404, language, 'unknown'), settings);
  });
}
