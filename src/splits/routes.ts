import Type, { type Static } from 'typebox';
import { beneficiariesById } from '../beneficiaries/beneficiary.ts';
import type { Db, Tx } from '../db/db.ts';
import { column } from '../db/sql.ts';
import { assert, conflict, invalid, notFound, unprocessable, wrongFields } from '../errors.ts';
import { keyOf, once } from '../http/idempotency.ts';
import { type App, answers, callerOf, give, IdempotencyHeader, Page } from '../http/room.ts';
import { idIn } from '../http/server.ts';
import type { Ids } from '../ids.ts';
import { Books } from '../ledger/books.ts';
import { advance } from '../machine.ts';
import { exponentOf, type Minor } from '../money.ts';
import type { Clock } from '../ports.ts';
import { cardNumberProblem } from '../sending/recipient.ts';
import { CreateSplit, ListSplits, splitSchemas, UpdateSplit } from './schema.ts';
import { type Item, partsOf, sumOf } from './parts.ts';
import { type Fresh, Sharing } from './sharing.ts';
import { listSplits, lockSplit, orderSource, paymentIn, paymentSource, type Split, splitById, splitMachine } from './split.ts';
import { splitView } from './view.ts';

const PATH = '/v1/merchants/split-requests';
const tags = ['Split requests'];
const config = { scope: 'payouts', source: 'splits' } as const;
const read = { scope: 'read', source: 'splits' } as const;
const One = Type.Object({ id: Type.String({ description: 'The split' }) });
const Shown = Type.Ref('SplitRequest');

/** A payment that may be shared, whatever room it belongs to. */
export interface Payment {
  /** our own */
  id: string;
  /** as merchants know it */
  transactionId: string;
  orderReference: string;
  amount: Minor;
  currency: string;
}

export interface SplitParts {
  db: Db;
  ids: Ids;
  clock: Clock;
  /** Finds a payment by its id. */
  paymentOf(tx: Tx, transactionId: string): Promise<Payment | undefined>;
}

/** Shares of payments for beneficiaries. */
export function splitRoutes(app: App, parts: SplitParts): void {
  for (const schema of splitSchemas) app.addSchema(schema);
  createRoute(app, parts);
  changingRoutes(app, parts);
  readingRoutes(app, parts);
}

function createRoute(app: App, { db, ids, clock, paymentOf }: SplitParts): void {
  const schema = {
    ...{ tags, summary: 'Create a split request', headers: IdempotencyHeader, body: CreateSplit },
    description:
      'Gives beneficiaries their shares of a payment, before or after it: as soon as what came in covers them, in the transaction that brings it. Shares by percent are cut to the minor unit and the rest goes to the largest remainders, so 100 percent is all of it.',
    response: answers({ 201: Shown }, 404, 409, 413, 422),
  };
  app.post(PATH, { config, schema }, async (request, reply) => {
    const { merchant } = callerOf(request);
    const { transactionId, orderReference, currency = 'KZT', items } = request.body;
    exponentOf(currency);
    if ((transactionId === undefined) === (orderReference === undefined)) throw invalid('transactionId or orderReference is required, and one of them alone');
    const problem = cardNumberProblem(orderReference ?? '');
    if (problem) throw wrongFields([{ field: 'orderReference', message: problem }]);
    const read = itemsIn(items);
    const id = ids.uuid();
    const now = clock.now();
    const key = keyOf(`POST ${PATH}`, request.headers['idempotency-key'], request.body);
    const answer = await once(db, merchant.id, key, now, async (tx) => {
      const payment = transactionId === undefined ? undefined : await paymentOf(tx, transactionId);
      if (transactionId !== undefined && !payment) throw notFound('no such payment');
      if (payment && payment.currency !== currency) throw wrongFields([{ field: 'currency', message: `must be that of the payment, ${payment.currency}` }]);
      if (payment) mustFit(read, payment.amount);
      await mustBePayable(tx, read, currency);
      const order = payment?.orderReference ?? (orderReference as string);
      const whose = { source: payment ? paymentSource(payment.id) : orderSource(order), orderReference: order, transactionId: payment?.transactionId ?? null };
      const split: Split = {
        ...{ id, state: 'created', seq: 1, ...whose, currency, items: read, parts: null, failureReason: null, createdAt: now, updatedAt: now },
      };
      const made = await carriedOut(tx, { split, isNew: true }, now, ids);
      return { status: 201, objectId: id, body: JSON.stringify(splitView(merchant.id, made)) };
    });
    return give(reply, answer);
  });
}

