/** What a database of several machines would ask of the schema, read from the catalogue: scaling.md, rules 1, 2, 9, 10, 13, 14, 15, 20. */
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { freshDatabase } from '../harness/template.ts';
import { ourMigrations, tenantTables } from './migrations.fixture.ts';

let owner: pg.Client;
beforeAll(async () => {
  owner = new pg.Client({ connectionString: await freshDatabase(inject('postgres')) });
  await owner.connect();
});
afterAll(() => owner.end());

/** Each finds what breaks a rule, in the words of who has to mend it. */
const rules: Record<string, string> = {
  'a tenant’s table has a primary key that begins with merchant_id': `
    select t.name from tenant t where not exists (select 1 from pg_index i where i.indrelid = t.oid and i.indisprimary and i.indkey[0] = t.merchant)`,
  'merchant_id is text, never null, and has no default': `
    select t.name from tenant t join pg_attribute a on a.attrelid = t.oid and a.attnum = t.merchant where not a.attnotnull or a.atttypid <> 'text'::regtype or a.atthasdef`,
  // Not first in each: a planner without statistics takes any index that begins with it for as good as the key (migrations/0006_payouts.sql).
  'every unique index of a tenant’s table names merchant_id': `
    select i.indexrelid::regclass::text from tenant t join pg_index i on i.indrelid = t.oid where i.indisunique and not t.merchant = any (i.indkey)`,
  'every reference to a tenant’s table begins with merchant_id, on both sides': `
    select k.conname from pg_constraint k join tenant t on t.oid = k.confrelid left join tenant f on f.oid = k.conrelid
    where k.contype = 'f' and (f.oid is null or k.conkey[1] <> f.merchant or k.confkey[1] <> t.merchant)`,
  'row-level security is on, and forced': `select t.name from tenant t join pg_class c on c.oid = t.oid where not (c.relrowsecurity and c.relforcerowsecurity)`,
  'the policy for everybody goes by the setting of the transaction': `
    select t.name from tenant t where not exists (select 1 from pg_policies p where format('%I.%I', p.schemaname, p.tablename)::regclass = t.oid and p.policyname = 'own' and p.roles = '{public}' and p.cmd = 'ALL'
      and p.qual = '(merchant_id = current_setting(''tolem.merchant''::text, true))' and p.with_check = p.qual)`,
  'policies without a condition are for reading, and for the auditor, the scanner and the vault alone': `
    select format('%s on %s', policyname, tablename) from pg_policies where schemaname in ('tolem', 'vault') and policyname <> 'own' and (cmd <> 'SELECT' or not roles <@ '{auditor,tolem_scan,tolem_vault}')`,
  'an insert of another merchant’s row is refused by a trigger too': `
    select t.name from tenant t where not exists (select 1 from pg_trigger g where g.tgrelid = t.oid and g.tgfoid = 'tolem.own_merchant'::regproc and g.tgtype = 7 and g.tgenabled = 'O')`, // before insert, for each row
  'a journal is not truncated': `
    select t.name from tenant t where not has_table_privilege('tolem_app', t.oid, 'update') and has_table_privilege('tolem_app', t.oid, 'insert')
      and not exists (select 1 from pg_trigger g where g.tgrelid = t.oid and g.tgfoid = 'tolem.only_append'::regproc and g.tgtype = 34 and g.tgenabled = 'O')`, // before truncate
  'triggers only refuse: there are these two': `
    select tgname from pg_trigger g join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('tolem', 'vault') and not g.tgisinternal and g.tgfoid not in ('tolem.own_merchant'::regproc, 'tolem.only_append'::regproc)`,
  'their functions touch no row, and no other functions are there': `
    select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('tolem', 'vault', 'audit_v1')
      and not (p.proname in ('own_merchant', 'only_append') and p.prosrc !~* '\\m(select|insert into|update|delete from|perform)\\M') and p.proname <> 'guard'`,
  'nothing is deferrable': `select conname from pg_constraint k join pg_namespace n on n.oid = k.connamespace where n.nspname in ('tolem', 'vault') and k.condeferrable`,
  'nothing happens on delete': `select conname from pg_constraint k join pg_namespace n on n.oid = k.connamespace where n.nspname in ('tolem', 'vault') and k.contype = 'f' and (k.confdeltype <> 'a' or k.confupdtype <> 'a')`,
  'no sequence': `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('tolem', 'vault') and c.relkind = 'S'`,
  'no identity': `select attname from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('tolem', 'vault') and a.attidentity <> ''`,
  'a transaction id is a witness: no key, index, condition or reference has it': `
    select i.indexrelid::regclass::text from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attname = 'xact' where a.attnum = any (i.indkey)
    union all select k.conname from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attname = 'xact' where a.attnum = any (k.conkey) and k.contype <> 'n'`,
  'no default is volatile but that witness': `
    select format('%s.%s', d.adrelid::regclass, a.attname) from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum join pg_class c on c.oid = d.adrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('tolem', 'vault') and pg_get_expr(d.adbin, d.adrelid) ~ '\\(' and a.attname not in ('xact', 'applied_at')`,
  'the application owns nothing': `select c.relname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname in ('tolem_app', 'tolem_vault', 'tolem_scan', 'auditor')`,
  'views see what their reader may see': `
    select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('tolem', 'audit_v1') and c.relkind = 'v' and not coalesce(c.reloptions, '{}') @> '{security_invoker=true}'`,
};
const tenant = `with tenant as (
  select c.oid, c.oid::regclass::text as name, a.attnum as merchant from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attname = 'merchant_id' and not a.attisdropped
  where n.nspname in ('tolem', 'vault') and c.relkind = 'r')`;

