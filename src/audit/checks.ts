/** A rule of the books as a query that finds what breaks it. Each reads the audit views alone and returns no row. */
export interface Check {
  id: string;
  rule: string;
  query: string;
}

const check = (id: string, rule: string, query: string): Check => ({ id, rule, query });

/** Every rule that can be asked of a database at any instant. */
export const checks: Check[] = [
  check('INV-01', 'each transaction balances in each currency', `select txn_id, currency from audit_v1.posting group by 1, 2 having sum(amount) <> 0`),
  check(
    'INV-02',
    'a transaction has at least two postings, none of them zero',
    `select t.id from audit_v1.txn t left join audit_v1.posting p on p.txn_id = t.id group by 1 having count(p.id) < 2 or bool_or(p.amount = 0)`,
  ),
  check(
    'INV-03',
    'a posting has the currency of its account',
    `select p.id from audit_v1.posting p join audit_v1.account a on a.id = p.account_id where p.currency <> a.currency`,
  ),
  check(
    'INV-04',
    'all money sums to zero in each currency and mode',
    `select a.mode, p.currency from audit_v1.posting p join audit_v1.account a on a.id = p.account_id group by 1, 2 having sum(p.amount) <> 0`,
  ),
  check(
    'INV-05',
    'a stored balance is the sum of its postings',
    `select b.account_id from audit_v1.balance b left join (select account_id, sum(amount) s from audit_v1.posting group by account_id) x using (account_id) where b.posted <> coalesce(x.s, 0)`,
  ),
  check(
    'INV-05b',
    'the balance after each entry is the one before it and the entry',
    `
    select account, entry from (
      select e.*, sum(amount) over (partition by merchant_id, account order by entry) as running, row_number() over (partition by merchant_id, account order by entry) as n
      from (select merchant_id, from_account as account, from_entry as entry, -amount as amount, from_balance as balance from tolem.transfer
            union all select merchant_id, to_account, to_entry, amount, to_balance from tolem.transfer) e) r
    where running <> balance or n <> entry`,
  ),
  check(
    'INV-06',
    'what is held is the sum of open holds',
    `
    select a.id from audit_v1.account a join audit_v1.balance b on b.account_id = a.id
    left join (select account_id, sum(amount) s from audit_v1.hold where state = 'open' group by account_id) h on h.account_id = a.id
    where a.kind = 'reserve' and b.posted <> coalesce(h.s, 0)`,
  ),
  check(
    'INV-07',
    'no account is below its floor',
    `select a.id from audit_v1.account a join audit_v1.balance b on b.account_id = a.id where a.min_available is not null and b.posted < a.min_available`,
  ),
  check(
    'INV-10',
    'state and postings of a payout agree',
    `
    select p.id from audit_v1.payout p left join (select object_id, string_agg(kind, '+' order by case kind when 'reserve' then 1 else 2 end, ordinal) k from audit_v1.txn group by 1) x on x.object_id = p.id
    where (p.state, coalesce(x.k, '')) not in (('new', 'reserve'), ('processing', 'reserve'), ('settled', 'reserve+settle'), ('rejected', ''), ('rejected', 'reserve+release'), ('failed', 'reserve+release'))`,
  ),
  check(
    'INV-10b',
    'a payout reserved, settled or released exactly its amount and its fee',
    `
    select p.id, t.kind from tolem.payout p join tolem.transfer t on t.merchant_id = p.merchant_id and t.object_id = p.id::text
    group by p.id, p.amount, p.fee, t.kind having sum(t.amount) <> p.amount + p.fee
    union all select d.id, t.kind from tolem.distribution d join tolem.transfer t on t.merchant_id = d.merchant_id and t.object_id = d.id::text
    group by d.id, d.amount, t.kind having sum(t.amount) <> d.amount`,
  ),
  check(
    'INV-10c',
    'an invoice is paid by the money that came in for it, once, and nothing else is',
    `
    select coalesce(i.id::text, t.object_id) from tolem.invoice i full join (select merchant_id, object_id, count(*) as n, sum(amount) as amount from tolem.transfer where kind = 'receive' group by 1, 2) t
      on t.merchant_id = i.merchant_id and t.object_id = i.id::text
    where (i.state is not distinct from 'paid') <> (t.n is not null) or (t.n is not null and (t.n <> 1 or t.amount <> i.amount))`,
  ),
  check('INV-11', 'one transaction for each business fact', `select object_id, kind, ordinal from audit_v1.txn group by 1, 2, 3 having count(*) > 1`),
  check(
    'INV-12',
    'no amount is a floating number',
    `select table_name, column_name from information_schema.columns where table_schema in ('tolem', 'audit_v1') and data_type in ('real', 'double precision', 'money')`,
  ),
  check(
    'INV-13',
    'only an exchange touches two currencies',
    `select p.txn_id from audit_v1.posting p join audit_v1.txn t on t.id = p.txn_id where t.kind <> 'fx' group by 1 having count(distinct p.currency) > 1`,
  ),
  check(
    'INV-14',
    'the parts of a split were posted as they were given, and no payment is split beyond what it brought',
    `
    select s.id::text from tolem.split_request s left join (select merchant_id, object_id, sum(amount) as amount from tolem.transfer where kind = 'split' group by 1, 2) t on t.merchant_id = s.merchant_id and t.object_id = s.id::text
    where coalesce(t.amount, 0) <> coalesce((select sum(p) from unnest(s.parts) p), 0)
    union all select s.id::text from tolem.split_request s cross join lateral unnest(s.parts) with ordinality as p (amount, line) left join tolem.transfer t on t.merchant_id = s.merchant_id and t.object_id = s.id::text and t.kind = 'split' and t.line = p.line
    where coalesce(t.amount, 0) <> p.amount
      or (t.amount is not null and t.to_account <> 'beneficiary:' || (s.items -> (p.line::int - 1) ->> 'beneficiaryId') || '/' || s.currency)
    union all select i.source from tolem.income i left join (
      select s.merchant_id, u.source, s.currency, sum((select sum(p) from unnest(s.parts) p)) as split
      from tolem.split_request s, unnest(array[s.source, case when s.transaction_id is null then null else 'order/' || s.order_reference end]) as u (source) where s.state = 'processed' group by 1, 2, 3
    ) s on s.merchant_id = i.merchant_id and s.source = i.source and s.currency = i.currency
    where i.split <> coalesce(s.split, 0) or i.split > i.amount`,
  ),
  check(
    'INV-14b',
    'what came in for an order, and by a payment, is what was captured and what invoices brought',
    `
    select coalesce(i.source, p.source) from tolem.income i full join (
      select p.merchant_id, u.source, p.currency, sum(p.amount) as amount from (
        select a.merchant_id, a.id, a.order_reference, a.currency, a.captured as amount from tolem.wallet_authorization a where a.captured > 0
        union all select i.merchant_id, i.id, i.order_reference, i.currency, i.amount from tolem.invoice i where i.state = 'paid'
      ) p, unnest(array['order/' || p.order_reference, 'payment/' || p.id]) as u (source) group by 1, 2, 3
    ) p on p.merchant_id = i.merchant_id and p.source = i.source and p.currency = i.currency
    where coalesce(i.amount, 0) <> coalesce(p.amount, 0)`,
  ),
  check(
    'INV-15',
    'a transaction is reversed once at most',
    `select reverses_txn_id from audit_v1.txn where reverses_txn_id is not null group by 1 having count(*) > 1`,
  ),
  check(
    'INV-16',
    'the balances beside a distribution are those of its posting',
    `
    select d.id from tolem.distribution d left join tolem.transfer t on t.merchant_id = d.merchant_id and t.object_id = d.id::text and t.kind = 'reserve'
    where t.from_balance is distinct from d.balance_after or d.balance_before - d.amount <> d.balance_after`,
  ),
  check(
    'INV-17',
    'no transaction touches two merchants',
    `select p.txn_id from audit_v1.posting p join audit_v1.account a on a.id = p.account_id join audit_v1.txn t on t.id = p.txn_id where t.kind <> 'transfer' group by 1 having count(distinct a.merchant_id) > 1`,
  ),
  check(
    'INV-18',
    'no transaction mixes test and live',
    `select p.txn_id from audit_v1.posting p join audit_v1.account a on a.id = p.account_id group by 1 having count(distinct a.mode) > 1`,
  ),
  check(
    'INV-19',
    'only legal transitions of payouts',
    `
    select t.object_id from audit_v1.transition t join audit_v1.payout p on p.id = t.object_id
    where (coalesce(t.from_state, ''), t.to_state) not in (('', 'new'), ('new', 'processing'), ('new', 'rejected'), ('processing', 'settled'), ('processing', 'rejected'), ('processing', 'failed'))`,
  ),
  check(
    'INV-20',
    'final is final',
    `select object_id from audit_v1.transition where from_state in ('settled', 'rejected', 'failed', 'succeeded', 'paid', 'processed', 'deleted', 'cancelled')`,
  ),
  check('INV-21', 'transitions are dense from one', `select object_id from audit_v1.transition group by 1 having min(seq) <> 1 or max(seq) <> count(*)`),
  check(
    'INV-21b',
    'a payout is where its last transition says',
    `select p.id from audit_v1.payout p left join (select distinct on (object_id) object_id, to_state from audit_v1.transition order by object_id, seq desc) l on l.object_id = p.id where l.to_state is distinct from p.state`,
  ),
  check(
    'INV-22',
    'at most one submission of a payout succeeded',
    `select payout_id from audit_v1.submission where outcome in ('accepted', 'settled') group by 1 having count(*) > 1`,
  ),
  check('INV-24', 'the intent was written before it was sent', `select id from audit_v1.submission where sent_at < prepared_at`),
  check(
    'INV-25',
    'one reference for life',
    `
    select s.payout_id from audit_v1.submission s join audit_v1.submission n on n.payout_id = s.payout_id and n.attempt = s.attempt + 1 and n.request_ref <> s.request_ref
    where s.phase = 'sent' and s.outcome not in ('not_executed', 'declined')`,
  ),
  check(
    'INV-26',
    'unknown is never failure',
    `select p.id from audit_v1.payout p join audit_v1.submission s on s.payout_id = p.id where p.state in ('failed', 'rejected') and s.phase = 'sent' and s.outcome not in ('declined', 'not_executed')`,
  ),
  check(
    'INV-27',
    'not executed has evidence',
    `select id from audit_v1.submission where outcome = 'not_executed' and coalesce(evidence, '') not in ('decline', 'cancel_ack', 'absent_after_max_inflight', 'statement', 'two_person')`,
  ),
  check('INV-28', 'nothing was sent after the processor had forgotten its reference', `select id from audit_v1.submission where sent_at > resend_until`),
  check(
    'INV-30',
    'money was reserved before it was sent',
    `select s.id from audit_v1.submission s where s.phase = 'sent' and not exists (select 1 from audit_v1.txn t where t.object_id = s.payout_id and t.kind = 'reserve' and t.at <= s.sent_at)`,
  ),
  check(
    'INV-31',
    'a hold is released only by a negative end',
    `select h.id from audit_v1.hold h join audit_v1.payout p on p.id = h.object_id where h.state = 'released' and p.state not in ('rejected', 'failed')`,
  ),
  check('INV-33', 'a callback has one effect at most', `select id from audit_v1.callback where effect_count > 1`),
  check(
    'INV-35',
    'a settled payout is executed at its processor',
    `select p.id from audit_v1.payout p left join audit_v1.submission s on s.payout_id = p.id and s.outcome = 'settled' where p.state = 'settled' and s.id is null`,
  ),
  check(
    'INV-43',
    'a stored answer has its object',
    `select i.key from audit_v1.idem i left join audit_v1.payout p on p.id = i.object_id where i.state = 'done' and i.http_status < 300 and i.route like '%payout%' and p.id is null`,
  ),
  check(
    'INV-49',
    'captured and cancelled are within what was authorised',
    `
    select a.id from audit_v1.wallet_auth a join audit_v1.wallet_op o on o.auth_id = a.id and o.kind in ('capture', 'cancel') and o.state <> 'failed'
    group by a.id, a.amount having sum(o.amount) > a.amount`,
  ),
  check(
    'INV-50',
    'refunded is within what was captured',
    `
    select auth_id from audit_v1.wallet_op where state <> 'failed'
    group by 1 having coalesce(sum(amount) filter (where kind = 'refund'), 0) > coalesce(sum(amount) filter (where kind = 'capture'), 0)`,
  ),
  check(
    'INV-52',
    'an authorization stands where its events and its operations say',
    `
    select a.id from tolem.wallet_authorization a left join (
      select o.merchant_id, o.authorization_id,
        sum(amount) filter (where kind = 'capture' and state = 'pending') as capturing, sum(amount) filter (where kind = 'capture' and state = 'done') as captured,
        sum(amount) filter (where kind = 'cancel' and state = 'pending') as cancelling, sum(amount) filter (where kind = 'cancel' and state = 'done') as cancelled,
        sum(amount) filter (where kind = 'refund' and state = 'pending') as refunding, sum(amount) filter (where kind = 'refund' and state = 'done') as refunded
      from tolem.wallet_operation o group by 1, 2) o on o.merchant_id = a.merchant_id and o.authorization_id = a.id
    where (a.capturing, a.captured, a.cancelling, a.cancelled, a.refunding, a.refunded)
      <> (coalesce(o.capturing, 0), coalesce(o.captured, 0), coalesce(o.cancelling, 0), coalesce(o.cancelled, 0), coalesce(o.refunding, 0), coalesce(o.refunded, 0))
      or (a.lapse_at is not null) <> (a.state = 'success' and a.capturing + a.captured + a.cancelling + a.cancelled < a.amount)
    union all select a.id::uuid from audit_v1.wallet_auth a
      left join (select distinct on (object_id) object_id, to_state from audit_v1.transition order by object_id, seq desc) l on l.object_id = a.id where l.to_state is distinct from a.state`,
  ),
  check(
    'INV-52b',
    'captures and refunds were posted as they ended, each with its amount; cancels move nothing',
    `
    select o.id from audit_v1.wallet_op o left join (select object_id, string_agg(kind, '+' order by case kind when 'reserve' then 1 else 2 end, ordinal) k from audit_v1.txn group by 1) x on x.object_id = o.id
    where (o.kind, o.state, coalesce(x.k, '')) not in (('capture', 'pending', ''), ('capture', 'done', 'capture'), ('capture', 'failed', ''), ('cancel', 'pending', ''), ('cancel', 'done', ''),
      ('cancel', 'failed', ''), ('refund', 'pending', 'reserve'), ('refund', 'done', 'reserve+settle'), ('refund', 'failed', 'reserve+release'))
    union all select o.id::text from tolem.wallet_operation o join tolem.transfer t on t.merchant_id = o.merchant_id and t.object_id = o.id::text
    group by o.id, o.amount, t.kind having sum(t.amount) <> o.amount`,
  ),
  check(
    'INV-52c',
    'what a wallet’s processor was asked ended as it said: unknown is no failure, and nothing was sent that it may have forgotten',
    `
    select s.id from tolem.wallet_submission s left join tolem.wallet_operation o on o.merchant_id = s.merchant_id and o.id = s.id
    left join tolem.wallet_authorization a on a.merchant_id = s.merchant_id and a.id = s.id
    where (coalesce(o.state, a.state) = 'failed') <> (s.outcome in ('declined', 'not_executed')) or (coalesce(o.state, a.state) in ('done', 'success')) <> (s.outcome = 'done')
      or s.sent_at > s.resend_until or (s.outcome = 'not_executed' and s.evidence is null)`,
  ),
  check(
    'INV-54',
    'one event for each transition',
    `select t.object_id from audit_v1.transition t full join audit_v1.event e on e.object_id = t.object_id and e.object_seq = t.seq where t.seq is null or e.object_seq is null`,
  ),
  check(
    'INV-55',
    'state and money moved in one transaction',
    `
    select t.id from audit_v1.txn t join audit_v1.transition e on e.object_id = t.object_id
      and e.to_state = any (case t.kind when 'reserve' then array['new'] when 'settle' then array['settled'] when 'release' then array['rejected', 'failed'] when 'return' then array['returned'] when 'split' then array['processed'] when 'receive' then array['paid'] end)
    where e.xact <> t.xact`,
  ),
  check(
    'INV-56',
    'an event for everybody has a delivery for each endpoint that was there, and one at most',
    `select event_id, endpoint_id from audit_v1.delivery group by 1, 2 having count(*) > 1`,
  ),
  check('INV-62', 'the feed has no gaps', `select merchant_id from tolem.event group by 1 having min(number) <> 1 or max(number) <> count(*)`),
  check(
    'INV-70',
    'time never goes back within an object',
    `select object_id from (select object_id, at, lag(at) over (partition by object_id order by seq) as before from audit_v1.transition) t where at < before`,
  ),
  check(
    'INV-71',
    'every table of a merchant has row-level security, forced',
    `
    select c.oid::regclass from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'merchant_id' and not a.attisdropped join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname in ('tolem', 'vault') and not (c.relrowsecurity and c.relforcerowsecurity)`,
  ),
  check(
    'INV-72',
    'every reference between tables of merchants carries the merchant',
    `
    select k.conname from pg_constraint k join pg_namespace n on n.oid = k.connamespace
    where k.contype = 'f' and n.nspname in ('tolem', 'vault') and exists (select 1 from pg_attribute a where a.attrelid = k.confrelid and a.attname = 'merchant_id' and not a.attisdropped)
      and not exists (select 1 from pg_attribute a where a.attrelid = k.conrelid and a.attname = 'merchant_id' and a.attnum = any (k.conkey))`,
  ),
  check(
    'INV-72b',
    'what a row refers to is there, and of the same merchant',
    `
    select t.object_id from tolem.transfer t where not exists (select from tolem.account a where a.merchant_id = t.merchant_id and a.id = t.from_account)
    union all select t.object_id from tolem.transfer t where not exists (select from tolem.account a where a.merchant_id = t.merchant_id and a.id = t.to_account)
    union all select p.id::text from tolem.payout p where not exists (select from tolem.card_token c where c.merchant_id = p.merchant_id and c.id = p.card_token_id and c.customer_id = p.customer_id)
    union all select s.payout_id::text from tolem.submission s where not exists (select from tolem.payout p where p.merchant_id = s.merchant_id and p.id = s.payout_id)
      and not exists (select from tolem.distribution d where d.merchant_id = s.merchant_id and d.id = s.payout_id)
    union all select o.id::text from tolem.wallet_operation o where not exists (select from tolem.wallet_authorization a where a.merchant_id = o.merchant_id and a.id = o.authorization_id)
    union all select s.id::text from tolem.wallet_submission s where not exists (select from tolem.wallet_authorization a where a.merchant_id = s.merchant_id and a.id = s.authorization_id)
    union all select a.id from tolem.account a where a.kind = 'beneficiary' and not exists (select from tolem.beneficiary b where b.merchant_id = a.merchant_id and 'beneficiary:' || b.id || '/' || b.currency = a.id)
    union all select d.object_id::text from tolem.delivery d where not exists (select from tolem.event e where e.merchant_id = d.merchant_id and e.number = d.event_number)
    union all select d.object_id::text from tolem.delivery d where not exists (select from tolem.endpoint p where p.merchant_id = d.merchant_id and p.id = d.endpoint_id)
    union all select a.event_number::text from tolem.attempt a where not exists (select from tolem.delivery d where d.merchant_id = a.merchant_id and d.event_number = a.event_number and d.endpoint_id = a.endpoint_id)`,
  ),
  check(
    'INV-88',
    'a movement at the bank is of one payment at most, a payment moves once and comes back once, and both are of its amount',
    `
    select submission_id from audit_v1.recon where submission_id is not null group by submission_id, status having count(*) > 1
    union all select r.submission_id from audit_v1.recon r join audit_v1.submission s on s.id = r.submission_id join audit_v1.payout p on p.id = s.payout_id
    where r.amount <> p.amount or r.currency <> p.currency
    union all select r.line_id from audit_v1.recon r where r.status = 'invoice' and not exists (select from tolem.invoice i where i.line_key = r.line_id and i.state = 'paid')`,
  ),
  check(
    'INV-80',
    'a nonce is used once under its key',
    `select dek_id, nonce from audit_v1.card_token where nonce is not null group by 1, 2 having count(*) > 1`,
  ),
  check('INV-83', 'of a key there is only what verifies it', `select id from audit_v1.api_key where verifier !~ '^[0-9a-f]{64}$'`),
  check(
    'INV-08',
    'the application cannot change a journal',
    `
    select t.name, p.privilege from (values ('tolem.transfer'), ('tolem.event'), ('tolem.attempt'), ('tolem.idempotency'), ('tolem.callback')) t (name), (values ('update'), ('delete'), ('truncate')) p (privilege)
    where has_table_privilege('tolem_app', t.name, p.privilege)`,
  ),
];
