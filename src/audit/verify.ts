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
 * Asks every rule of a database, in one snapshot, as the auditor: it can write nothing and stops nobody.
 * @param url of the database's owner, or of anybody who may become the auditor
 */
export async function verify(url: string, each: (finding: Finding) => void = () => undefined): Promise<Finding[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'tolem verify' });
  await client.connect();
  try {
    await client.query(
      `begin isolation level repeatable read read only; set local role auditor; set local search_path = audit_v1; set local work_mem = '64MB'`,
    );
    const findings: Finding[] = [];
    for (const check of checks) {
      const { rows } = await client.query(
        `select count(*)::int as violations, (select json_agg(s) from (select * from (${check.query}) q limit 3) s) as sample from (${check.query}) v`,
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
