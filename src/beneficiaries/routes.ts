import Type from 'typebox';
import type { Db, Tx } from '../db/db.ts';
import { unprocessable, wrongFields } from '../errors.ts';
import { keyIn, keyOf, once } from '../http/idempotency.ts';
import { type App, answers, callerOf, give, IdempotencyHeader, Page, Paging } from '../http/room.ts';
import { idIn } from '../http/server.ts';
import type { Ids } from '../ids.ts';
import { account, beneficiaryAccount, Books } from '../ledger/books.ts';
import type { Merchant } from '../merchants/merchants.ts';
import { exponentOf, type Minor } from '../money.ts';
import type { Clock } from '../ports.ts';
import { cardNumberProblem, normalized, recipientProblems } from '../sending/recipient.ts';
import { timestamp } from '../transactions/view.ts';
import { type Beneficiary, beneficiaryView, listBeneficiaries, lockBeneficiary, readBeneficiary, storeBeneficiary } from './beneficiary.ts';
import { BeneficiaryBody, CreateBeneficiary, TransferBody, TransferToMerchant, UpdateBeneficiary } from './schema.ts';

const tags = ['Payment beneficiaries'];
const PATH = '/v1/merchants/payment-beneficiaries';
const config = { scope: 'payouts', source: 'beneficiaries' } as const;
const read = { scope: 'read', source: 'beneficiaries' } as const;
const One = Type.Object({ id: Type.String({ description: 'The beneficiary' }) });
const Shown = Type.Ref('PaymentBeneficiary');

export interface BeneficiaryParts {
  db: Db;
  ids: Ids;
  clock: Clock;
}

/** Whom a merchant shares its earnings with. */
export function beneficiaryRoutes(app: App, parts: BeneficiaryParts): void {
  app.addSchema(BeneficiaryBody);
  app.addSchema(TransferBody);
  writingRoutes(app, parts);
  readingRoutes(app, parts);
  transferRoute(app, parts);
}

function writingRoutes(app: App, { db, ids, clock }: BeneficiaryParts): void {
  const create = {
    ...{ tags, summary: 'Create a beneficiary', headers: IdempotencyHeader, body: CreateBeneficiary },
    description: 'A partner with a bank account, and with a balance of its own here: splits fill it, settlements pay it out.',
    response: answers({ 201: Shown }, 409, 413, 422),
  };
  app.post(PATH, { config, schema: create }, async (request, reply) => {
    const { merchant } = callerOf(request);
    const { currency = 'KZT', kbe = null, knp = null, description = null, ...asked } = request.body;
    exponentOf(currency);
    const at = clock.now();
    const made: Beneficiary = checked({ id: ids.uuid(), status: 'active', ...asked, kbe, knp, description, currency, createdAt: at, updatedAt: at }, merchant);
    const key = keyOf(`POST ${PATH}`, request.headers['idempotency-key'], request.body);
    const answer = await once(db, merchant.id, key, at, async (tx) => {
      await storeBeneficiary(tx, made);
      return { status: 201, objectId: made.id, body: JSON.stringify(beneficiaryView(merchant.id, { ...made, balance: 0n })) };
    });
    return give(reply, answer);
  });

  const update = {
    ...{ tags, summary: 'Update a beneficiary', params: One, body: UpdateBeneficiary },
    description: 'What is not said stays as it is. Orders that were made before go where they were to go.',
    response: answers({ 200: Shown }, 404, 413, 422),
  };
  app.patch(`${PATH}/:id`, { config, schema: update }, async (request) => {
    const { merchant } = callerOf(request);
    const id = idIn(request.params.id, 'beneficiary');
    const shown = await db.merchant(merchant.id, async (tx) => {
      const before = await lockBeneficiary(tx, id);
      const now = clock.now();
      await storeBeneficiary(tx, checked({ ...before, ...request.body, updatedAt: now > before.updatedAt ? now : before.updatedAt }, merchant));
      return readBeneficiary(tx, id);
    });
    return beneficiaryView(merchant.id, shown);
  });
}

