import type { Tx } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { type Sealer, sha256 } from '../sealing.ts';

/** Whose wallet it is. Personal data: sealed where it is stored, and in no log, event, answer or error. */
export interface Person {
  /** E.164 */
  phone: string;
  /** personal number, 12 digits */
  iin: string;
}

const ownerOf = (authorizationId: string): string => `wallet/${authorizationId}`;

export const sealPerson = (sealer: Sealer, { phone, iin }: Person, authorizationId: string): Buffer =>
  sealer.seal(Buffer.from(JSON.stringify({ phone, iin })), ownerOf(authorizationId));

/** Puts the people of a merchant who are still to be asked under the present master key. @returns how many */
export async function resealPeople(tx: Tx, sealer: Sealer): Promise<number> {
  const sealed = await tx.rows<{ id: string; person: Buffer }>(
    sql`select a.id, a.person from wallet_authorization a where a.merchant_id = ${tx.merchantId} and a.person is not null order by a.id for update`,
  );
  for (const { id, person } of sealed)
    await tx.run(sql`
      update wallet_authorization as a set person = ${sealPerson(sealer, openPerson(sealer, person, id), id)}, version = a.version + 1
      where a.merchant_id = ${tx.merchantId} and a.id = ${id}::uuid`);
  return sealed.length;
}

/** @throws when it does not open */
export const openPerson = (sealer: Sealer, sealed: Buffer, authorizationId: string): Person =>
  JSON.parse(sealer.open(sealed, ownerOf(authorizationId)).toString()) as Person;

/**
 * What an Idempotency-Key remembers of a person: 16 bits. Enough to notice another person under the same key (but for one in
 * 65,536, who is answered what was answered before), too little to find out who it was by trying them all.
 */
export const traceOf = ({ phone, iin }: Person): string => sha256(`${phone} ${iin}`).toString('hex').slice(0, 4);
