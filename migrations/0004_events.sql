-- What happened: one row is one change of state of one object, and the event that tells of it. They cannot part.

-- tenant: the merchant's next event number, raised in the transaction that writes the events, so the feed has no gaps
create table tolem.event_counter (
  merchant_id text not null primary key references tolem.merchant (merchant_id),
  next bigint not null default 1
) with (fillfactor = 50);
call tolem.guard('tolem.event_counter');

-- tenant, journal
create table tolem.event (
  merchant_id text not null,                -- a merchant's, through the counter that numbers it
  number bigint not null,
  id uuid not null,
  object_id uuid not null,
  object_seq int not null check (object_seq > 0),
  type text not null,
  from_state text,
  to_state text not null,
  cause text not null,                      -- request, send, call, callback, inquiry, cancel, operator
  body text not null,                       -- what a webhook sends, byte for byte
  at timestamptz not null,
  xact xid8 not null default pg_current_xact_id(),
  primary key (merchant_id, number),
  unique (object_id, object_seq, merchant_id),
  unique (id, merchant_id)
);
call tolem.guard('tolem.event', journal => true);

-- tenant
create table tolem.endpoint (
  merchant_id text not null references tolem.merchant (merchant_id),
  id uuid not null,
  url text not null,
  description text not null default '',
  events text[] not null default '{}',      -- opted in beyond transaction.* and card.saved
  legacy_wrapped_ids boolean not null default false,
  secret bytea not null,                    -- sealed
  previous_secret bytea,                    -- sealed; still signs until previous_until
  previous_until timestamptz,
  enabled boolean not null default true,
  disabled_reason text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (merchant_id, id)
);
call tolem.guard('tolem.endpoint');
create policy scan on tolem.endpoint for select to tolem_scan using (true);
grant select (merchant_id, id) on tolem.endpoint to tolem_scan;

-- tenant
create table tolem.delivery (
  merchant_id text not null,
  endpoint_id uuid not null,
  event_number bigint not null,
  object_id uuid not null,
  object_seq int not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'parked', 'disabled')),
  tries int not null default 0,             -- also the fence: who finishes must still hold the try it began
  failures int not null default 0,          -- tries that failed since it was opened, or opened again by resend or replay
  next_at timestamptz,                      -- when it is due; moved ahead by who takes it, so a crash makes it due again
  in_flight boolean not null default false, -- somebody is trying it, until next_at at the latest
  first_ok_at timestamptz,
  on_request boolean not null default false, -- the merchant asked for it (a replay, a test); the endpoint was not subscribed when the event was made
  created_at timestamptz not null,
  primary key (merchant_id, event_number, endpoint_id), -- in this order no other condition than the whole key finds it tempting
  foreign key (merchant_id, endpoint_id) references tolem.endpoint (merchant_id, id),
  foreign key (merchant_id, event_number) references tolem.event (merchant_id, number),
  check ((state = 'pending') = (next_at is not null))
) with (fillfactor = 70);
create index delivery_due on tolem.delivery (merchant_id, endpoint_id, next_at, event_number) where state = 'pending';
create index delivery_order on tolem.delivery (merchant_id, endpoint_id, object_id, object_seq) where state <> 'delivered';
call tolem.guard('tolem.delivery');
create policy scan on tolem.delivery for select to tolem_scan using (true);
grant select (merchant_id, endpoint_id, state, next_at) on tolem.delivery to tolem_scan;

-- tenant, journal
create table tolem.attempt (
  merchant_id text not null,
  endpoint_id uuid not null,
  event_number bigint not null,
  try int not null,
  at timestamptz not null,
  duration_ms int not null,
  status int,                               -- null: no answer
  answer text,                              -- the first kilobyte
  error text,
  primary key (merchant_id, event_number, endpoint_id, try),
  foreign key (merchant_id, event_number, endpoint_id) references tolem.delivery (merchant_id, event_number, endpoint_id)
);
call tolem.guard('tolem.attempt', journal => true);

-- tenant: a key, the work it stands for and the answer commit together, and stay for ever
create table tolem.idempotency (
  merchant_id text not null,                -- a merchant's: each row is selected from its own
  route text not null,
  key text not null,
  fingerprint bytea not null,               -- SHA-256 of the canonical body
  status int not null,
  body text not null,
  body_sha256 bytea not null,              -- so that an auditor can compare without reading
  object_id uuid,
  created_at timestamptz not null,
  xact xid8 not null default pg_current_xact_id(),
  primary key (merchant_id, route, key)
);
call tolem.guard('tolem.idempotency', journal => true);