/** What the shape does not say; IBAN and BIC as banks write them. @throws {ApiError} 422 */
function checked(given: Beneficiary, { mode }: Merchant): Beneficiary {
  const problem = given.description === null ? undefined : cardNumberProblem(given.description);
  const found = [...recipientProblems(given, { live: mode === 'live' }), ...(problem ? [{ field: 'description', message: problem }] : [])];
  if (found.length > 0) throw wrongFields(found);
  return normalized(given);
}

function readingRoutes(app: App, { db }: BeneficiaryParts): void {
  const filter = Type.Object({ ...Paging, status: Type.Optional(Type.Union([Type.Literal('active'), Type.Literal('inactive')])) });
  const list = { tags, summary: 'List beneficiaries', description: 'Newest first.', querystring: filter, response: answers({ 200: Page(Shown) }) };
  app.get(PATH, { config: read, schema: list }, async (request) => {
    const { page, size, status = null } = request.query;
    const { merchant } = callerOf(request);
    const { beneficiaries, total } = await db.merchant(merchant.id, (tx) => listBeneficiaries(tx, status, page, size));
    return { data: beneficiaries.map((one) => beneficiaryView(merchant.id, one)), page, size, total };
  });

  const one = { tags, summary: 'Get a beneficiary by its id', description: 'With its balance.', params: One, response: answers({ 200: Shown }, 404) };
  app.get(`${PATH}/:id`, { config: read, schema: one }, async (request) => {
    const id = idIn(request.params.id, 'beneficiary');
    const { merchant } = callerOf(request);
    return beneficiaryView(merchant.id, await db.merchant(merchant.id, (tx) => readBeneficiary(tx, id)));
  });
}

function transferRoute(app: App, { db, ids, clock }: BeneficiaryParts): void {
  const schema = {
    ...{ tags, summary: "Transfer from a beneficiary's balance to the merchant's", headers: IdempotencyHeader, params: One, body: TransferToMerchant },
    description: 'What was given to a beneficiary, and not been paid to it, goes back to your own balance.',
    response: answers({ 201: Type.Ref('BeneficiaryTransfer') }, 404, 409, 413, 422),
  };
  app.post(`${PATH}/:id/transfer`, { config, schema }, async (request, reply) => {
    const { merchant } = callerOf(request);
    const beneficiaryId = idIn(request.params.id, 'beneficiary');
    const { amount, currency, requestId } = request.body;
    const problem = cardNumberProblem(requestId ?? '');
    if (problem) throw wrongFields([{ field: 'requestId', message: problem }]);
    const keys = [
      keyOf(`POST ${PATH}/${beneficiaryId}/transfer`, request.headers['idempotency-key'], request.body),
      keyIn('beneficiary transfer', 'requestId', requestId, { ...request.body, beneficiaryId }),
    ];
    const now = clock.now();
    const answer = await once(db, merchant.id, keys, now, async (tx) => {
      const done = await giveBack(tx, { id: ids.uuid(), beneficiaryId, amount: BigInt(amount), currency }, now);
      return { status: 201, objectId: done.id, body: JSON.stringify(done) };
    });
    return give(reply, answer);
  });
}

/** @throws {ApiError} 404, 422 */
async function giveBack(tx: Tx, asked: { id: string; beneficiaryId: string; amount: Minor; currency: string }, now: Date) {
  const { id, beneficiaryId, amount, currency } = asked;
  const beneficiary = await lockBeneficiary(tx, beneficiaryId);
  if (currency !== beneficiary.currency) throw wrongFields([{ field: 'currency', message: `must be that of the beneficiary, ${beneficiary.currency}` }]);
  const [from, to] = [beneficiaryAccount(beneficiaryId, currency), account('available', currency)];
  const books = await Books.lock(tx, [from, to], now);
  const before = books.balance(from);
  if (before < amount)
    throw unprocessable('the balance does not cover the amount', [{ field: 'amount', message: 'is more than the balance of the beneficiary' }]);
  books.post({ objectId: id, kind: 'recall', from, to, amount });
  await books.write();
  return {
    ...{ id, beneficiaryId, amount: Number(amount), currency, balanceBefore: Number(before), balanceAfter: Number(books.balance(from)) },
    createdAt: timestamp(books.at),
  };
}
