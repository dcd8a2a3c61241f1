import type { Tx } from '../db/db.ts';
import { fragment, sql } from '../db/sql.ts';
import { assert, notFound } from '../errors.ts';
import type { Minor } from '../money.ts';
import { timestamp } from '../transactions/view.ts';

/** Somebody that a merchant shares its earnings with: a bank account, and a balance of its own in one currency. */
export interface Beneficiary {
  id: string;
  /** an inactive one is given nothing and paid nothing; what it has can still go back to the merchant */
  status: 'active' | 'inactive';
  name: string;
  /** business or personal number */
  bin: string;
  iban: string;
  bic: string;
  kbe: string | null;
  knp: string | null;
  description: string | null;
  currency: string;
  createdAt: Date;
  updatedAt: Date;
}

const columns = fragment`b.id, b.status, b.name, b.bin, b.iban, b.bic, b.kbe, b.knp, b.description, b.currency, b.created_at as "createdAt", b.updated_at as "updatedAt"`;
/** Its balance is that of its account, which is there from its first posting on. */
const withBalance = fragment`coalesce((select a.balance from account a where a.merchant_id = b.merchant_id and a.id = 'beneficiary:' || b.id || '/' || b.currency), 0) as balance`;

/** A new one, or one as it is after a change: all of it is written. */
export async function storeBeneficiary(tx: Tx, b: Beneficiary): Promise<void> {
  const written = await tx.run(sql`
    insert into beneficiary as b (merchant_id, id, status, name, bin, iban, bic, kbe, knp, description, currency, created_at, updated_at)
    select m.merchant_id, ${b.id}::uuid, ${b.status}, ${b.name}, ${b.bin}, ${b.iban}, ${b.bic}, ${b.kbe}, ${b.knp}, ${b.description}, ${b.currency}, ${b.createdAt}::timestamptz, ${b.updatedAt}::timestamptz
    from merchant m where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, id) do update set status = excluded.status, name = excluded.name, bin = excluded.bin, iban = excluded.iban, bic = excluded.bic, kbe = excluded.kbe, knp = excluded.knp,
      description = excluded.description, updated_at = excluded.updated_at`);
  assert(written === 1, 'the beneficiary was written');
}

/** Those of these that there are. */
export const beneficiariesById = (tx: Tx, ids: string[]): Promise<Beneficiary[]> =>
  tx.rows(sql`select ${columns} from beneficiary b where b.merchant_id = ${tx.merchantId} and b.id = any(${ids}::uuid[])`);

/** The same, under a lock that a change of them waits for: who is given money stays until then what it is. Taken before the books'. */
export const holdBeneficiaries = (tx: Tx, ids: string[]): Promise<Beneficiary[]> =>
  tx.rows(sql`select ${columns} from beneficiary b where b.merchant_id = ${tx.merchantId} and b.id = any(${ids}::uuid[]) order by b.id for share`);

/** @throws {ApiError} 404 */
export async function holdBeneficiary(tx: Tx, id: string): Promise<Beneficiary> {
  const [found] = await holdBeneficiaries(tx, [id]);
  if (!found) throw notFound(`no beneficiary ${id}`);
  return found;
}

/** Locked, to be changed. @throws {ApiError} 404 */
export async function lockBeneficiary(tx: Tx, id: string): Promise<Beneficiary> {
  const found = await tx.maybe<Beneficiary>(sql`select ${columns} from beneficiary b where b.merchant_id = ${tx.merchantId} and b.id = ${id}::uuid for update`);
  if (!found) throw notFound(`no beneficiary ${id}`);
  return found;
}

export type WithBalance = Beneficiary & { balance: Minor };

/** @throws {ApiError} 404 */
export async function readBeneficiary(tx: Tx, id: string): Promise<WithBalance> {
  const found = await tx.maybe<WithBalance>(
    sql`select ${columns}, ${withBalance} from beneficiary b where b.merchant_id = ${tx.merchantId} and b.id = ${id}::uuid`,
  );
  if (!found) throw notFound(`no beneficiary ${id}`);
  return found;
}

/** Newest first. @param status null: all */
export async function listBeneficiaries(tx: Tx, status: string | null, page: number, size: number): Promise<{ beneficiaries: WithBalance[]; total: number }> {
  const [beneficiaries, { total }] = await Promise.all([
    tx.rows<WithBalance>(sql`
      select ${columns}, ${withBalance} from beneficiary b where b.merchant_id = ${tx.merchantId} and (${status}::text is null or b.status = ${status}::text)
      order by b.id desc limit ${size} offset ${(page - 1) * size}`),
    tx.one<{ total: bigint }>(
      sql`select count(*) as total from beneficiary b where b.merchant_id = ${tx.merchantId} and (${status}::text is null or b.status = ${status}::text)`,
    ),
  ]);
  return { beneficiaries, total: Number(total) };
}

export const beneficiaryView = (merchantId: string, { balance, createdAt, updatedAt, ...b }: WithBalance) => ({
  ...{ merchantId, ...b, balance: Number(balance) },
  ...{ createdAt: timestamp(createdAt), updatedAt: timestamp(updatedAt) },
});
