-- Payments that leave in files, and what the bank says of them in files.

-- What goes into a file is not called for one by one: it waits to be gathered.
alter table tolem.submission drop constraint submission_action_check;
alter table tolem.submission add constraint submission_action_check check (action in ('send', 'ask', 'cancel', 'batch'));
drop index tolem.submission_due;
create index submission_due on tolem.submission (merchant_id, next_at) where next_at is not null and action <> 'batch';
create index submission_batch on tolem.submission (merchant_id, next_at) where next_at is not null and action = 'batch';
grant select (action) on tolem.submission to tolem_scan;

-- tenant: one file for the bank. Its payments are fixed when it is made; the file is published once, whatever crashes:
-- open (nothing can have been published) → staged (a finished file waits under this token) → written (it was moved to the outbox).
create table tolem.bank_batch (
  merchant_id text not null references tolem.merchant (merchant_id),
  id uuid not null,
  message_id text not null,
  state text not null default 'open' check (state in ('open', 'staged', 'written')),
  currency text not null,
  payments int not null check (payments > 0),
  amount bigint not null check (amount > 0),
  requested_on date not null,
  created_at timestamptz not null,
  tries int not null default 0,             -- the fence against a process that woke up too late
  token text,                               -- of the staged file's name
  folder text,                              -- where it was staged: a worker that has another folder leaves it alone
  next_at timestamptz,                      -- when somebody should look after it; null: nobody has to
  bank_status text,                         -- what the bank said of it as a whole
  primary key (merchant_id, id),
  unique (message_id, merchant_id),
  check ((state <> 'open') = (token is not null and folder is not null)),
  check ((state = 'written') = (next_at is null))
);
create index bank_batch_due on tolem.bank_batch (merchant_id, next_at) where next_at is not null;
call tolem.guard('tolem.bank_batch');
create policy scan on tolem.bank_batch for select to tolem_scan using (true);
grant select (merchant_id, next_at) on tolem.bank_batch to tolem_scan;

-- tenant
create table tolem.bank_batch_item (
  merchant_id text not null,
  batch_id uuid not null,
  position int not null,
  payout_id uuid not null,
  reference text not null,                  -- the EndToEndId
  primary key (merchant_id, batch_id, position),
  unique (payout_id, merchant_id),          -- in one file, once
  unique (merchant_id, batch_id, reference),
  foreign key (merchant_id, batch_id) references tolem.bank_batch (merchant_id, id)
);
call tolem.guard('tolem.bank_batch_item');

-- look-up: files of the bank that were read, by their content: under another name it is the same file
create table tolem.bank_file (
  sha256 bytea primary key,
  name text not null,
  message text,
  state text not null check (state in ('reading', 'applied', 'refused')),
  lines int,
  problem text,
  received_at timestamptz not null,
  lease_until timestamptz,
  ended_at timestamptz
);
grant select, insert, update on tolem.bank_file to tolem_app;

-- look-up: what moved on the operator's account, each movement once, in whatever files and messages it is told
create table tolem.bank_line (
  line_key text primary key,
  account text not null,
  statement_id text not null,
  status text not null,
  amount bigint not null,
  currency text not null,
  direction text not null check (direction in ('credit', 'debit')),
  booked_on date,
  bank_reference text,
  end_to_end_id text,
  remittance text not null,
  return_code text,
  matched text not null check (matched in ('payment', 'return', 'pending', 'amount_differs', 'unknown_reference', 'paid_again', 'back_again', 'reversal', 'credit', 'unmatched')),
  merchant text,
  object_id uuid,
  file_sha256 bytea not null,
  seen_at timestamptz not null
);
create index bank_line_open on tolem.bank_line (seen_at) where matched not in ('payment', 'return');
create index bank_line_object on tolem.bank_line (object_id) where object_id is not null;
grant select, insert, update on tolem.bank_line to tolem_app;

-- The operator compares all that was paid through the bank with what the bank says.
create policy scan on tolem.transfer for select to tolem_scan using (true);
grant select (merchant_id, kind, currency, amount, from_account, to_account) on tolem.transfer to tolem_scan;
grant select (connector, phase, resolved_at) on tolem.submission to tolem_scan;
grant select (amount, currency) on tolem.distribution to tolem_scan;
