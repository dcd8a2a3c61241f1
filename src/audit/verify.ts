import pg from 'pg';
import { type Check, checks } from './checks.ts';

export interface Finding {
  check: Check;
  /** how many rows break the rule */
  violations: number;
  /** the first of them */
  sample: unknown[];
}

/**
 * One snapshot of it all, read as the auditor. The views make their ids of several columns, of which the planner knows nothing:
 * it would take two large tables for small ones and read the one again for each row of the other. No loops, then.
 */
const SETTINGS = `begin isolation level repeatable read read only; set local role auditor; set local search_path = audit_v1;
  set local work_mem = '64MB'; set local enable_nestloop = off; set local jit = off`;

/**
 * Asks every rule of a database, in one snapshot, as the auditor: it can write nothing and stops nobody.
 * @param url of the database's owner, or of anybody who may become the auditor
 */
export async function verify(url: string, each: (finding: Finding) => void = () => undefined): Promise<Finding[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'tolem verify' });
  await client.connect();
  try {
    await client.query(SETTINGS);
    const findings: Finding[] = [];
    for (const check of checks) {
      const { rows } = await client.query(
        `with broken as materialized (${check.query}) select (select count(*)::int from broken) as violations, (select json_agg(s) from (select * from broken limit 3) s) as sample`,
      );
      const [{ violations, sample }] = rows as [{ violations: number; sample: unknown[] | null }];
      const finding = { check, violations, sample: sample ?? [] };
      each(finding);
      findings.push(finding);
    }
    return findings;
  } finally {
    await client.end();
  }
}
