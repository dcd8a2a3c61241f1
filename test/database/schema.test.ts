import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { type Session } from '../../src/db/migrate.ts';
import { withOwner } from '../../src/db/session.ts';
import { root } from '../../src/root.ts';
import { freshDatabase } from '../harness/template.ts';

const file = join(root, 'migrations', 'schema.sql');
const HEAD =
  '-- What the migrations make, read back from the database. Not run by anything; a test keeps it true.\n-- Renew it with: UPDATE_SCHEMA=1 npx vitest run test/database/schema.test.ts\n';

const OURS = `n.nspname in ('tolem', 'vault', 'audit_v1')`;

/** The schema in words, from the catalogue: what is in a table, then what belongs to it; views, routines, and who may enter. */
async function describe(session: Session): Promise<string> {
  const list = async (query: string) => (await session.rows<{ line: string }>(query)).map(({ line }) => line);
  const named = (kind: string) =>
    session.rows<{ oid: string; name: string; options: string }>(
      `select c.oid, n.nspname || '.' || c.relname as name, coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', '') as options
      from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${OURS} and c.relkind = '${kind}' order by 2`,
    );
  const grants = (oid: string) =>
    list(`
      select format('grant %s to %s', lower(string_agg(x.privilege_type, ', ' order by x.privilege_type)), x.grantee::regrole) as line
        from pg_class c, aclexplode(c.relacl) x where c.oid = ${oid} and x.grantee <> c.relowner group by x.grantee
      union all select format('grant %s (%s) to %s', lower(x.privilege_type), string_agg(a.attname, ', ' order by a.attnum), x.grantee::regrole)
        from pg_attribute a, aclexplode(a.attacl) x where a.attrelid = ${oid} group by x.grantee, x.privilege_type
      order by 1`);
  const parts: string[] = [];
  for (const { oid, name, options } of await named('r')) {
    const columns = await list(`
      select format('  %s %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then ' not null' else '' end,
        ' default ' || pg_get_expr(d.adbin, d.adrelid), ' with (' || array_to_string(a.attoptions, ', ') || ')') as line
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where a.attrelid = ${oid} and a.attnum > 0 and not a.attisdropped order by a.attnum`);
    const constraints = await list(
      `select '  ' || pg_get_constraintdef(oid) as line from pg_constraint where conrelid = ${oid} and contype <> 'n' order by contype <> 'p', contype, conname`,
    );
    const belongs = await list(`
      select 'row-level security' || case when relforcerowsecurity then ', forced' else '' end as line from pg_class where oid = ${oid} and relrowsecurity
      union all (select pg_get_indexdef(i.indexrelid) from pg_index i where i.indrelid = ${oid} and not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid) order by 1)
      union all (select format('policy %s for %s to %s using %s%s', policyname, lower(cmd), array_to_string(roles, ', '), qual, ' with check ' || with_check)
        from pg_policies where format('%I.%I', schemaname, tablename)::regclass = ${oid} order by 1)
      union all (select pg_get_triggerdef(t.oid) from pg_trigger t where t.tgrelid = ${oid} and not t.tgisinternal order by 1)`);
    parts.push([`table ${name} (`, [...columns, ...constraints].join(',\n'), `)${options}`, ...belongs, ...(await grants(oid))].join('\n'));
  }
  for (const { oid, name, options } of await named('v')) {
    const [text] = await list(`select pg_get_viewdef(${oid}) as line`);
    parts.push([`view ${name}${options} as`, text, ...(await grants(oid))].join('\n'));
  }
  const routines = await list(
    `select pg_get_functiondef(p.oid) as line from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${OURS} order by p.proname`,
  );
  const schemas = await list(
    `select format('grant %s on schema %s to %s', lower(string_agg(x.privilege_type, ', ' order by x.privilege_type)), n.nspname, x.grantee::regrole) as line
    from pg_namespace n, aclexplode(n.nspacl) x where ${OURS} and x.grantee <> n.nspowner group by n.nspname, x.grantee order by 1`,
  );
  return `${HEAD}\n${[...parts, ...routines.map((text) => text.trim()), schemas.join('\n')].join('\n\n')}\n`;
}

/** The version that writes it: others put brackets elsewhere. */
const WRITER = 18;

test('schema.sql is what the migrations make', async ({ skip }) => {
  const { version, now } = await withOwner(await freshDatabase(inject('postgres')), async (session) => {
    const [row] = await session.rows<{ version: number }>(`select current_setting('server_version_num')::int / 10000 as version`);
    return { version: row?.version, now: await describe(session) };
  });
  if (version !== WRITER) return skip(`schema.sql is written by PostgreSQL ${WRITER}, not ${version}`);
  if (process.env.UPDATE_SCHEMA) writeFileSync(file, now);
  expect(existsSync(file) ? readFileSync(file, 'utf8') : 'there is no migrations/schema.sql').toBe(now);
});
