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
    const unknown = [...new Set([...parsed.values()].flatMap((one) => (one && !this.merchants.has(one.merchantCode) ? [one.merchantCode] : [])))];
    if (unknown.length > 0) {
      const rows = await this.db.lookup((q) =>
        q.rows<{ code: string; merchant: string }>(sql`select c.code, c.merchant from merchant_code c where c.code = any(${unknown}::text[])`),
      );
      if (this.merchants.size > 100_000) this.merchants.clear();
      for (const { code, merchant } of rows) this.merchants.set(code, merchant);
    }
    return new Map(
      [...parsed].flatMap(([text, one]): [string, Owner][] => {
        const merchant = one && this.merchants.get(one.merchantCode);
        return one && merchant ? [[text, { merchant, objectId: one.id }]] : [];
      }),
    );
  }
}