const complaints = async (rule: string): Promise<string[]> =>
  (await owner.query({ text: `${tenant} ${rules[rule]}`, rowMode: 'array' })).rows.map(([what]) => String(what));

test.each(Object.keys(rules))('%s', async (rule) => expect(await complaints(rule)).toEqual([]));

test('each table is named tenant, look-up or reference where it is made, and is what it is named', async () => {
  const { rows } = await owner.query<{ name: string; is_tenant: boolean }>(`
    select c.oid::regclass::text as name, exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'merchant_id') as is_tenant
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('tolem', 'vault') and c.relkind = 'r' and c.relname <> 'migration' order by 1`);
  expect(rows.filter(({ is_tenant }) => is_tenant).map(({ name }) => name)).toEqual((await tenantTables()).toSorted());
  const others = (await ourMigrations()).flatMap(({ text }) =>
    [...text.matchAll(/-- (?:look-up|reference)[^\n]*\n(?:--[^\n]*\n)*create table ([a-z_.]+)/g)].map(([, name]) => name),
  );
  expect(rows.filter(({ is_tenant }) => !is_tenant).map(({ name }) => name)).toEqual(others.toSorted());
});

const good = 'merchant_id text not null, id uuid not null, primary key (merchant_id, id)';
test.each([
  [
    'a tenant’s table has a primary key that begins with merchant_id',
    'create table tolem.w (merchant_id text not null, id uuid, primary key (id, merchant_id))',
  ],
  ['merchant_id is text, never null, and has no default', 'create table tolem.w (merchant_id uuid not null, id uuid, primary key (merchant_id, id))'],
  ['every unique index of a tenant’s table names merchant_id', `create table tolem.w (${good}); create unique index on tolem.w (id) where id is not null`],
  [
    'every reference to a tenant’s table begins with merchant_id, on both sides',
    `create unique index u on tolem.payout (id); create table tolem.w (${good}, payout_id uuid references tolem.payout (id))`,
  ],
  ['row-level security is on, and forced', `create table tolem.w (${good}); alter table tolem.w enable row level security`],
  ['the policy for everybody goes by the setting of the transaction', `create table tolem.w (${good}); create policy own on tolem.w using (true)`],
  [
    'policies without a condition are for reading, and for the auditor, the scanner and the vault alone',
    'create policy wide on tolem.payout for select to tolem_app using (true)',
  ],
  ['an insert of another merchant’s row is refused by a trigger too', 'drop trigger own_merchant on tolem.payout'],
  ['a journal is not truncated', 'drop trigger only_append on tolem.transfer'],
  [
    'triggers only refuse: there are these two',
    `create function tolem.w() returns trigger language plpgsql as 'begin return new; end'; create trigger w after insert on tolem.payout for each row execute function tolem.w()`,
  ],
  ['their functions touch no row, and no other functions are there', `create function tolem.w() returns int language sql as 'select 1'`],
  ['nothing is deferrable', 'alter table tolem.terms add constraint w unique (merchant_id, fee_fixed) deferrable'],
  ['nothing happens on delete', 'alter table tolem.terms add constraint w foreign key (merchant_id) references tolem.merchant on delete cascade'],
  ['no sequence', 'create sequence tolem.w'],
  ['no identity', 'alter table tolem.terms add column w int generated always as identity'],
  ['a transaction id is a witness: no key, index, condition or reference has it', 'create index on tolem.event (merchant_id, xact)'],
  ['no default is volatile but that witness', 'alter table tolem.terms add column w timestamptz default now()'],
  ['the application owns nothing', 'alter table tolem.terms owner to tolem_app'],
  ['views see what their reader may see', 'create view tolem.w as select merchant_id from tolem.payout'],
])('…and %s: found when it is not so', async (rule, wrong) => {
  await owner.query('begin');
  await owner.query(wrong);
  const found = await complaints(rule);
  await owner.query('rollback');
  expect(found.length).toBeGreaterThan(0);
});