function changingRoutes(app: App, { db, ids, clock, paymentOf }: SplitParts): void {
  const update = {
    ...{ tags, summary: 'Update a split request', params: One, body: UpdateSplit },
    description: 'Other shares, while it is `created`.',
    response: answers({ 200: Shown }, 404, 409, 413, 422),
  };
  app.patch(`${PATH}/:id`, { config, schema: update }, async (request) => {
    const { merchant } = callerOf(request);
    const id = idIn(request.params.id, 'split request');
    const items = itemsIn(request.body.items);
    const now = clock.now();
    return db.merchant(merchant.id, async (tx) => {
      const before = await splitById(tx, id);
      const payment = before.transactionId === null ? undefined : await paymentOf(tx, before.transactionId);
      if (payment) mustFit(items, payment.amount);
      await mustBePayable(tx, items, before.currency);
      const split = { ...mustWait(before), items, updatedAt: now > before.updatedAt ? now : before.updatedAt };
      return splitView(merchant.id, await carriedOut(tx, { split, isNew: false }, now, ids));
    });
  });

  const remove = {
    ...{ tags, summary: 'Delete a split request', params: One },
    description: 'While it is `created`. It stays to be read, as `deleted`.',
    response: answers({ 204: Type.Null() }, 404, 409),
  };
  app.delete(`${PATH}/:id`, { config, schema: remove }, async (request, reply) => {
    const id = idIn(request.params.id, 'split request');
    await db.merchant(callerOf(request).merchant.id, async (tx) => {
      const split = mustWait(await lockSplit(tx, id));
      await advance(tx, splitMachine, [{ row: split, move: 'delete', cause: 'request' }], clock.now(), ids);
    });
    return reply.code(204).send(null);
  });
}

function readingRoutes(app: App, { db }: SplitParts): void {
  const list = { tags, summary: 'List split requests', description: 'Newest first.', querystring: ListSplits, response: answers({ 200: Page(Shown) }) };
  app.get(PATH, { config: read, schema: list }, async (request) => {
    const { page, size, status = null, orderReference = null } = request.query;
    const { merchant } = callerOf(request);
    const { splits, total } = await db.merchant(merchant.id, (tx) => listSplits(tx, { status: status as string | null, orderReference }, page, size));
    return { data: splits.map((split) => splitView(merchant.id, split)), page, size, total };
  });
  const one = { tags, summary: 'Get a split request by its id', params: One, response: answers({ 200: Shown }, 404) };
  app.get(`${PATH}/:id`, { config: read, schema: one }, async (request) => {
    const { merchant } = callerOf(request);
    const id = idIn(request.params.id, 'split request');
    return splitView(merchant.id, await db.merchant(merchant.id, (tx) => splitById(tx, id)));
  });
}

/** Writes the split, and carries it out where its payment's money is there already. @throws {ApiError} 409, 422 */
async function carriedOut(tx: Tx, fresh: Fresh, now: Date, ids: Ids): Promise<Split> {
  const { orderReference, source, currency } = fresh.split;
  const sharing = await Sharing.open(tx, [{ orderReference, paymentId: paymentIn(source), currency, amount: 0n }], fresh);
  assert(sharing, 'what is looked at is there');
  const books = await Books.lock(tx, sharing.accounts, now);
  sharing.share(books);
  if (sharing.refusal) throw unprocessable(sharing.refusal, [{ field: 'items', message: sharing.refusal }]);
  const [split] = await Promise.all([sharing.write(books.at, ids), books.write()]);
  return split as Split;
}

/** @throws {ApiError} 409 */
function mustWait(split: Split): Split {
  if (split.state !== 'created') throw conflict(`the split is ${split.state}: only one that is created can be changed`);
  return split;
}

/** @throws {ApiError} 422 with each item that is wrong */
function itemsIn(items: Static<typeof UpdateSplit>['items']): Item[] {
  const details: { field: string; message: string }[] = [];
  const seen = new Set<string>();
  const read = items.map(({ beneficiaryId, amount, percent }, i): Item => {
    const wrong = (field: string, message: string) => details.push({ field: `items.${i}${field && '.'}${field}`, message });
    const id = idIn(beneficiaryId, 'beneficiary');
    if (seen.has(id)) wrong('beneficiaryId', 'is in this split already');
    seen.add(id);
    if ((amount === undefined) === (percent === undefined)) wrong('', 'must have an amount or a percent, and one of them alone');
    const basisPoints = percent === undefined ? null : Math.round(percent * 100);
    if (basisPoints !== null && (basisPoints < 1 || basisPoints / 100 !== percent)) wrong('percent', 'must have at most two decimals'); // exact, for two decimals
    return { beneficiaryId: id, amount: amount === undefined ? null : BigInt(amount), basisPoints };
  });
  if (read.reduce((sum, { basisPoints }) => sum + (basisPoints ?? 0), 0) > 10_000) details.push({ field: 'items', message: 'are more than 100 percent' });
  if (details.length > 0) throw wrongFields(details);
  return read;
}

/** @throws {ApiError} 422 */
function mustFit(items: Item[], payment: Minor): void {
  if (sumOf(partsOf(payment, items)) > payment) throw wrongFields([{ field: 'items', message: 'are more than the payment' }]);
}

/** @throws {ApiError} 404, 409 when a beneficiary is inactive, 422 when it has another currency */
async function mustBePayable(tx: Tx, items: Item[], currency: string): Promise<void> {
  const known = new Map((await beneficiariesById(tx, column(items, 'beneficiaryId'))).map((one) => [one.id, one]));
  for (const [i, { beneficiaryId }] of items.entries()) {
    const beneficiary = known.get(beneficiaryId);
    if (!beneficiary) throw notFound(`no beneficiary ${beneficiaryId}`);
    if (beneficiary.status !== 'active') throw conflict(`beneficiary ${beneficiaryId} is inactive`);
    if (beneficiary.currency !== currency) throw wrongFields([{ field: `items.${i}.beneficiaryId`, message: `has another currency, ${beneficiary.currency}` }]);
  }
}
