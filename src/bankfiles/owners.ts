import type { Db } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { parseProcessorReference } from '../ids.ts';

/** Whose a reference is. */
export interface Owner {
  merchant: string;
  objectId: string;
}

/** Finds out whose references are: they name their merchant by a code. Codes never change, so those that were met are remembered. */
export class Owners {
  private readonly db: Db;
  private readonly merchants = new Map<string, string>();

  constructor(db: Db) {
    this.db = db;
  }

  async of(references: (string | null)[]): Promise<Map<string, Owner>> {
    const parsed = new Map(references.flatMap((text) => (text === null ? [] : [[text, parseProcessorReference(text)] as const])));
    const merchants = await this.ofCodes([...parsed.values()].flatMap((one) => (one ? [one.merchantCode] : [])));
    return new Map(
      [...parsed].flatMap(([text, one]): [string, Owner][] => {
        const merchant = one && merchants.get(one.merchantCode);
        return one && merchant ? [[text, { merchant, objectId: one.id }]] : [];
      }),
    );
  }

  /** The merchants of these codes, by code. */
  async ofCodes(codes: string[]): Promise<Map<string, string>> {
    const wanted = [...new Set(codes)];
    const found = new Map(wanted.flatMap((code) => (this.merchants.has(code) ? [[code, this.merchants.get(code) as string] as const] : [])));
    const unknown = wanted.filter((code) => !found.has(code));
    if (unknown.length === 0) return found;
    const rows = await this.db.lookup((q) =>
      q.rows<{ code: string; merchant: string }>(sql`select c.code, c.merchant from merchant_code c where c.code = any(${unknown}::text[])`),
    );
    if (this.merchants.size > 100_000) this.merchants.clear();
    for (const { code, merchant } of rows) {
      found.set(code, merchant);
      this.merchants.set(code, merchant);
    }
    return found;
  }
}
