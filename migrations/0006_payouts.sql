-- Payouts to saved cards.
--
-- Only keys begin with merchant_id; other indexes and unique constraints of the big tables name it later. A planner that has no
-- statistics yet takes any index that begins with merchant_id for as good as the key, and a plan made while a table is empty
-- stays with a connection: look-ups by key then read all rows of the merchant.

-- tenant
create table tolem.payout (
  merchant_id text not null,                -- a merchant's, through the card
  id uuid not null,
  state text not null check (state in ('new', 'processing', 'settled', 'rejected', 'failed')),
  seq int not null,                         -- of its last transition
  amount bigint not null check (amount > 0),
  fee bigint not null check (fee >= 0),
  currency text not null,
  card_token_id uuid not null,
  customer_id uuid not null,
  brand text not null,                      -- the card as it was when the payout was asked for
  bin text not null,
  last4 text not null,
  order_reference text,
  description text,
  store_id text not null,
  terminal_id text not null,
  retrieval_reference_number text,
  error_code text,
  error_message text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  final_at timestamptz,
  primary key (merchant_id, id),
  foreign key (merchant_id, card_token_id) references tolem.card_token (merchant_id, id),
  foreign key (merchant_id, customer_id) references tolem.customer (merchant_id, id),
  check ((final_at is not null) = (state in ('settled', 'rejected', 'failed')))
) with (fillfactor = 80);
create index payout_reference on tolem.payout (order_reference, merchant_id) where order_reference is not null;
create index payout_card on tolem.payout (card_token_id, merchant_id, created_at);
create index payout_customer on tolem.payout (customer_id, merchant_id, id);
call tolem.guard('tolem.payout');

-- tenant: what is asked of a processor, and what is known of its answer. Also the work queue of sending and asking.
create table tolem.submission (
  merchant_id text not null,
  payout_id uuid not null,
  attempt smallint not null default 1,
  connector text not null,
  reference text not null,                  -- the processor's name for it: one for life
  action text not null default 'send' check (action in ('send', 'ask', 'cancel')), -- what is to be done next
  phase text not null default 'prepared' check (phase in ('prepared', 'sent')),
  outcome text not null default 'pending' check (outcome in ('pending', 'accepted', 'settled', 'declined', 'not_executed', 'unknown')),
  evidence text,
  prepared_at timestamptz not null,
  sent_at timestamptz,
  resend_until timestamptz,                 -- the processor remembers the reference until then; later it would pay again
  absent_after timestamptz,                 -- "not known" means something only later than this
  resolved_at timestamptz,
  tries int not null default 0,
  next_at timestamptz,                      -- when somebody should look after it; null: nobody has to
  note text,                                -- the last thing that was learned, for the operator
  primary key (merchant_id, payout_id, attempt),
  unique (reference, merchant_id),
  foreign key (merchant_id, payout_id) references tolem.payout (merchant_id, id),
  check (sent_at >= prepared_at),
  check ((phase = 'sent') = (sent_at is not null))
) with (fillfactor = 70);
create index submission_due on tolem.submission (merchant_id, next_at) where next_at is not null;
call tolem.guard('tolem.submission');
create policy scan on tolem.submission for select to tolem_scan using (true);
grant select (merchant_id, payout_id, reference, outcome, sent_at, next_at, note) on tolem.submission to tolem_scan; -- the operator lists what nobody knows

-- tenant: what was accepted on a day, for the daily limit
create table tolem.usage (
  merchant_id text not null references tolem.merchant (merchant_id),
  currency text not null,
  day date not null,
  amount bigint not null check (amount >= 0),
  primary key (merchant_id, currency, day)
) with (fillfactor = 50);
call tolem.guard('tolem.usage');

-- tenant, journal: each callback is applied once
create table tolem.callback (
  merchant_id text not null references tolem.merchant (merchant_id),
  id uuid not null,
  processor text not null,
  dedupe_key text not null,
  received_at timestamptz not null,
  applied_at timestamptz not null,
  effects int not null,
  primary key (merchant_id, processor, dedupe_key)
);
call tolem.guard('tolem.callback', journal => true);

-- tenant: the bank gave the money back after it had paid. Its own object; the payout stays settled.
create table tolem.payout_return (
  merchant_id text not null,
  id uuid not null,
  payout_id uuid not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  code text,
  created_at timestamptz not null,
  primary key (merchant_id, id),
  unique (merchant_id, payout_id),
  foreign key (merchant_id, payout_id) references tolem.payout (merchant_id, id)
);
call tolem.guard('tolem.payout_return');

-- tenant: what only a person can settle
create table tolem.incident (
  merchant_id text not null references tolem.merchant (merchant_id),
  id uuid not null,
  object_id uuid not null,
  kind text not null,
  detail text not null,
  opened_at timestamptz not null,
  closed_at timestamptz,
  primary key (merchant_id, id),
  unique (merchant_id, object_id, kind)
);
call tolem.guard('tolem.incident');
create policy scan on tolem.incident for select to tolem_scan using (true);
grant select on tolem.incident to tolem_scan;
create policy scan on tolem.payout for select to tolem_scan using (true);
grant select (merchant_id, id) on tolem.payout to tolem_scan;
