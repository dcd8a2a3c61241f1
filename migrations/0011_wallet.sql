-- Wallet payments: a customer's consent first (the authorization), the money later (captures), what remains let go (cancels), and
-- money back (refunds).
--
-- In the books. A consent moves no money: it is a promise between the customer and the wallet's bank, and stands in the row of the
-- authorization, not in an account. A capture that was carried out is money that the processor owes us and we owe the merchant:
-- clearing:<connector> → available, in the transaction that learns of it and never before. A refund is paid by the merchant:
-- available → held when it is accepted (it is refused where the balance does not cover it), held → clearing:<connector> when it
-- was carried out, held → available when it was declined. A cancel moves nothing. What the processor says against that goes from
-- or to suspense, and to a person.

-- tenant: a customer's consent, and how much of it is spoken for
create table tolem.wallet_authorization (
  merchant_id text not null,                -- a merchant's: each row is selected from its own
  id uuid not null,
  state text not null check (state in ('new', 'processing', 'success', 'failed')), -- success: authorised
  seq int not null,                         -- of its last event
  version int not null default 1,           -- of its last change, told or not: who writes it has read the one before
  amount bigint not null check (amount > 0),
  currency text not null,
  order_reference text not null,
  connector text not null,
  reference text not null,                  -- the processor's name for it: one for life
  person bytea,                             -- sealed: phone and personal number; gone as soon as nobody has to be asked with them
  capturing bigint not null default 0,      -- accepted, and nobody knows yet
  captured bigint not null default 0,       -- carried out
  cancelling bigint not null default 0,
  cancelled bigint not null default 0,
  refunding bigint not null default 0,
  refunded bigint not null default 0,
  retrieval_reference_number text,
  authorization_code text,
  error_code text,
  error_message text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  final_at timestamptz,
  expires_at timestamptz,                   -- later than this nothing more is captured
  lapse_at timestamptz,                     -- when what remains is to be cancelled; null: nothing remains
  primary key (merchant_id, id),
  unique (reference, merchant_id),
  check (least(capturing, captured, cancelling, cancelled, refunding, refunded) >= 0),
  check (capturing + captured + cancelling + cancelled <= amount),
  check (refunding + refunded <= captured),
  check (state = 'success' or capturing + captured + cancelling + cancelled = 0),
  check ((final_at is not null) = (state in ('success', 'failed'))),
  check ((expires_at is not null) = (state = 'success')),
  check (person is null or state in ('new', 'processing'))
) with (fillfactor = 60);
create index wallet_authorization_order on tolem.wallet_authorization (order_reference, merchant_id, id);
create index wallet_authorization_lapse on tolem.wallet_authorization (merchant_id, lapse_at) where lapse_at is not null;
call tolem.guard('tolem.wallet_authorization');
create policy scan on tolem.wallet_authorization for select to tolem_scan using (true);
grant select (merchant_id, id, lapse_at) on tolem.wallet_authorization to tolem_scan;

-- tenant: what is done with an authorization, each time a part of it
create table tolem.wallet_operation (
  merchant_id text not null,                -- a merchant's, through the authorization
  id uuid not null,
  authorization_id uuid not null,
  kind text not null check (kind in ('capture', 'cancel', 'refund')),
  amount bigint not null check (amount > 0),
  state text not null check (state in ('pending', 'done', 'failed')),
  cause text not null check (cause in ('request', 'expiry')),
  idempotency_key text,
  retrieval_reference_number text,
  error_code text,
  error_message text,
  created_at timestamptz not null,
  final_at timestamptz,
  primary key (merchant_id, id),
  foreign key (merchant_id, authorization_id) references tolem.wallet_authorization (merchant_id, id),
  check ((final_at is not null) = (state in ('done', 'failed')))
) with (fillfactor = 70);
create index wallet_operation_of on tolem.wallet_operation (authorization_id, merchant_id, created_at);
call tolem.guard('tolem.wallet_operation');

