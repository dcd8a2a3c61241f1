-- A merchant's partners: beneficiaries with balances of their own, splits of what comes in, settlement orders that pay them out; and
-- invoices that are paid by bank transfer.

-- A beneficiary's balance is an account like the merchant's own: money that we owe, which never goes below zero.
alter table tolem.account drop constraint account_kind_check;
alter table tolem.account add constraint account_kind_check check (kind in ('available', 'held', 'clearing', 'fees', 'suspense', 'world', 'beneficiary'));
create or replace view audit_v1.account with (security_invoker = true) as
  select a.merchant_id || '/' || a.id as id, a.merchant_id, m.mode, a.currency,
    case a.kind when 'available' then 'merchant' when 'beneficiary' then 'merchant' when 'held' then 'reserve' when 'clearing' then 'clearing' when 'fees' then 'fee' when 'suspense' then 'suspense' else 'external' end as kind,
    a.floor as min_available
  from tolem.account a join tolem.merchant m on m.merchant_id = a.merchant_id;

alter table tolem.merchant add column bin text;

-- tenant: whom a merchant shares what it earns with
create table tolem.beneficiary (
  merchant_id text not null references tolem.merchant (merchant_id),
  id uuid not null,
  status text not null check (status in ('active', 'inactive')),
  name text not null,
  bin text not null,                        -- business or personal number
  iban text not null,
  bic text not null,
  kbe text,                                 -- without it and the next nothing is paid out: the bank asks for both
  knp text,
  description text,
  currency text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (merchant_id, id)
);
call tolem.guard('tolem.beneficiary');

-- A settlement order is a distribution to a beneficiary: the same money on the same way, under another name, from the merchant's
-- balance or from the beneficiary's own.
alter table tolem.distribution
  add column kind text not null default 'distribution' check (kind in ('distribution', 'order')),
  add column beneficiary_id uuid,
  add column source text not null default 'merchant' check (source in ('merchant', 'beneficiary')),
  add constraint distribution_beneficiary check ((kind = 'order') = (beneficiary_id is not null) and (kind = 'order' or source = 'merchant')),
  add foreign key (merchant_id, beneficiary_id) references tolem.beneficiary (merchant_id, id),
  drop constraint distribution_order_reference_merchant_id_key,
  add unique (order_reference, kind, merchant_id);
grant select (kind, beneficiary_id, source) on tolem.distribution to auditor;

-- tenant: what came in for an order, or by one payment, and how much of it was split. Who brings money and who wants it split meet at
-- its row, so that neither misses the other.
create table tolem.income (
  merchant_id text not null references tolem.merchant (merchant_id),
  source text not null,                     -- order/<reference> or payment/<our id>
  currency text not null,
  amount bigint not null check (amount >= 0),
  split bigint not null default 0 check (split between 0 and amount),
  primary key (merchant_id, source, currency)
);
call tolem.guard('tolem.income');

-- tenant: shares of a payment for beneficiaries
create table tolem.split_request (
  merchant_id text not null,                -- a merchant's, through the beneficiaries
  id uuid not null,
  state text not null check (state in ('created', 'processed', 'failed', 'deleted')),
  seq int not null,                         -- of its last transition
  source text not null,                     -- whose income it shares
  currency text not null,
  order_reference text not null,
  transaction_id text,                      -- null: all that comes in for the order
  items jsonb not null,                     -- [{beneficiaryId, amount | basisPoints}], amounts in minor units
  parts bigint[],                           -- what each of them was given
  failure_reason text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (merchant_id, id),
  check ((state = 'processed') = (parts is not null)),
  check ((state = 'failed') = (failure_reason is not null))
) with (fillfactor = 80);
create index split_request_waiting on tolem.split_request (source, currency) where state = 'created';
call tolem.guard('tolem.split_request');

