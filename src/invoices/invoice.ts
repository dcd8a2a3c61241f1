import type { Tx } from '../db/db.ts';
import { column, fragment, shape, sql, table, planned } from '../db/sql.ts';
import { notFound } from '../errors.ts';
import type { Minor } from '../money.ts';
import type { Recipient } from '../sending/recipient.ts';

export type InvoiceState = 'created' | 'paid' | 'expired' | 'cancelled';

/** A bill that a company pays by bank transfer, naming its number. Amounts in minor units. */
export interface Invoice {
  id: string;
  state: InvoiceState;
  seq: number;
  number: string;
  orderReference: string;
  amount: Minor;
  currency: string;
  description: string | null;
  payerName: string;
  payerBin: string;
  payerEmail: string | null;
  /** the operator's account, as it was when the invoice was made */
  payeeName: Recipient['name'];
  payeeBin: Recipient['bin'];
  payeeIban: Recipient['iban'];
  payeeBic: Recipient['bic'];
  payeeKbe: Recipient['kbe'];
  payeeKnp: Recipient['knp'];
  paymentPurpose: string;
  /** the movement on the operator's account that paid it */
  lineKey: string | null;
  bankReference: string | null;
  createdAt: Date;
  updatedAt: Date;
  expiresAt: Date | null;
  paidAt: Date | null;
}

const columns = fragment`i.id, i.state, i.seq, i.number, i.order_reference as "orderReference", i.amount, i.currency, i.description, i.payer_name as "payerName", i.payer_bin as "payerBin", i.payer_email as "payerEmail",
  i.payee_name as "payeeName", i.payee_bin as "payeeBin", i.payee_iban as "payeeIban", i.payee_bic as "payeeBic", i.payee_kbe as "payeeKbe", i.payee_knp as "payeeKnp", i.payment_purpose as "paymentPurpose",
  i.line_key as "lineKey", i.bank_reference as "bankReference", i.created_at as "createdAt", i.updated_at as "updatedAt", i.expires_at as "expiresAt", i.paid_at as "paidAt"`;

const invoiceShape = shape<Invoice>(
  ['id', 'uuid', 'id'],
  ['state', 'text', 'state'],
  ['seq', 'int', 'seq'],
  ['number', 'text', 'number'],
  ['order_reference', 'text', 'orderReference'],
  ['amount', 'bigint', 'amount'],
  ['currency', 'text', 'currency'],
  ['description', 'text', 'description'],
  ['payer_name', 'text', 'payerName'],
  ['payer_bin', 'text', 'payerBin'],
  ['payer_email', 'text', 'payerEmail'],
  ['payee_name', 'text', 'payeeName'],
  ['payee_bin', 'text', 'payeeBin'],
  ['payee_iban', 'text', 'payeeIban'],
  ['payee_bic', 'text', 'payeeBic'],
  ['payee_kbe', 'text', 'payeeKbe'],
  ['payee_knp', 'text', 'payeeKnp'],
  ['payment_purpose', 'text', 'paymentPurpose'],
  ['line_key', 'text', 'lineKey'],
  ['bank_reference', 'text', 'bankReference'],
  ['created_at', 'timestamptz', 'createdAt'],
  ['updated_at', 'timestamptz', 'updatedAt'],
  ['expires_at', 'timestamptz', 'expiresAt'],
  ['paid_at', 'timestamptz', 'paidAt'],
);

/** Writes invoices, new ones and changed ones, each changed one only where it still stands one change before. */
export const storeInvoices = (tx: Tx, rows: Invoice[]): Promise<number> =>
  tx.run(sql`
    insert into invoice as i (merchant_id, id, state, seq, number, order_reference, amount, currency, description, payer_name, payer_bin, payer_email, payee_name, payee_bin, payee_iban, payee_bic, payee_kbe,
      payee_knp, payment_purpose, line_key, bank_reference, created_at, updated_at, expires_at, paid_at)
    select m.merchant_id, u.* from merchant m, ${table(rows, invoiceShape)} where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, id) do update set state = excluded.state, seq = excluded.seq, line_key = excluded.line_key, bank_reference = excluded.bank_reference, updated_at = excluded.updated_at,
      paid_at = excluded.paid_at
    where i.seq = excluded.seq - 1`);

/** Locks those that have these numbers, all transactions in one order. Each is found by its number, whatever a planner believes of an empty table. */
export async function lockByNumber(tx: Tx, numbers: string[]): Promise<Invoice[]> {
  const found = await tx.rows<{ id: string }>(
    planned(sql`
    select i.id from unnest(${numbers}::text[]) as u (number) cross join lateral (select * from invoice i where i.merchant_id = ${tx.merchantId} and i.number = u.number offset 0) i`),
  );
  return tx.rows(
    sql`select ${columns} from invoice i where i.merchant_id = ${tx.merchantId} and i.id = any(${column(found, 'id')}::uuid[]) order by i.id for update`,
  );
}

export const lockExpired = (tx: Tx, now: Date, limit: number): Promise<Invoice[]> =>
  tx.rows(sql`
    select ${columns} from invoice i where i.merchant_id = ${tx.merchantId} and i.state = 'created' and i.expires_at <= ${now} order by i.expires_at limit ${limit} for update skip locked`);

export const invoiceByNumber = (tx: Tx, number: string): Promise<Invoice | undefined> =>
  tx.maybe(sql`select ${columns} from invoice i where i.merchant_id = ${tx.merchantId} and i.number = ${number}`);

export const findInvoice = (tx: Tx, id: string): Promise<Invoice | undefined> =>
  tx.maybe(sql`select ${columns} from invoice i where i.merchant_id = ${tx.merchantId} and i.id = ${id}::uuid`);

/** @throws {ApiError} 404 */
export async function invoiceById(tx: Tx, id: string): Promise<Invoice> {
  const found = await findInvoice(tx, id);
  if (!found) throw notFound(`no invoice ${id}`);
  return found;
}

/** Locked, to be changed. @throws {ApiError} 404 */
export async function lockInvoice(tx: Tx, id: string): Promise<Invoice> {
  const found = await tx.maybe<Invoice>(sql`select ${columns} from invoice i where i.merchant_id = ${tx.merchantId} and i.id = ${id}::uuid for update`);
  if (!found) throw notFound(`no invoice ${id}`);
  return found;
}

/** What a list is narrowed to; null does not narrow. */
export interface InvoiceFilter {
  status: string | null;
  orderReference: string | null;
}

/** Newest first. */
export async function listInvoices(
  tx: Tx,
  { status, orderReference }: InvoiceFilter,
  page: number,
  size: number,
): Promise<{ invoices: Invoice[]; total: number }> {
  const [invoices, { total }] = await Promise.all([
    tx.rows<Invoice>(sql`
      select ${columns} from invoice i
      where i.merchant_id = ${tx.merchantId} and (${status}::text is null or i.state = ${status}::text) and (${orderReference}::text is null or i.order_reference = ${orderReference}::text)
      order by i.id desc limit ${size} offset ${(page - 1) * size}`),
    tx.one<{ total: bigint }>(sql`
      select count(*) as total from invoice i
      where i.merchant_id = ${tx.merchantId} and (${status}::text is null or i.state = ${status}::text) and (${orderReference}::text is null or i.order_reference = ${orderReference}::text)`),
  ]);
  return { invoices, total: Number(total) };
}
