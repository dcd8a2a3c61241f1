-- The schema, its roles and the two guards that every tenant table gets.
--
-- Roles (made by the migrator, since they belong to the cluster and not to this database):
--   tolem_owner  owns schemas and tables; migrations run as it, and nobody logs in as it
--   tolem_app    what API and worker run as: no owner, no DDL, cannot change a journal
--   tolem_vault  the only role that may read card ciphertexts and wrapped keys
--   tolem_scan   sees which merchants have work due, and nothing else of theirs
--   auditor      reads the audit views, over all merchants
-- Each table is named tenant, look-up or reference, so that a distribution script for a sharded database can be made from this text.

grant usage on schema tolem to tolem_app, tolem_scan;
grant usage on schema vault to tolem_vault;

-- A row belongs to the merchant that the transaction was opened for. Row-level security says so too; this trigger also
-- stands where a sharded engine writes rows past the policies.
create function tolem.own_merchant() returns trigger language plpgsql as $$
begin
  if new.merchant_id is distinct from current_setting('tolem.merchant', true) then
    raise exception 'merchant % may not write a row of merchant %', current_setting('tolem.merchant', true), new.merchant_id
      using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;

-- A journal only grows, whoever writes: the application's role has no UPDATE or DELETE on it, and truncation is refused to all.
create function tolem.only_append() returns trigger language plpgsql as $$
begin
  raise exception '% only grows', tg_table_name using errcode = 'insufficient_privilege';
end $$;

-- guard(table, journal) turns a table into a tenant table: row-level security, forced, and the trigger above.
create procedure tolem.guard(target regclass, journal boolean default false) language plpgsql as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy own on %s using (merchant_id = current_setting(''tolem.merchant'', true)) with check (merchant_id = current_setting(''tolem.merchant'', true))', target);
  execute format('create policy audit on %s for select to auditor using (true)', target);
  execute format('create trigger own_merchant before insert on %s for each row execute function tolem.own_merchant()', target);
  -- One merchant may have most of the rows: no plan may take "all rows of a merchant" for few, whatever the average is.
  execute format('alter table %s alter column merchant_id set (n_distinct = 1)', target);
  if journal then
    execute format('create trigger only_append before truncate on %s for each statement execute function tolem.only_append()', target);
    execute format('grant select, insert on %s to tolem_app', target);
  else
    execute format('grant select, insert, update on %s to tolem_app', target);
  end if;
end $$;

-- reference: facts about this installation. A test platform's clock may be advanced; every process follows.
create table tolem.platform (
  id boolean primary key default true check (id),
  clock_offset_ms bigint not null default 0 check (clock_offset_ms >= 0)
);
insert into tolem.platform default values;
grant select, update on tolem.platform to tolem_app;