-- tenant: a bill that a company pays by bank transfer, naming its number
create table tolem.invoice (
  merchant_id text not null references tolem.merchant (merchant_id),
  id uuid not null,
  state text not null check (state in ('created', 'paid', 'expired', 'cancelled')),
  seq int not null,                         -- of its last transition
  number text not null,                     -- a creditor reference (ISO 11649) with the merchant's code in it
  order_reference text not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  description text,
  payer_name text not null,
  payer_bin text not null,
  payer_email text,
  payee_name text not null,
  payee_bin text not null,
  payee_iban text not null,
  payee_bic text not null,
  payee_kbe text not null,
  payee_knp text not null,
  payment_purpose text not null,
  line_key text,                            -- the movement on the operator's account that paid it
  bank_reference text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  expires_at timestamptz,
  paid_at timestamptz,
  primary key (merchant_id, id),
  unique (number, merchant_id),
  check ((state = 'paid') = (line_key is not null and paid_at is not null))
) with (fillfactor = 80);
create index invoice_due on tolem.invoice (merchant_id, expires_at) where state = 'created' and expires_at is not null;
call tolem.guard('tolem.invoice');
create policy scan on tolem.invoice for select to tolem_scan using (true);
grant select (merchant_id, id, state, expires_at) on tolem.invoice to tolem_scan;

-- What pays an invoice, or would have, had it not been cancelled; and the bank's own fees, which are nobody's exception.
alter table tolem.bank_line drop constraint bank_line_matched_check;
alter table tolem.bank_line add constraint bank_line_matched_check check (matched in
  ('payment', 'return', 'invoice', 'fee', 'pending', 'amount_differs', 'unknown_reference', 'paid_again', 'back_again', 'reversal', 'credit', 'invoice_cancelled', 'unmatched'));
drop index tolem.bank_line_open;
create unique index bank_line_once on tolem.bank_line (object_id, matched) where matched in ('payment', 'return', 'invoice'); -- a second one is an exception, whoever reads it
create index bank_line_open on tolem.bank_line (seen_at) where matched not in ('payment', 'return', 'invoice', 'fee');

-- Names, accounts and numbers of people stay with the application.
grant select (merchant_id, id, status, currency, created_at, updated_at) on tolem.beneficiary to auditor;
grant select on tolem.income, tolem.split_request to auditor;
grant select (merchant_id, id, state, seq, number, order_reference, amount, currency, line_key, created_at, updated_at, expires_at, paid_at) on tolem.invoice to auditor;

create view audit_v1.recon with (security_invoker = true) as
  select l.line_key as line_id, 'iso20022'::text as processor, case when l.matched in ('payment', 'return') then l.object_id || '/1' end as submission_id, l.amount, l.currency, l.matched as status
  from tolem.bank_line l;
grant select on audit_v1.recon to auditor;
grant select (line_key, matched, object_id, amount, currency) on tolem.bank_line to auditor;

-- Of PostgreSQL 18 on, an index is used without a condition on its first columns ("skip scan"), where a table is believed to be small: then
-- one that names merchant_id late is as tempting as one that begins with it. Those that are not unique do without it.
drop index tolem.payout_reference, tolem.payout_card, tolem.payout_customer, tolem.wallet_authorization_order, tolem.wallet_operation_of;
create index payout_reference on tolem.payout (order_reference) where order_reference is not null;
create index payout_card on tolem.payout (card_token_id, created_at);
create index payout_customer on tolem.payout (customer_id, id);
create index wallet_authorization_order on tolem.wallet_authorization (order_reference, id);
create index wallet_operation_of on tolem.wallet_operation (authorization_id, created_at);

-- As with payouts, what the writing statement itself shows is not looked up again for each row. `tolem verify` looks at it.
alter table tolem.wallet_operation drop constraint wallet_operation_merchant_id_authorization_id_fkey;
alter table tolem.wallet_submission drop constraint wallet_submission_merchant_id_authorization_id_fkey;

-- What came in before there were splits.
do $$
declare
  one text;
begin
  for one in select c.merchant from tolem.merchant_code c loop
    perform set_config('tolem.merchant', one, true);
    insert into tolem.income (merchant_id, source, currency, amount)
      select a.merchant_id, u.source, a.currency, sum(a.captured) from tolem.wallet_authorization a, unnest(array['order/' || a.order_reference, 'payment/' || a.id]) as u (source)
      where a.merchant_id = one and a.captured > 0 group by 1, 2, 3;
  end loop;
  perform set_config('tolem.merchant', '', true);
end $$;
