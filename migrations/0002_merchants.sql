-- Organisations, their merchants (test and live are two merchants of one organisation), keys.

-- reference
create table tolem.organisation (
  id text primary key,
  name text not null check (name <> ''),
  created_at timestamptz not null
);
grant select, insert on tolem.organisation to tolem_app;

-- tenant
create table tolem.merchant (
  merchant_id text not null primary key,
  organisation_id text not null references tolem.organisation (id),
  mode text not null check (mode in ('test', 'live')),
  name text not null,
  code text not null,                       -- eight characters, the head of every reference that a processor sees
  time_zone text not null default 'Asia/Almaty', -- the day that daily limits count by
  store_id text not null,                   -- where a payout that names no store belongs
  terminal_id text not null,
  webhook_token bytea not null,             -- sealed: the Bearer that the merchant's endpoints expect
  requests_per_second int check (requests_per_second > 0), -- null: the platform's default
  created_at timestamptz not null
);
call tolem.guard('tolem.merchant');
create policy scan on tolem.merchant for select to tolem_scan using (true);
grant select (merchant_id) on tolem.merchant to tolem_scan;

-- look-up: which merchant a processor's reference belongs to
create table tolem.merchant_code (
  code text primary key,
  merchant text not null
);
grant select, insert on tolem.merchant_code to tolem_app;

-- tenant
create table tolem.store (
  merchant_id text not null references tolem.merchant (merchant_id),
  id text not null,
  name text not null,
  created_at timestamptz not null,
  primary key (merchant_id, id)
);
call tolem.guard('tolem.store');

-- tenant
create table tolem.terminal (
  merchant_id text not null,
  id text not null,
  store_id text not null,
  name text not null,
  created_at timestamptz not null,
  primary key (merchant_id, id),
  foreign key (merchant_id, store_id) references tolem.store (merchant_id, id)
);
call tolem.guard('tolem.terminal');

-- tenant: what a merchant may do in a currency, and what it costs. No row: no limit, no fee.
create table tolem.terms (
  merchant_id text not null references tolem.merchant (merchant_id),
  currency text not null,
  min_amount bigint not null default 1 check (min_amount >= 1),
  max_amount bigint check (max_amount >= min_amount),
  daily_limit bigint check (daily_limit >= 0),
  card_daily_limit bigint check (card_daily_limit >= 0),
  fee_fixed bigint not null default 0 check (fee_fixed >= 0),
  fee_basis_points int not null default 0 check (fee_basis_points between 0 and 10000),
  primary key (merchant_id, currency)
);
call tolem.guard('tolem.terms');

-- tenant: an API key, token or browser key. The secret itself is nowhere.
create table tolem.api_key (
  merchant_id text not null references tolem.merchant (merchant_id),
  id uuid not null,
  kind text not null check (kind in ('key', 'token', 'client')),
  name text not null default '',
  prefix text not null,
  last4 text not null check (length(last4) = 4),
  verifier text not null check (verifier ~ '^[0-9a-f]{64}$'),
  scopes text[] not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  primary key (merchant_id, id)
);
call tolem.guard('tolem.api_key');

-- look-up: whose key has this SHA-256
create table tolem.key_owner (
  verifier text primary key,
  merchant text not null,
  key_id uuid not null,
  is_live boolean not null default false
);
grant select, insert on tolem.key_owner to tolem_app;
