import Type from 'typebox';
import type { Db, Tx } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { notFound } from '../errors.ts';
import { type App, answers, callerOf, Nullable } from '../http/room.ts';
import { balances } from '../ledger/statement.ts';
import { exponentOf } from '../money.ts';
import { timestamp } from '../transactions/view.ts';
import { type Merchant, theMerchant } from './merchants.ts';

const Terminal = Type.Object({ id: Type.String(), name: Type.String() });
const Store = Type.Object({ id: Type.String(), name: Type.String(), terminals: Type.Array(Terminal) });
const Currency = Type.Object({ code: Type.String({ examples: ['KZT'] }), exponent: Type.Integer({ description: 'Decimals that it has' }) });
const Balance = Type.Object({
  currency: Type.String(),
  available: Type.Integer({ description: 'Minor units that may be paid out' }),
  pending: Type.Integer({ description: 'Minor units held for what is on its way' }),
});
const MerchantBody = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    bin: Nullable(Type.String({ description: 'Business number' })),
    mode: Type.Union([Type.Literal('test'), Type.Literal('live')]),
    status: Type.Literal('active'),
    balance: Type.Array(Balance),
    stores: Type.Object({ data: Type.Array(Store) }),
    settings: Type.Object({
      webhookUrl: Nullable(Type.String({ description: 'Of the oldest endpoint that is enabled' })),
      webhookToken: Type.String({ description: 'What webhooks bring as Bearer; never shown', examples: ['whk_************'] }),
      signatureEnabled: Type.Boolean({ description: 'Whether webhooks are signed: always' }),
      autoClearing: Type.Boolean({ description: 'Whether payments are captured by themselves' }),
      autoClearingDelayMinutes: Type.Integer(),
      currencies: Type.Array(Currency, { description: 'In which there has been money' }),
      paymentMethods: Type.Array(Type.String(), { description: 'By which payments are taken', examples: [['wallet']] }),
    }),
    createdAt: Type.String(),
  },
  { $id: 'Merchant', title: 'Merchant' },
);

/** What a merchant may know of itself. */
export function detailRoutes(app: App, db: Db): void {
  app.addSchema(MerchantBody);
  const config = { scope: 'read', source: 'merchants' } as const;
  const Shown = Type.Ref('Merchant');
  const me = { tags: ['Merchants'], summary: "Retrieve the merchant's details", response: answers({ 200: Shown }) };
  app.get('/v1/merchants/me', { config, schema: me }, async (request) => db.merchant(callerOf(request).merchant.id, detailsOf));

  const one = {
    ...{ tags: ['Merchants'], summary: 'Retrieve a merchant by its id', description: 'The merchant of the key, and no other.' },
    ...{ params: Type.Object({ id: Type.String() }), response: answers({ 200: Shown }, 404) },
  };
  app.get('/v1/merchants/:id', { config, schema: one }, async (request) => {
    const { merchant } = callerOf(request);
    if (request.params.id.toLowerCase() !== merchant.id) throw notFound('no such merchant');
    return db.merchant(merchant.id, detailsOf);
  });
}

interface StoreRow {
  id: string;
  name: string;
  terminalId: string | null;
  terminalName: string | null;
}

async function detailsOf(tx: Tx) {
  const [merchant, rows, stores, endpoint] = await Promise.all([
    theMerchant(tx),
    balances(tx),
    tx.rows<StoreRow>(sql`
      select s.id, s.name, t.id as "terminalId", t.name as "terminalName" from store s left join terminal t on t.merchant_id = ${tx.merchantId} and t.store_id = s.id
      where s.merchant_id = ${tx.merchantId} order by s.created_at, s.id, t.created_at, t.id`),
    tx.maybe<{ url: string }>(sql`select p.url from endpoint p where p.merchant_id = ${tx.merchantId} and p.enabled order by p.id limit 1`),
  ]);
  return view(merchant, rows, stores, endpoint?.url ?? null);
}

function view(merchant: Merchant, rows: Awaited<ReturnType<typeof balances>>, stores: StoreRow[], webhookUrl: string | null) {
  const of = (kind: string, currency: string) => Number(rows.find((row) => row.kind === kind && row.currency === currency)?.balance ?? 0n);
  const currencies = [...new Set(rows.map(({ currency }) => currency))];
  const terminalsOf = (id: string) =>
    stores.flatMap((row) => (row.id === id && row.terminalId !== null ? [{ id: row.terminalId, name: row.terminalName as string }] : []));
  return {
    ...{ id: merchant.id, name: merchant.name, bin: merchant.bin, mode: merchant.mode, status: 'active' as const },
    balance: currencies.map((currency) => ({ currency, available: of('available', currency), pending: of('held', currency) })),
    stores: { data: [...new Map(stores.map(({ id, name }) => [id, name]))].map(([id, name]) => ({ id, name, terminals: terminalsOf(id) })) },
    settings: {
      ...{ webhookUrl, webhookToken: 'whk_************', signatureEnabled: true, autoClearing: false, autoClearingDelayMinutes: 0 },
      ...{ currencies: currencies.map((code) => ({ code, exponent: exponentOf(code) })), paymentMethods: ['wallet'] },
    },
    createdAt: timestamp(merchant.createdAt),
  };
}
