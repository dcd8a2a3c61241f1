/** watch.ts: asks the rules of the books while everything falls and rises: they hold at every instant, not only at the end. */
import { checks } from '../../src/audit/checks.ts';
import type { Findings } from './findings.ts';
import type { Database } from './processes.ts';

type Query = <R extends object>(text: string, values?: unknown[]) => Promise<R[]>;

/** As far as a journal had grown, and what it said up to there. */
interface Mark {
  merchant: string;
  upTo: string;
  digest: string;
}

/** What only grows, and by which number: what is older than a look must be the same at the next. */
const journals = [
  {
    name: 'event',
    number: 'e.number',
    from: 'tolem.event e',
    text: `e.number || e.id::text || e.type || e.object_id || e.object_seq || e.to_state || e.at || e.body`,
  },
  {
    name: 'transfer',
    number: 'e.from_entry',
    from: `(select t.*, t.merchant_id || '/' || t.from_account as book from tolem.transfer t) e`,
    text: `e.object_id || e.kind || e.line || e.amount || e.from_balance || e.to_account || e.to_entry || e.to_balance || e.at`,
  },
] as const;

export class Watch {
  /** whole looks, and those that the database's end cut short */
  looks = 0;
  cutShort = 0;
  private readonly marks = new Map<string, Mark[]>();

  constructor(
    private readonly database: Database,
    private readonly findings: Findings,
  ) {}

  /** One look. Does nothing when the database is away. */
  async look(): Promise<void> {
    try {
      await this.database.asked(
        (query) => this.rules(query),
        'begin isolation level repeatable read read only; set local role auditor; set local search_path = audit_v1',
      );
      await this.database.asked((query) => this.history(query), 'begin isolation level repeatable read read only');
      this.looks++;
    } catch (error) {
      if (error instanceof TypeError) throw error; // a mistake of ours
      this.cutShort++;
    }
  }

  /** Every rule of the product's own list, in one snapshot. */
  private async rules(query: Query): Promise<void> {
    for (const { id, rule, query: text } of checks) {
      const rows = await query(`select * from (${text}) broken limit 5`);
      this.findings.check(id, rows.length === 0, () => `${rule}: ${JSON.stringify(rows)}`);
    }
  }

  /** INV-09: what was written stays as it was, and nothing of it goes. */
  private async history(query: Query): Promise<void> {
    for (const { name, number, from, text } of journals) {
      const book = name === 'transfer' ? 'e.book' : 'e.merchant_id';
      const digest = `md5(string_agg(md5(${text}), '' order by ${number}))`;
      for (const { merchant, upTo, digest: before } of this.marks.get(name) ?? []) {
        const [row] = await query<{ digest: string | null }>(`select ${digest} as digest from ${from} where ${book} = $1 and ${number} <= $2`, [
          merchant,
          upTo,
        ]);
        this.findings.check('INV-09', row?.digest === before, () => `the journal ${name} of ${merchant} up to ${upTo} is not what it was`);
      }
      this.marks.set(name, await query<Mark>(`select ${book} as merchant, max(${number})::text as "upTo", ${digest} as digest from ${from} group by 1`));
    }
  }
}
