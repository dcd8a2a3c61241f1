-- The audit views: plain, with no condition and no function in them, so that whoever checks the books reads what they show.
-- Amounts are minor units, credit is positive. Order and names of columns are a contract with outside checkers.

grant usage on schema audit_v1 to auditor;
grant usage on schema tolem, vault to auditor; -- the policies of the tables let it read all merchants; it has no right to write

create view audit_v1.account with (security_invoker = true) as
  select a.merchant_id || '/' || a.id as id, a.merchant_id, m.mode, a.currency,
    case a.kind when 'available' then 'merchant' when 'held' then 'reserve' when 'clearing' then 'clearing' when 'fees' then 'fee' when 'suspense' then 'suspense' else 'external' end as kind,
    a.floor as min_available
  from tolem.account a join tolem.merchant m on m.merchant_id = a.merchant_id;

create view audit_v1.txn with (security_invoker = true) as
  select distinct t.merchant_id || '/' || t.object_id || '/' || t.kind || '/' || t.ordinal as id, t.at, t.kind, t.object_id, t.ordinal, null::text as reverses_txn_id, t.xact
  from tolem.transfer t;

create view audit_v1.posting with (security_invoker = true) as
  select t.merchant_id || '/' || t.object_id || '/' || t.kind || '/' || t.ordinal || '/' || t.line || '/from' as id,
    t.merchant_id || '/' || t.object_id || '/' || t.kind || '/' || t.ordinal as txn_id, t.merchant_id || '/' || t.from_account as account_id, t.currency, -t.amount as amount
  from tolem.transfer t
  union all
  select t.merchant_id || '/' || t.object_id || '/' || t.kind || '/' || t.ordinal || '/' || t.line || '/to',
    t.merchant_id || '/' || t.object_id || '/' || t.kind || '/' || t.ordinal, t.merchant_id || '/' || t.to_account, t.currency, t.amount
  from tolem.transfer t;

create view audit_v1.balance with (security_invoker = true) as
  select a.merchant_id || '/' || a.id as account_id, a.balance as posted
  from tolem.account a;

-- What a payout may cost is held from its acceptance to its end: the amount and the fee. One that was refused at once held nothing.
create view audit_v1.hold with (security_invoker = true) as
  select p.id::text as id, p.merchant_id || '/held/' || p.currency as account_id, p.id::text as object_id, p.amount + p.fee as amount,
    case when p.state in ('new', 'processing') then 'open' when p.state = 'settled' then 'used' else 'released' end as state
  from tolem.payout p;

create view audit_v1.payout with (security_invoker = true) as
  select p.id::text as id, p.merchant_id, m.mode, 'card'::text as kind, p.amount, p.currency, p.state, null::text as external_id, p.created_at, p.final_at
  from tolem.payout p join tolem.merchant m on m.merchant_id = p.merchant_id;

create view audit_v1.transition with (security_invoker = true) as
  select e.object_id::text as object_id, e.object_seq as seq, e.from_state, e.to_state, e.at, e.cause, e.xact
  from tolem.event e;

create view audit_v1.submission with (security_invoker = true) as
  select s.payout_id || '/' || s.attempt as id, s.payout_id::text as payout_id, s.attempt, s.connector as processor, s.reference as request_ref, s.phase, s.outcome, s.evidence,
    s.prepared_at, s.sent_at, s.resend_until, s.resolved_at
  from tolem.submission s;

create view audit_v1.idem with (security_invoker = true) as
  select i.merchant_id, m.mode, i.route, i.key, i.fingerprint, 'done'::text as state, i.status as http_status, i.body_sha256, i.object_id::text as object_id, i.created_at, null::timestamptz as lease_until, i.xact
  from tolem.idempotency i join tolem.merchant m on m.merchant_id = i.merchant_id;

create view audit_v1.event with (security_invoker = true) as
  select e.id::text as id, e.merchant_id, m.mode, e.object_id::text as object_id, e.object_seq, e.type, e.at, e.xact
  from tolem.event e join tolem.merchant m on m.merchant_id = e.merchant_id;

create view audit_v1.endpoint with (security_invoker = true) as
  select p.id::text as id, p.merchant_id, m.mode, p.url, p.enabled, p.created_at
  from tolem.endpoint p join tolem.merchant m on m.merchant_id = p.merchant_id;

create view audit_v1.delivery with (security_invoker = true) as
  select e.id::text as event_id, d.endpoint_id::text as endpoint_id, d.state, d.tries as attempts, d.first_ok_at, d.next_at, d.on_request
  from tolem.delivery d join tolem.event e on e.merchant_id = d.merchant_id and e.number = d.event_number;

create view audit_v1.callback with (security_invoker = true) as
  select c.id::text as id, c.processor, c.dedupe_key, c.received_at, c.applied_at, c.effects as effect_count
  from tolem.callback c;

create view audit_v1.card_token with (security_invoker = true) as
  select c.id::text as id, c.merchant_id, c.bin, c.last4, c.fingerprint, v.data_key_id::text as dek_id, v.nonce
  from tolem.card_token c left join vault.card v on v.merchant_id = c.merchant_id and v.token_id = c.id;

create view audit_v1.dek with (security_invoker = true) as
  select k.id::text as id, k.kek_id, k.created_at, k.retired_at
  from vault.data_key k;

create view audit_v1.api_key with (security_invoker = true) as
  select k.id::text as id, k.merchant_id, m.mode, k.prefix, k.last4, k.verifier, k.scopes, k.expires_at, k.revoked_at
  from tolem.api_key k join tolem.merchant m on m.merchant_id = k.merchant_id;

grant select on all tables in schema audit_v1 to auditor;
-- What the views read, column by column: the ciphertexts, the sealed secrets and the stored answers are not among it.
grant select on tolem.account, tolem.transfer, tolem.payout, tolem.event, tolem.submission, tolem.delivery, tolem.callback, tolem.card_token, tolem.payout_return, tolem.incident, tolem.attempt, tolem.usage to auditor;
grant select (merchant_id, mode, name, created_at) on tolem.merchant to auditor;
grant select (merchant_id, route, key, fingerprint, status, body_sha256, object_id, created_at, xact) on tolem.idempotency to auditor;
grant select (merchant_id, id, url, enabled, created_at) on tolem.endpoint to auditor;
grant select (merchant_id, id, prefix, last4, verifier, scopes, expires_at, revoked_at) on tolem.api_key to auditor;
grant select (merchant_id, token_id, data_key_id, nonce) on vault.card to auditor;
grant select (merchant_id, id, kek_id, created_at, retired_at) on vault.data_key to auditor;
