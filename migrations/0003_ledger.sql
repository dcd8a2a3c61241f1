-- The books. A transfer is one row with two sides, so it cannot be unbalanced; what is on its way is an account, not a flag.

-- tenant
create table tolem.account (
  merchant_id text not null references tolem.merchant (merchant_id),
  id text not null,                         -- kind/currency, or clearing:connector/currency
  kind text not null check (kind in ('available', 'held', 'clearing', 'fees', 'suspense', 'world')),
  currency text not null,
  balance bigint not null default 0,        -- minor units
  entries bigint not null default 0,        -- how many entries led to it
  floor bigint,                             -- null: may go below zero (our side of somebody else's money)
  last_at timestamptz not null,             -- time of the last entry: time never goes back within an account
  primary key (merchant_id, id),
  check (balance >= floor)
) with (fillfactor = 50); -- every payout updates two of these rows: leave room to do it in place
call tolem.guard('tolem.account');

-- tenant, journal
create table tolem.transfer (
  merchant_id text not null,
  object_id text not null,                  -- the payout, top-up, return or incident that caused it
  kind text not null,                       -- reserve, settle, release, topup, return, suspense
  ordinal smallint not null default 1,
  line smallint not null default 1,         -- a transaction of several transfers shares the four columns before
  currency text not null,
  amount bigint not null check (amount > 0),
  from_account text not null,
  from_entry bigint not null,
  from_balance bigint not null,             -- after this entry
  to_account text not null,
  to_entry bigint not null,
  to_balance bigint not null,               -- after this entry
  at timestamptz not null,
  xact xid8 not null default pg_current_xact_id(), -- a witness for tests: state, money and event moved together
  primary key (merchant_id, object_id, kind, ordinal, line),
  unique (from_account, from_entry, merchant_id),
  unique (to_account, to_entry, merchant_id),
  foreign key (merchant_id, from_account) references tolem.account (merchant_id, id),
  foreign key (merchant_id, to_account) references tolem.account (merchant_id, id),
  check (from_account <> to_account)
);
call tolem.guard('tolem.transfer', journal => true);