-- tenant: what is asked of the processor, and what is known of its answer. Also the work queue of sending and asking.
create table tolem.wallet_submission (
  merchant_id text not null,                -- a merchant's, through the authorization
  id uuid not null,                         -- of the authorization or of the operation that it asks for
  authorization_id uuid not null,
  kind text not null check (kind in ('authorize', 'capture', 'cancel', 'refund')),
  amount bigint not null check (amount > 0),
  connector text not null,
  reference text not null,                  -- the processor's name for it: one for life
  action text not null default 'send' check (action in ('send', 'ask')), -- what is to be done next
  phase text not null default 'prepared' check (phase in ('prepared', 'sent')),
  outcome text not null default 'pending' check (outcome in ('pending', 'accepted', 'done', 'declined', 'not_executed', 'unknown')),
  evidence text,
  prepared_at timestamptz not null,
  sent_at timestamptz,                      -- the last time
  resend_until timestamptz,                 -- the processor remembers the reference until then; later it would do it again
  absent_after timestamptz,                 -- "not known" means something only later than this
  resolved_at timestamptz,
  tries int not null default 0,
  next_at timestamptz,                      -- when somebody should look after it; null: nobody has to
  note text,                                -- the last thing that was learned, for the operator
  primary key (merchant_id, id),
  unique (reference, merchant_id),
  foreign key (merchant_id, authorization_id) references tolem.wallet_authorization (merchant_id, id),
  check ((kind = 'authorize') = (id = authorization_id)),
  check (sent_at >= prepared_at),
  check ((phase = 'sent') = (sent_at is not null))
) with (fillfactor = 70);
create index wallet_submission_due on tolem.wallet_submission (merchant_id, next_at) where next_at is not null;
call tolem.guard('tolem.wallet_submission');
create policy scan on tolem.wallet_submission for select to tolem_scan using (true);
grant select (merchant_id, id, authorization_id, kind, reference, outcome, sent_at, next_at, note) on tolem.wallet_submission to tolem_scan;

create view audit_v1.wallet_auth with (security_invoker = true) as
  select a.id::text as id, a.merchant_id, m.mode, a.amount, a.currency, a.state
  from tolem.wallet_authorization a join tolem.merchant m on m.merchant_id = a.merchant_id;

create view audit_v1.wallet_op with (security_invoker = true) as
  select o.id::text as id, o.authorization_id::text as auth_id, o.kind, o.amount, o.state, o.idempotency_key as idem_key
  from tolem.wallet_operation o;

-- A refund is held until it is known; the other operations hold nothing of the merchant's.
create or replace view audit_v1.hold with (security_invoker = true) as
  select p.id::text as id, p.merchant_id || '/held/' || p.currency as account_id, p.id::text as object_id, p.amount + p.fee as amount,
    case when p.state in ('new', 'processing') then 'open' when p.state = 'settled' then 'used' else 'released' end as state
  from tolem.payout p
  union all
  select d.id::text, d.merchant_id || '/held/' || d.currency, d.id::text, d.amount,
    case when d.state in ('new', 'processing') then 'open' when d.state = 'settled' then 'used' else 'released' end
  from tolem.distribution d
  union all
  select o.id::text, o.merchant_id || '/held/' || a.currency, o.id::text, case when o.kind = 'refund' then o.amount else 0 end,
    case when o.state = 'pending' then 'open' when o.state = 'done' then 'used' else 'released' end
  from tolem.wallet_operation o join tolem.wallet_authorization a on a.merchant_id = o.merchant_id and a.id = o.authorization_id;

grant select on audit_v1.wallet_auth, audit_v1.wallet_op to auditor;
grant select on tolem.wallet_operation, tolem.wallet_submission to auditor;
-- All but the person.
grant select (merchant_id, id, state, seq, version, amount, currency, order_reference, connector, reference, capturing, captured, cancelling, cancelled, refunding, refunded,
  retrieval_reference_number, authorization_code, error_code, error_message, created_at, updated_at, final_at, expires_at, lapse_at) on tolem.wallet_authorization to auditor;
