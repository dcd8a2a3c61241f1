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

/** The schema in words, from the catalogue: tables with their columns and constraints, then what belongs to them. */
async function describe(session: Session): Promise<string> {
  const list = async (query: string) => (await session.rows<{ line: string }>(query)).map(({ line }) => line);
  const inOurs = `n.nspname in ('tolem', 'vault', 'audit_v1')`;
  const tables = await session.rows<{ oid: string; name: string }>(
    `select c.oid, n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${inOurs} and c.relkind = 'r' order by 2`,
  );
  const parts: string[] = [];
  for (const { oid, name } of tables) {
    const columns =
      await list(`select format('  %s %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then ' not null' else '' end, coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) as line
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where a.attrelid = ${oid} and a.attnum > 0 and not a.attisdropped order by a.attnum`);
    const constraints = await list(
      `select '  ' || pg_get_constraintdef(oid) as line from pg_constraint where conrelid = ${oid} and contype <> 'n' order by contype <> 'p', contype, conname`,
    );
    const indexes = await list(
      `select pg_get_indexdef(i.indexrelid) as line from pg_index i where i.indrelid = ${oid} and not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid) order by 1`,
    );
    const policies = await list(
      `select format('policy %s for %s to %s', policyname, lower(cmd), array_to_string(roles, ', ')) as line from pg_policies where schemaname || '.' || tablename = '${name}' order by 1`,
    );
    const triggers = await list(`select 'trigger ' || tgname as line from pg_trigger where tgrelid = ${oid} and not tgisinternal order by 1`);
    const grants =
      await list(`select format('grant %s to %s', lower(string_agg(privilege_type, ', ' order by privilege_type)), grantee) as line from information_schema.table_privileges
      where table_schema || '.' || table_name = '${name}' and grantee <> 'tolem_owner' group by grantee order by 1`);
    const columnGrants =
      await list(`select format('grant %s (%s) to %s', lower(p.privilege_type), string_agg(p.column_name, ', ' order by p.column_name), p.grantee) as line from information_schema.column_privileges p
      where p.table_schema || '.' || p.table_name = '${name}' and p.grantee <> 'tolem_owner'
        and not exists (select 1 from information_schema.table_privileges t where (t.table_schema, t.table_name, t.grantee, t.privilege_type) = (p.table_schema, p.table_name, p.grantee, p.privilege_type))
      group by p.grantee, p.privilege_type order by 1`);
    const [{ forced }] = (await session.rows<{ forced: boolean }>(`select relforcerowsecurity as forced from pg_class where oid = ${oid}`)) as [
      { forced: boolean },
    ];
    parts.push(
      [
        `table ${name} (`,
        [...columns, ...constraints].join(',\n'),
        ')',
        ...(forced ? ['row-level security, forced'] : []),
        ...indexes,
        ...policies,
        ...triggers,
        ...grants,
        ...columnGrants,
      ].join('\n'),
    );
  }
  const views = await list(
    `select format(E'view %s.%s as\\n%s', n.nspname, c.relname, pg_get_viewdef(c.oid)) as line from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${inOurs} and c.relkind = 'v' order by 1`,
  );
  const routines = await list(
    `select format('%s %s.%s(%s)', case p.prokind when 'p' then 'procedure' else 'function' end, n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as line from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${inOurs} order by 1`,
  );
  return `${HEAD}\n${[...parts, ...views, routines.join('\n')].join('\n\n')}\n`;
}

test('schema.sql is what the migrations make', async () => {
  const now = await withOwner(await freshDatabase(inject('postgres')), describe);
  if (process.env.UPDATE_SCHEMA) writeFileSync(file, now);
  expect(existsSync(file) ? readFileSync(file, 'utf8') : 'there is no migrations/schema.sql').toBe(now);
});
