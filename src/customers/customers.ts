import type { Tx } from '../db/db.ts';
import { fragment, sql } from '../db/sql.ts';
import { notFound } from '../errors.ts';
import type { Ids } from '../ids.ts';
import { timestamp } from '../transactions/view.ts';

/** Somebody that a merchant pays, in the merchant's own words. */
export interface Customer {
  id: string;
  externalUserId: string | null;
  email: string | null;
  phone: string | null;
  firstName: string | null;
  lastName: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** What a merchant says of a customer. What is missing or null is not said, and stays as it is known. */
export type CustomerFields = Partial<Pick<Customer, 'externalUserId' | 'email' | 'phone' | 'firstName' | 'lastName'>>;

const columns = fragment`c.id, c.external_user_id as "externalUserId", c.email, c.phone, c.first_name as "firstName", c.last_name as "lastName", c.created_at as "createdAt", c.updated_at as "updatedAt"`;

/**
 * Finds the customer by the merchant's id for it, or else by its e-mail address, and adds what is new; makes it where
 * there is none. One that has neither is always a new one.
 */
export async function saveCustomer(tx: Tx, fields: CustomerFields, ids: Ids, at: Date): Promise<{ customer: Customer; created: boolean }> {
  const byEmail = fields.email && !fields.externalUserId ? await customerByEmail(tx, fields.email) : undefined;
  if (byEmail) return { customer: await updateCustomer(tx, byEmail.id, fields, at), created: false };
  const id = ids.uuid();
  const customer = await tx.one<Customer>(sql`
    insert into customer as c (merchant_id, id, external_user_id, email, phone, first_name, last_name, created_at, updated_at)
    select m.merchant_id, ${id}::uuid, ${fields.externalUserId ?? null}, ${fields.email ?? null}, ${fields.phone ?? null}, ${fields.firstName ?? null}, ${fields.lastName ?? null}, ${at}::timestamptz, ${at}::timestamptz
    from merchant m where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, external_user_id) where external_user_id is not null do update set
      email = coalesce(excluded.email, c.email), phone = coalesce(excluded.phone, c.phone),
      first_name = coalesce(excluded.first_name, c.first_name), last_name = coalesce(excluded.last_name, c.last_name), updated_at = excluded.updated_at
    returning ${columns}`);
  return { customer, created: customer.id === id };
}

const updateCustomer = (tx: Tx, id: string, { phone, firstName, lastName }: CustomerFields, at: Date): Promise<Customer> =>
  tx.one(sql`
    update customer as c set phone = coalesce(${phone ?? null}, c.phone), first_name = coalesce(${firstName ?? null}, c.first_name), last_name = coalesce(${lastName ?? null}, c.last_name), updated_at = ${at}::timestamptz
    where c.merchant_id = ${tx.merchantId} and c.id = ${id}::uuid
    returning ${columns}`);

/** The oldest one, where several have the address. */
const customerByEmail = (tx: Tx, email: string): Promise<Customer | undefined> =>
  tx.maybe(sql`select ${columns} from customer c where c.merchant_id = ${tx.merchantId} and lower(c.email) = lower(${email}) order by c.id limit 1`);

/** @throws {ApiError} 404 */
export async function customerById(tx: Tx, id: string): Promise<Customer> {
  const customer = await tx.maybe<Customer>(sql`select ${columns} from customer c where c.merchant_id = ${tx.merchantId} and c.id = ${id}::uuid`);
  if (!customer) throw notFound(`no customer ${id}`);
  return customer;
}

/** Newest first. */
export async function listCustomers(tx: Tx, page: number, size: number): Promise<{ customers: Customer[]; total: number }> {
  const [customers, { total }] = await Promise.all([
    tx.rows<Customer>(
      sql`select ${columns} from customer c where c.merchant_id = ${tx.merchantId} order by c.id desc limit ${size} offset ${(page - 1) * size}`,
    ),
    tx.one<{ total: bigint }>(sql`select count(*) as total from customer c where c.merchant_id = ${tx.merchantId}`),
  ]);
  return { customers, total: Number(total) };
}

export const customerView = ({ createdAt, updatedAt, ...customer }: Customer) => ({
  ...customer,
  createdAt: timestamp(createdAt),
  updatedAt: timestamp(updatedAt),
});
