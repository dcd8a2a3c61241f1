-- Distributions: from a merchant's balance to a partner's bank account.

-- tenant
create table tolem.distribution (
  merchant_id text not null,                -- a merchant's, through its balance
  id uuid not null,
  state text not null check (state in ('new', 'processing', 'settled', 'rejected', 'failed')),
  seq int not null,                         -- of its last transition
  amount bigint not null check (amount > 0),
  currency text not null,
  order_reference text not null,
  recipient_name text not null,
  recipient_bin text not null,              -- business or personal number
  recipient_iban text not null,
  recipient_bic text not null,
  recipient_kbe text not null,
  recipient_knp text not null,
  payment_purpose text not null,
  balance_before bigint not null,           -- of the merchant's balance, as it was when this one was taken from it
  balance_after bigint not null,
  retrieval_reference_number text,
  error_code text,
  error_message text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  final_at timestamptz,
  primary key (merchant_id, id),
  unique (order_reference, merchant_id),
  check (balance_before - amount = balance_after),
  check ((final_at is not null) = (state in ('settled', 'rejected', 'failed')))
) with (fillfactor = 80);
call tolem.guard('tolem.distribution');
create policy scan on tolem.distribution for select to tolem_scan using (true);
grant select (merchant_id, id) on tolem.distribution to tolem_scan;

-- tenant: the bank gave the money back after it had paid. Its own object; the distribution stays completed.
create table tolem.distribution_return (
  merchant_id text not null,
  id uuid not null,
  distribution_id uuid not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  code text,
  created_at timestamptz not null,
  primary key (merchant_id, id),
  unique (merchant_id, distribution_id),
  foreign key (merchant_id, distribution_id) references tolem.distribution (merchant_id, id)
);
call tolem.guard('tolem.distribution_return');

-- Whom the money goes to is not the auditor's to read: names, accounts and numbers of people stay with the application.
grant select (merchant_id, id, state, seq, amount, currency, balance_before, balance_after, created_at, final_at) on tolem.distribution to auditor;
grant select on tolem.distribution_return to auditor;

create or replace view audit_v1.hold with (security_invoker = true) as
  select p.id::text as id, p.merchant_id || '/held/' || p.currency as account_id, p.id::text as object_id, p.amount + p.fee as amount,
    case when p.state in ('new', 'processing') then 'open' when p.state = 'settled' then 'used' else 'released' end as state
  from tolem.payout p
  union all
  select d.id::text, d.merchant_id || '/held/' || d.currency, d.id::text, d.amount,
    case when d.state in ('new', 'processing') then 'open' when d.state = 'settled' then 'used' else 'released' end
  from tolem.distribution d;

create or replace view audit_v1.payout with (security_invoker = true) as
  select p.id::text as id, p.merchant_id, m.mode, 'card'::text as kind, p.amount, p.currency, p.state, null::text as external_id, p.created_at, p.final_at
  from tolem.payout p join tolem.merchant m on m.merchant_id = p.merchant_id
  union all
  select d.id::text, d.merchant_id, m.mode, 'bank'::text, d.amount, d.currency, d.state, null::text, d.created_at, d.final_at
  from tolem.distribution d join tolem.merchant m on m.merchant_id = d.merchant_id;
