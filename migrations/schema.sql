-- What the migrations make, read back from the database. Not run by anything; a test keeps it true.
-- Renew it with: UPDATE_SCHEMA=1 npx vitest run test/database/schema.test.ts

table tolem.account (
  merchant_id text not null with (n_distinct=1),
  id text not null,
  kind text not null,
  currency text not null,
  balance bigint not null default 0,
  entries bigint not null default 0,
  floor bigint,
  last_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, id),
  CHECK ((balance >= floor)),
  CHECK ((kind = ANY (ARRAY['available'::text, 'held'::text, 'clearing'::text, 'fees'::text, 'suspense'::text, 'world'::text, 'beneficiary'::text]))),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id)
) with (fillfactor=50)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.account FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select to auditor

table tolem.api_key (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  kind text not null,
  name text not null default ''::text,
  prefix text not null,
  last4 text not null,
  verifier text not null,
  scopes text[] not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  PRIMARY KEY (merchant_id, id),
  CHECK ((kind = ANY (ARRAY['key'::text, 'token'::text, 'client'::text]))),
  CHECK ((length(last4) = 4)),
  CHECK ((verifier ~ '^[0-9a-f]{64}$'::text)),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.api_key FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id, id, prefix, last4, verifier, scopes, expires_at, revoked_at) to auditor

table tolem.attempt (
  merchant_id text not null with (n_distinct=1),
  endpoint_id uuid not null,
  event_number bigint not null,
  try integer not null,
  at timestamp with time zone not null,
  duration_ms integer not null,
  status integer,
  answer text,
  error text,
  PRIMARY KEY (merchant_id, event_number, endpoint_id, try)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER only_append BEFORE TRUNCATE ON tolem.attempt FOR EACH STATEMENT EXECUTE FUNCTION tolem.only_append()
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.attempt FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select to tolem_app
grant select to auditor

table tolem.bank_batch (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  message_id text not null,
  state text not null default 'open'::text,
  currency text not null,
  payments integer not null,
  amount bigint not null,
  requested_on date not null,
  created_at timestamp with time zone not null,
  tries integer not null default 0,
  token text,
  folder text,
  next_at timestamp with time zone,
  bank_status text,
  PRIMARY KEY (merchant_id, id),
  CHECK ((amount > 0)),
  CHECK (((state <> 'open'::text) = ((token IS NOT NULL) AND (folder IS NOT NULL)))),
  CHECK (((state = 'written'::text) = (next_at IS NULL))),
  CHECK ((payments > 0)),
  CHECK ((state = ANY (ARRAY['open'::text, 'staged'::text, 'written'::text]))),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id),
  UNIQUE (message_id, merchant_id)
)
row-level security, forced
CREATE INDEX bank_batch_due ON tolem.bank_batch USING btree (merchant_id, next_at) WHERE (next_at IS NOT NULL)
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy scan for select to tolem_scan using true
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.bank_batch FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id, next_at) to tolem_scan

table tolem.bank_batch_item (
  merchant_id text not null with (n_distinct=1),
  batch_id uuid not null,
  position integer not null,
  payout_id uuid not null,
  reference text not null,
  PRIMARY KEY (merchant_id, batch_id, "position"),
  FOREIGN KEY (merchant_id, batch_id) REFERENCES tolem.bank_batch(merchant_id, id),
  UNIQUE (merchant_id, batch_id, reference),
  UNIQUE (payout_id, merchant_id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.bank_batch_item FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app

table tolem.bank_file (
  sha256 bytea not null,
  name text not null,
  message text,
  state text not null,
  lines integer,
  problem text,
  received_at timestamp with time zone not null,
  lease_until timestamp with time zone,
  ended_at timestamp with time zone,
  PRIMARY KEY (sha256),
  CHECK ((state = ANY (ARRAY['reading'::text, 'applied'::text, 'refused'::text])))
)
grant insert, select, update to tolem_app

table tolem.bank_line (
  line_key text not null,
  account text not null,
  statement_id text not null,
  status text not null,
  amount bigint not null,
  currency text not null,
  direction text not null,
  booked_on date,
  bank_reference text,
  end_to_end_id text,
  remittance text not null,
  return_code text,
  matched text not null,
  merchant text,
  object_id uuid,
  file_sha256 bytea not null,
  seen_at timestamp with time zone not null,
  PRIMARY KEY (line_key),
  CHECK ((direction = ANY (ARRAY['credit'::text, 'debit'::text]))),
  CHECK ((matched = ANY (ARRAY['payment'::text, 'return'::text, 'invoice'::text, 'fee'::text, 'pending'::text, 'amount_differs'::text, 'unknown_reference'::text, 'paid_again'::text, 'back_again'::text, 'reversal'::text, 'credit'::text, 'invoice_cancelled'::text, 'unmatched'::text])))
)
CREATE INDEX bank_line_object ON tolem.bank_line USING btree (object_id) WHERE (object_id IS NOT NULL)
CREATE INDEX bank_line_open ON tolem.bank_line USING btree (seen_at) WHERE (matched <> ALL (ARRAY['payment'::text, 'return'::text, 'invoice'::text, 'fee'::text]))
CREATE UNIQUE INDEX bank_line_once ON tolem.bank_line USING btree (object_id, matched) WHERE (matched = ANY (ARRAY['payment'::text, 'return'::text, 'invoice'::text]))
grant insert, select, update to tolem_app
grant select (line_key, amount, currency, matched, object_id) to auditor

table tolem.beneficiary (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  status text not null,
  name text not null,
  bin text not null,
  iban text not null,
  bic text not null,
  kbe text,
  knp text,
  description text,
  currency text not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, id),
  CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text]))),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.beneficiary FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id, id, status, currency, created_at, updated_at) to auditor

table tolem.callback (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  processor text not null,
  dedupe_key text not null,
  received_at timestamp with time zone not null,
  applied_at timestamp with time zone not null,
  effects integer not null,
  PRIMARY KEY (merchant_id, processor, dedupe_key),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER only_append BEFORE TRUNCATE ON tolem.callback FOR EACH STATEMENT EXECUTE FUNCTION tolem.only_append()
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.callback FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select to tolem_app
grant select to auditor

table tolem.card_session (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  hash text,
  customer_id uuid not null,
  status text not null,
  card_token_id uuid,
  success_url text,
  failure_url text,
  tries integer not null default 0,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, id),
  CHECK (((status = 'saved'::text) = (card_token_id IS NOT NULL))),
  CHECK ((hash ~ '^[0-9a-f]{64}$'::text)),
  CHECK ((status = ANY (ARRAY['new'::text, 'saved'::text, 'failed'::text]))),
  CHECK ((tries >= 0)),
  FOREIGN KEY (merchant_id, card_token_id) REFERENCES tolem.card_token(merchant_id, id),
  FOREIGN KEY (merchant_id, customer_id) REFERENCES tolem.customer(merchant_id, id),
  UNIQUE (merchant_id, hash)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.card_session FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app

table tolem.card_token (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  customer_id uuid not null,
  brand text not null,
  bin text not null,
  last4 text not null,
  expiry_month smallint not null,
  expiry_year smallint not null,
  fingerprint text not null,
  created_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, id),
  CHECK ((bin ~ '^[0-9]{6,8}$'::text)),
  CHECK (((expiry_month >= 1) AND (expiry_month <= 12))),
  CHECK (((expiry_year >= 2000) AND (expiry_year <= 2100))),
  CHECK ((last4 ~ '^[0-9]{4}$'::text)),
  FOREIGN KEY (merchant_id, customer_id) REFERENCES tolem.customer(merchant_id, id),
  FOREIGN KEY (merchant_id, id) REFERENCES vault.card(merchant_id, token_id)
)
row-level security, forced
CREATE INDEX card_token_customer ON tolem.card_token USING btree (customer_id, merchant_id)
CREATE INDEX card_token_fingerprint ON tolem.card_token USING btree (fingerprint, merchant_id)
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.card_token FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id, id) to tolem_vault
grant select to auditor

table tolem.customer (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  external_user_id text,
  email text,
  phone text,
  first_name text,
  last_name text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id)
)
row-level security, forced
CREATE INDEX customer_email ON tolem.customer USING btree (merchant_id, lower(email)) WHERE (email IS NOT NULL)
CREATE UNIQUE INDEX customer_external ON tolem.customer USING btree (merchant_id, external_user_id) WHERE (external_user_id IS NOT NULL)
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.customer FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app

table tolem.delivery (
  merchant_id text not null with (n_distinct=1),
  endpoint_id uuid not null,
  event_number bigint not null,
  object_id uuid not null,
  object_seq integer not null,
  state text not null default 'pending'::text,
  tries integer not null default 0,
  failures integer not null default 0,
  next_at timestamp with time zone,
  in_flight boolean not null default false,
  first_ok_at timestamp with time zone,
  on_request boolean not null default false,
  created_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, event_number, endpoint_id),
  CHECK (((state = 'pending'::text) = (next_at IS NOT NULL))),
  CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'parked'::text, 'disabled'::text])))
) with (fillfactor=70)
row-level security, forced
CREATE INDEX delivery_due ON tolem.delivery USING btree (merchant_id, endpoint_id, next_at, event_number) WHERE (state = 'pending'::text)
CREATE INDEX delivery_order ON tolem.delivery USING btree (merchant_id, endpoint_id, object_id, object_seq) WHERE (state <> 'delivered'::text)
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy scan for select to tolem_scan using true
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.delivery FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id, endpoint_id, state, next_at) to tolem_scan
grant select to auditor

table tolem.distribution (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  state text not null,
  seq integer not null,
  amount bigint not null,
  currency text not null,
  order_reference text not null,
  recipient_name text not null,
  recipient_bin text not null,
  recipient_iban text not null,
  recipient_bic text not null,
  recipient_kbe text not null,
  recipient_knp text not null,
  payment_purpose text not null,
  balance_before bigint not null,
  balance_after bigint not null,
  retrieval_reference_number text,
  error_code text,
  error_message text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  final_at timestamp with time zone,
  kind text not null default 'distribution'::text,
  beneficiary_id uuid,
  source text not null default 'merchant'::text,
  PRIMARY KEY (merchant_id, id),
  CHECK ((amount > 0)),
  CHECK ((((kind = 'order'::text) = (beneficiary_id IS NOT NULL)) AND ((kind = 'order'::text) OR (source = 'merchant'::text)))),
  CHECK (((balance_before - amount) = balance_after)),
  CHECK (((final_at IS NOT NULL) = (state = ANY (ARRAY['settled'::text, 'rejected'::text, 'failed'::text])))),
  CHECK ((kind = ANY (ARRAY['distribution'::text, 'order'::text]))),
  CHECK ((source = ANY (ARRAY['merchant'::text, 'beneficiary'::text]))),
  CHECK ((state = ANY (ARRAY['new'::text, 'processing'::text, 'settled'::text, 'rejected'::text, 'failed'::text]))),
  FOREIGN KEY (merchant_id, beneficiary_id) REFERENCES tolem.beneficiary(merchant_id, id),
  UNIQUE (order_reference, kind, merchant_id)
) with (fillfactor=80)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy scan for select to tolem_scan using true
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.distribution FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id, id, amount, currency) to tolem_scan
grant select (merchant_id, id, state, seq, amount, currency, balance_before, balance_after, created_at, final_at, kind, beneficiary_id, source) to auditor

table tolem.distribution_return (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  distribution_id uuid not null,
  amount bigint not null,
  currency text not null,
  code text,
  created_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, id),
  CHECK ((amount > 0)),
  FOREIGN KEY (merchant_id, distribution_id) REFERENCES tolem.distribution(merchant_id, id),
  UNIQUE (merchant_id, distribution_id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.distribution_return FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select to auditor

table tolem.endpoint (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  url text not null,
  description text not null default ''::text,
  events text[] not null default '{}'::text[],
  legacy_wrapped_ids boolean not null default false,
  secret bytea not null,
  previous_secret bytea,
  previous_until timestamp with time zone,
  enabled boolean not null default true,
  disabled_reason text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy scan for select to tolem_scan using true
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.endpoint FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id, id) to tolem_scan
grant select (merchant_id, id, url, enabled, created_at) to auditor

table tolem.event (
  merchant_id text not null with (n_distinct=1),
  number bigint not null,
  id uuid not null,
  object_id uuid not null,
  object_seq integer not null,
  type text not null,
  from_state text,
  to_state text not null,
  cause text not null,
  body text not null,
  at timestamp with time zone not null,
  xact xid8 not null default pg_current_xact_id(),
  PRIMARY KEY (merchant_id, number),
  CHECK ((object_seq > 0)),
  UNIQUE (id, merchant_id),
  UNIQUE (object_id, object_seq, merchant_id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER only_append BEFORE TRUNCATE ON tolem.event FOR EACH STATEMENT EXECUTE FUNCTION tolem.only_append()
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.event FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select to tolem_app
grant select to auditor

table tolem.event_counter (
  merchant_id text not null with (n_distinct=1),
  next bigint not null default 1,
  PRIMARY KEY (merchant_id),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id)
) with (fillfactor=50)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.event_counter FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app

table tolem.idempotency (
  merchant_id text not null with (n_distinct=1),
  route text not null,
  key text not null,
  fingerprint bytea not null,
  status integer not null,
  body text not null,
  body_sha256 bytea not null,
  object_id uuid,
  created_at timestamp with time zone not null,
  xact xid8 not null default pg_current_xact_id(),
  PRIMARY KEY (merchant_id, route, key)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER only_append BEFORE TRUNCATE ON tolem.idempotency FOR EACH STATEMENT EXECUTE FUNCTION tolem.only_append()
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.idempotency FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select to tolem_app
grant select (merchant_id, route, key, fingerprint, status, body_sha256, object_id, created_at, xact) to auditor

table tolem.incident (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  object_id uuid not null,
  kind text not null,
  detail text not null,
  opened_at timestamp with time zone not null,
  closed_at timestamp with time zone,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id),
  UNIQUE (merchant_id, object_id, kind)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy scan for select to tolem_scan using true
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.incident FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select to auditor
grant select to tolem_scan

table tolem.income (
  merchant_id text not null with (n_distinct=1),
  source text not null,
  currency text not null,
  amount bigint not null,
  split bigint not null default 0,
  PRIMARY KEY (merchant_id, source, currency),
  CHECK ((amount >= 0)),
  CHECK (((split >= 0) AND (split <= amount))),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.income FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select to auditor

table tolem.invoice (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  state text not null,
  seq integer not null,
  number text not null,
  order_reference text not null,
  amount bigint not null,
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
  line_key text,
  bank_reference text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  paid_at timestamp with time zone,
  PRIMARY KEY (merchant_id, id),
  CHECK ((amount > 0)),
  CHECK (((state = 'paid'::text) = ((line_key IS NOT NULL) AND (paid_at IS NOT NULL)))),
  CHECK ((state = ANY (ARRAY['created'::text, 'paid'::text, 'expired'::text, 'cancelled'::text]))),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id),
  UNIQUE (number, merchant_id)
) with (fillfactor=80)
row-level security, forced
CREATE INDEX invoice_due ON tolem.invoice USING btree (merchant_id, expires_at) WHERE ((state = 'created'::text) AND (expires_at IS NOT NULL))
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy scan for select to tolem_scan using true
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.invoice FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id, id, state, expires_at) to tolem_scan
grant select (merchant_id, id, state, seq, number, order_reference, amount, currency, line_key, created_at, updated_at, expires_at, paid_at) to auditor

table tolem.key_owner (
  verifier text not null,
  merchant text not null,
  key_id uuid not null,
  is_live boolean not null default false,
  PRIMARY KEY (verifier)
)
grant insert, select to tolem_app

table tolem.merchant (
  merchant_id text not null with (n_distinct=1),
  organisation_id text not null,
  mode text not null,
  name text not null,
  code text not null,
  time_zone text not null default 'Asia/Almaty'::text,
  store_id text not null,
  terminal_id text not null,
  webhook_token bytea not null,
  requests_per_second integer,
  created_at timestamp with time zone not null,
  bin text,
  PRIMARY KEY (merchant_id),
  CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
  CHECK ((requests_per_second > 0)),
  FOREIGN KEY (organisation_id) REFERENCES tolem.organisation(id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy scan for select to tolem_scan using true
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.merchant FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id) to tolem_scan
grant select (merchant_id) to tolem_vault
grant select (merchant_id, mode, name, created_at) to auditor

table tolem.merchant_code (
  code text not null,
  merchant text not null,
  PRIMARY KEY (code)
)
grant insert, select to tolem_app

table tolem.migration (
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default clock_timestamp(),
  PRIMARY KEY (name)
)

table tolem.organisation (
  id text not null,
  name text not null,
  created_at timestamp with time zone not null,
  PRIMARY KEY (id),
  CHECK ((name <> ''::text))
)
grant insert, select to tolem_app

table tolem.page_owner (
  hash text not null,
  merchant text not null,
  PRIMARY KEY (hash),
  CHECK ((hash ~ '^[0-9a-f]{64}$'::text))
)
grant insert, select to tolem_app

table tolem.payout (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  state text not null,
  seq integer not null,
  amount bigint not null,
  fee bigint not null,
  currency text not null,
  card_token_id uuid not null,
  customer_id uuid not null,
  brand text not null,
  bin text not null,
  last4 text not null,
  order_reference text,
  description text,
  store_id text not null,
  terminal_id text not null,
  retrieval_reference_number text,
  error_code text,
  error_message text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  final_at timestamp with time zone,
  PRIMARY KEY (merchant_id, id),
  CHECK ((amount > 0)),
  CHECK (((final_at IS NOT NULL) = (state = ANY (ARRAY['settled'::text, 'rejected'::text, 'failed'::text])))),
  CHECK ((fee >= 0)),
  CHECK ((state = ANY (ARRAY['new'::text, 'processing'::text, 'settled'::text, 'rejected'::text, 'failed'::text])))
) with (fillfactor=80)
row-level security, forced
CREATE INDEX payout_card ON tolem.payout USING btree (card_token_id, created_at)
CREATE INDEX payout_customer ON tolem.payout USING btree (customer_id, id)
CREATE INDEX payout_reference ON tolem.payout USING btree (order_reference) WHERE (order_reference IS NOT NULL)
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy scan for select to tolem_scan using true
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.payout FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id, id) to tolem_scan
grant select to auditor

table tolem.payout_return (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  payout_id uuid not null,
  amount bigint not null,
  currency text not null,
  code text,
  created_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, id),
  CHECK ((amount > 0)),
  FOREIGN KEY (merchant_id, payout_id) REFERENCES tolem.payout(merchant_id, id),
  UNIQUE (merchant_id, payout_id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.payout_return FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select to auditor

table tolem.platform (
  id boolean not null default true,
  clock_offset_ms bigint not null default 0,
  PRIMARY KEY (id),
  CHECK ((clock_offset_ms >= 0)),
  CHECK (id)
)
grant select, update to tolem_app

table tolem.split_request (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  state text not null,
  seq integer not null,
  source text not null,
  currency text not null,
  order_reference text not null,
  transaction_id text,
  items jsonb not null,
  parts bigint[],
  failure_reason text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, id),
  CHECK (((state = 'processed'::text) = (parts IS NOT NULL))),
  CHECK (((state = 'failed'::text) = (failure_reason IS NOT NULL))),
  CHECK ((state = ANY (ARRAY['created'::text, 'processed'::text, 'failed'::text, 'deleted'::text])))
) with (fillfactor=80)
row-level security, forced
CREATE INDEX split_request_waiting ON tolem.split_request USING btree (source, currency) WHERE (state = 'created'::text)
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.split_request FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select to auditor

table tolem.store (
  merchant_id text not null with (n_distinct=1),
  id text not null,
  name text not null,
  created_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.store FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app

table tolem.submission (
  merchant_id text not null with (n_distinct=1),
  payout_id uuid not null,
  attempt smallint not null default 1,
  connector text not null,
  reference text not null,
  action text not null default 'send'::text,
  phase text not null default 'prepared'::text,
  outcome text not null default 'pending'::text,
  evidence text,
  prepared_at timestamp with time zone not null,
  sent_at timestamp with time zone,
  resend_until timestamp with time zone,
  absent_after timestamp with time zone,
  resolved_at timestamp with time zone,
  tries integer not null default 0,
  next_at timestamp with time zone,
  note text,
  PRIMARY KEY (merchant_id, payout_id, attempt),
  CHECK ((action = ANY (ARRAY['send'::text, 'ask'::text, 'cancel'::text, 'batch'::text]))),
  CHECK ((sent_at >= prepared_at)),
  CHECK (((phase = 'sent'::text) = (sent_at IS NOT NULL))),
  CHECK ((outcome = ANY (ARRAY['pending'::text, 'accepted'::text, 'settled'::text, 'declined'::text, 'not_executed'::text, 'unknown'::text]))),
  CHECK ((phase = ANY (ARRAY['prepared'::text, 'sent'::text]))),
  UNIQUE (reference, merchant_id)
) with (fillfactor=70)
row-level security, forced
CREATE INDEX submission_batch ON tolem.submission USING btree (merchant_id, next_at) WHERE ((next_at IS NOT NULL) AND (action = 'batch'::text))
CREATE INDEX submission_due ON tolem.submission USING btree (merchant_id, next_at) WHERE ((next_at IS NOT NULL) AND (action <> 'batch'::text))
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy scan for select to tolem_scan using true
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.submission FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id, payout_id, connector, reference, action, phase, outcome, sent_at, resolved_at, next_at, note) to tolem_scan
grant select to auditor

table tolem.terminal (
  merchant_id text not null with (n_distinct=1),
  id text not null,
  store_id text not null,
  name text not null,
  created_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, store_id) REFERENCES tolem.store(merchant_id, id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.terminal FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app

table tolem.terms (
  merchant_id text not null with (n_distinct=1),
  currency text not null,
  min_amount bigint not null default 1,
  max_amount bigint,
  daily_limit bigint,
  card_daily_limit bigint,
  fee_fixed bigint not null default 0,
  fee_basis_points integer not null default 0,
  PRIMARY KEY (merchant_id, currency),
  CHECK ((card_daily_limit >= 0)),
  CHECK ((max_amount >= min_amount)),
  CHECK ((daily_limit >= 0)),
  CHECK (((fee_basis_points >= 0) AND (fee_basis_points <= 10000))),
  CHECK ((fee_fixed >= 0)),
  CHECK ((min_amount >= 1)),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.terms FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app

table tolem.transfer (
  merchant_id text not null with (n_distinct=1),
  object_id text not null,
  kind text not null,
  ordinal smallint not null default 1,
  line smallint not null default 1,
  currency text not null,
  amount bigint not null,
  from_account text not null,
  from_entry bigint not null,
  from_balance bigint not null,
  to_account text not null,
  to_entry bigint not null,
  to_balance bigint not null,
  at timestamp with time zone not null,
  xact xid8 not null default pg_current_xact_id(),
  PRIMARY KEY (merchant_id, object_id, kind, ordinal, line),
  CHECK ((amount > 0)),
  CHECK ((from_account <> to_account)),
  UNIQUE (from_account, from_entry, merchant_id),
  UNIQUE (to_account, to_entry, merchant_id)
)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy scan for select to tolem_scan using true
CREATE TRIGGER only_append BEFORE TRUNCATE ON tolem.transfer FOR EACH STATEMENT EXECUTE FUNCTION tolem.only_append()
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.transfer FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select to tolem_app
grant select (merchant_id, kind, currency, amount, from_account, to_account) to tolem_scan
grant select to auditor

table tolem.usage (
  merchant_id text not null with (n_distinct=1),
  currency text not null,
  day date not null,
  amount bigint not null,
  PRIMARY KEY (merchant_id, currency, day),
  CHECK ((amount >= 0)),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id)
) with (fillfactor=50)
row-level security, forced
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.usage FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select to auditor

table tolem.wallet_authorization (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  state text not null,
  seq integer not null,
  version integer not null default 1,
  amount bigint not null,
  currency text not null,
  order_reference text not null,
  connector text not null,
  reference text not null,
  person bytea,
  capturing bigint not null default 0,
  captured bigint not null default 0,
  cancelling bigint not null default 0,
  cancelled bigint not null default 0,
  refunding bigint not null default 0,
  refunded bigint not null default 0,
  retrieval_reference_number text,
  authorization_code text,
  error_code text,
  error_message text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  final_at timestamp with time zone,
  expires_at timestamp with time zone,
  lapse_at timestamp with time zone,
  PRIMARY KEY (merchant_id, id),
  CHECK ((amount > 0)),
  CHECK ((LEAST(capturing, captured, cancelling, cancelled, refunding, refunded) >= 0)),
  CHECK (((((capturing + captured) + cancelling) + cancelled) <= amount)),
  CHECK (((refunding + refunded) <= captured)),
  CHECK (((state = 'success'::text) OR ((((capturing + captured) + cancelling) + cancelled) = 0))),
  CHECK (((final_at IS NOT NULL) = (state = ANY (ARRAY['success'::text, 'failed'::text])))),
  CHECK (((expires_at IS NOT NULL) = (state = 'success'::text))),
  CHECK (((person IS NULL) OR (state = ANY (ARRAY['new'::text, 'processing'::text])))),
  CHECK ((state = ANY (ARRAY['new'::text, 'processing'::text, 'success'::text, 'failed'::text]))),
  UNIQUE (reference, merchant_id)
) with (fillfactor=60)
row-level security, forced
CREATE INDEX wallet_authorization_lapse ON tolem.wallet_authorization USING btree (merchant_id, lapse_at) WHERE (lapse_at IS NOT NULL)
CREATE INDEX wallet_authorization_order ON tolem.wallet_authorization USING btree (order_reference, id)
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy scan for select to tolem_scan using true
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.wallet_authorization FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id, id, lapse_at) to tolem_scan
grant select (merchant_id, id, state, seq, version, amount, currency, order_reference, connector, reference, capturing, captured, cancelling, cancelled, refunding, refunded, retrieval_reference_number, authorization_code, error_code, error_message, created_at, updated_at, final_at, expires_at, lapse_at) to auditor

table tolem.wallet_operation (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  authorization_id uuid not null,
  kind text not null,
  amount bigint not null,
  state text not null,
  cause text not null,
  idempotency_key text,
  retrieval_reference_number text,
  error_code text,
  error_message text,
  created_at timestamp with time zone not null,
  final_at timestamp with time zone,
  PRIMARY KEY (merchant_id, id),
  CHECK ((amount > 0)),
  CHECK ((cause = ANY (ARRAY['request'::text, 'expiry'::text]))),
  CHECK (((final_at IS NOT NULL) = (state = ANY (ARRAY['done'::text, 'failed'::text])))),
  CHECK ((kind = ANY (ARRAY['capture'::text, 'cancel'::text, 'refund'::text]))),
  CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'failed'::text])))
) with (fillfactor=70)
row-level security, forced
CREATE INDEX wallet_operation_of ON tolem.wallet_operation USING btree (authorization_id, created_at)
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.wallet_operation FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select to auditor

table tolem.wallet_submission (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  authorization_id uuid not null,
  kind text not null,
  amount bigint not null,
  connector text not null,
  reference text not null,
  action text not null default 'send'::text,
  phase text not null default 'prepared'::text,
  outcome text not null default 'pending'::text,
  evidence text,
  prepared_at timestamp with time zone not null,
  sent_at timestamp with time zone,
  resend_until timestamp with time zone,
  absent_after timestamp with time zone,
  resolved_at timestamp with time zone,
  tries integer not null default 0,
  next_at timestamp with time zone,
  note text,
  PRIMARY KEY (merchant_id, id),
  CHECK ((action = ANY (ARRAY['send'::text, 'ask'::text]))),
  CHECK ((amount > 0)),
  CHECK (((kind = 'authorize'::text) = (id = authorization_id))),
  CHECK ((sent_at >= prepared_at)),
  CHECK (((phase = 'sent'::text) = (sent_at IS NOT NULL))),
  CHECK ((kind = ANY (ARRAY['authorize'::text, 'capture'::text, 'cancel'::text, 'refund'::text]))),
  CHECK ((outcome = ANY (ARRAY['pending'::text, 'accepted'::text, 'done'::text, 'declined'::text, 'not_executed'::text, 'unknown'::text]))),
  CHECK ((phase = ANY (ARRAY['prepared'::text, 'sent'::text]))),
  UNIQUE (reference, merchant_id)
) with (fillfactor=70)
row-level security, forced
CREATE INDEX wallet_submission_due ON tolem.wallet_submission USING btree (merchant_id, next_at) WHERE (next_at IS NOT NULL)
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy scan for select to tolem_scan using true
CREATE TRIGGER own_merchant BEFORE INSERT ON tolem.wallet_submission FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant insert, select, update to tolem_app
grant select (merchant_id, id, authorization_id, kind, reference, outcome, sent_at, next_at, note) to tolem_scan
grant select to auditor

table vault.card (
  merchant_id text not null with (n_distinct=1),
  token_id uuid not null,
  data_key_id uuid not null,
  nonce bytea not null,
  ciphertext bytea not null,
  created_at timestamp with time zone not null,
  PRIMARY KEY (merchant_id, token_id),
  CHECK ((length(nonce) = 12)),
  FOREIGN KEY (merchant_id, data_key_id) REFERENCES vault.data_key(merchant_id, id),
  UNIQUE (data_key_id, nonce, merchant_id)
)
row-level security, forced
CREATE INDEX card_data_key ON vault.card USING btree (data_key_id, merchant_id, token_id)
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
CREATE TRIGGER own_merchant BEFORE INSERT ON vault.card FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant delete, insert, select, update to tolem_vault
grant select (merchant_id, token_id, data_key_id, nonce) to auditor

table vault.data_key (
  merchant_id text not null with (n_distinct=1),
  id uuid not null,
  kek_id text not null,
  wrapped bytea not null,
  created_at timestamp with time zone not null,
  retired_at timestamp with time zone,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id) REFERENCES tolem.merchant(merchant_id)
)
row-level security, forced
CREATE UNIQUE INDEX data_key_active ON vault.data_key USING btree (merchant_id) WHERE (retired_at IS NULL)
policy audit for select to auditor using true
policy own for all to public using (merchant_id = current_setting('tolem.merchant'::text, true)) with check (merchant_id = current_setting('tolem.merchant'::text, true))
policy rotate for select to tolem_vault using true
CREATE TRIGGER own_merchant BEFORE INSERT ON vault.data_key FOR EACH ROW WHEN ((new.merchant_id IS DISTINCT FROM current_setting('tolem.merchant'::text, true))) EXECUTE FUNCTION tolem.own_merchant()
grant delete, insert, select, update to tolem_vault
grant select (merchant_id, id, kek_id, created_at, retired_at) to auditor

table vault.rotation (
  id uuid not null,
  started_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  PRIMARY KEY (id)
)
CREATE UNIQUE INDEX rotation_running ON vault.rotation USING btree ((true)) WHERE (finished_at IS NULL)
grant insert, select, update to tolem_vault

table vault.transport_key (
  id text not null,
  public_key text not null,
  kek_id text not null,
  private_key bytea not null,
  created_at timestamp with time zone not null,
  retired_at timestamp with time zone,
  PRIMARY KEY (id)
)
CREATE UNIQUE INDEX transport_key_active ON vault.transport_key USING btree ((true)) WHERE (retired_at IS NULL)
grant insert, select, update to tolem_vault

view audit_v1.account with (security_invoker=true) as
 SELECT ((a.merchant_id || '/'::text) || a.id) AS id,
    a.merchant_id,
    m.mode,
    a.currency,
        CASE a.kind
            WHEN 'available'::text THEN 'merchant'::text
            WHEN 'beneficiary'::text THEN 'merchant'::text
            WHEN 'held'::text THEN 'reserve'::text
            WHEN 'clearing'::text THEN 'clearing'::text
            WHEN 'fees'::text THEN 'fee'::text
            WHEN 'suspense'::text THEN 'suspense'::text
            ELSE 'external'::text
        END AS kind,
    a.floor AS min_available
   FROM (tolem.account a
     JOIN tolem.merchant m ON ((m.merchant_id = a.merchant_id)));
grant select to auditor

view audit_v1.api_key with (security_invoker=true) as
 SELECT (k.id)::text AS id,
    k.merchant_id,
    m.mode,
    k.prefix,
    k.last4,
    k.verifier,
    k.scopes,
    k.expires_at,
    k.revoked_at
   FROM (tolem.api_key k
     JOIN tolem.merchant m ON ((m.merchant_id = k.merchant_id)));
grant select to auditor

view audit_v1.balance with (security_invoker=true) as
 SELECT ((merchant_id || '/'::text) || id) AS account_id,
    balance AS posted
   FROM tolem.account a;
grant select to auditor

view audit_v1.callback with (security_invoker=true) as
 SELECT (id)::text AS id,
    processor,
    dedupe_key,
    received_at,
    applied_at,
    effects AS effect_count
   FROM tolem.callback c;
grant select to auditor

view audit_v1.card_token with (security_invoker=true) as
 SELECT (c.id)::text AS id,
    c.merchant_id,
    c.bin,
    c.last4,
    c.fingerprint,
    (v.data_key_id)::text AS dek_id,
    v.nonce
   FROM (tolem.card_token c
     LEFT JOIN vault.card v ON (((v.merchant_id = c.merchant_id) AND (v.token_id = c.id))));
grant select to auditor

view audit_v1.dek with (security_invoker=true) as
 SELECT (id)::text AS id,
    kek_id,
    created_at,
    retired_at
   FROM vault.data_key k;
grant select to auditor

view audit_v1.delivery with (security_invoker=true) as
 SELECT (e.id)::text AS event_id,
    (d.endpoint_id)::text AS endpoint_id,
    d.state,
    d.tries AS attempts,
    d.first_ok_at,
    d.next_at,
    d.on_request
   FROM (tolem.delivery d
     JOIN tolem.event e ON (((e.merchant_id = d.merchant_id) AND (e.number = d.event_number))));
grant select to auditor

view audit_v1.endpoint with (security_invoker=true) as
 SELECT (p.id)::text AS id,
    p.merchant_id,
    m.mode,
    p.url,
    p.enabled,
    p.created_at
   FROM (tolem.endpoint p
     JOIN tolem.merchant m ON ((m.merchant_id = p.merchant_id)));
grant select to auditor

view audit_v1.event with (security_invoker=true) as
 SELECT (e.id)::text AS id,
    e.merchant_id,
    m.mode,
    (e.object_id)::text AS object_id,
    e.object_seq,
    e.type,
    e.at,
    e.xact
   FROM (tolem.event e
     JOIN tolem.merchant m ON ((m.merchant_id = e.merchant_id)));
grant select to auditor

view audit_v1.hold with (security_invoker=true) as
 SELECT (p.id)::text AS id,
    ((p.merchant_id || '/held/'::text) || p.currency) AS account_id,
    (p.id)::text AS object_id,
    (p.amount + p.fee) AS amount,
        CASE
            WHEN (p.state = ANY (ARRAY['new'::text, 'processing'::text])) THEN 'open'::text
            WHEN (p.state = 'settled'::text) THEN 'used'::text
            ELSE 'released'::text
        END AS state
   FROM tolem.payout p
UNION ALL
 SELECT (d.id)::text AS id,
    ((d.merchant_id || '/held/'::text) || d.currency) AS account_id,
    (d.id)::text AS object_id,
    d.amount,
        CASE
            WHEN (d.state = ANY (ARRAY['new'::text, 'processing'::text])) THEN 'open'::text
            WHEN (d.state = 'settled'::text) THEN 'used'::text
            ELSE 'released'::text
        END AS state
   FROM tolem.distribution d
UNION ALL
 SELECT (o.id)::text AS id,
    ((o.merchant_id || '/held/'::text) || a.currency) AS account_id,
    (o.id)::text AS object_id,
        CASE
            WHEN (o.kind = 'refund'::text) THEN o.amount
            ELSE (0)::bigint
        END AS amount,
        CASE
            WHEN (o.state = 'pending'::text) THEN 'open'::text
            WHEN (o.state = 'done'::text) THEN 'used'::text
            ELSE 'released'::text
        END AS state
   FROM (tolem.wallet_operation o
     JOIN tolem.wallet_authorization a ON (((a.merchant_id = o.merchant_id) AND (a.id = o.authorization_id))));
grant select to auditor

view audit_v1.idem with (security_invoker=true) as
 SELECT i.merchant_id,
    m.mode,
    i.route,
    i.key,
    i.fingerprint,
    'done'::text AS state,
    i.status AS http_status,
    i.body_sha256,
    (i.object_id)::text AS object_id,
    i.created_at,
    NULL::timestamp with time zone AS lease_until,
    i.xact
   FROM (tolem.idempotency i
     JOIN tolem.merchant m ON ((m.merchant_id = i.merchant_id)));
grant select to auditor

view audit_v1.payout with (security_invoker=true) as
 SELECT (p.id)::text AS id,
    p.merchant_id,
    m.mode,
    'card'::text AS kind,
    p.amount,
    p.currency,
    p.state,
    NULL::text AS external_id,
    p.created_at,
    p.final_at
   FROM (tolem.payout p
     JOIN tolem.merchant m ON ((m.merchant_id = p.merchant_id)))
UNION ALL
 SELECT (d.id)::text AS id,
    d.merchant_id,
    m.mode,
    'bank'::text AS kind,
    d.amount,
    d.currency,
    d.state,
    NULL::text AS external_id,
    d.created_at,
    d.final_at
   FROM (tolem.distribution d
     JOIN tolem.merchant m ON ((m.merchant_id = d.merchant_id)));
grant select to auditor

view audit_v1.posting with (security_invoker=true) as
 SELECT (((((((((t.merchant_id || '/'::text) || t.object_id) || '/'::text) || t.kind) || '/'::text) || t.ordinal) || '/'::text) || t.line) || '/from'::text) AS id,
    ((((((t.merchant_id || '/'::text) || t.object_id) || '/'::text) || t.kind) || '/'::text) || t.ordinal) AS txn_id,
    ((t.merchant_id || '/'::text) || t.from_account) AS account_id,
    t.currency,
    (- t.amount) AS amount
   FROM tolem.transfer t
UNION ALL
 SELECT (((((((((t.merchant_id || '/'::text) || t.object_id) || '/'::text) || t.kind) || '/'::text) || t.ordinal) || '/'::text) || t.line) || '/to'::text) AS id,
    ((((((t.merchant_id || '/'::text) || t.object_id) || '/'::text) || t.kind) || '/'::text) || t.ordinal) AS txn_id,
    ((t.merchant_id || '/'::text) || t.to_account) AS account_id,
    t.currency,
    t.amount
   FROM tolem.transfer t;
grant select to auditor

view audit_v1.recon with (security_invoker=true) as
 SELECT line_key AS line_id,
    'iso20022'::text AS processor,
        CASE
            WHEN (matched = ANY (ARRAY['payment'::text, 'return'::text])) THEN (object_id || '/1'::text)
            ELSE NULL::text
        END AS submission_id,
    amount,
    currency,
    matched AS status
   FROM tolem.bank_line l;
grant select to auditor

view audit_v1.submission with (security_invoker=true) as
 SELECT ((payout_id || '/'::text) || attempt) AS id,
    (payout_id)::text AS payout_id,
    attempt,
    connector AS processor,
    reference AS request_ref,
    phase,
    outcome,
    evidence,
    prepared_at,
    sent_at,
    resend_until,
    resolved_at
   FROM tolem.submission s;
grant select to auditor

view audit_v1.transition with (security_invoker=true) as
 SELECT (object_id)::text AS object_id,
    object_seq AS seq,
    from_state,
    to_state,
    at,
    cause,
    xact
   FROM tolem.event e;
grant select to auditor

view audit_v1.txn with (security_invoker=true) as
 SELECT DISTINCT ((((((merchant_id || '/'::text) || object_id) || '/'::text) || kind) || '/'::text) || ordinal) AS id,
    at,
    kind,
    object_id,
    ordinal,
    NULL::text AS reverses_txn_id,
    xact
   FROM tolem.transfer t;
grant select to auditor

view audit_v1.wallet_auth with (security_invoker=true) as
 SELECT (a.id)::text AS id,
    a.merchant_id,
    m.mode,
    a.amount,
    a.currency,
    a.state
   FROM (tolem.wallet_authorization a
     JOIN tolem.merchant m ON ((m.merchant_id = a.merchant_id)));
grant select to auditor

view audit_v1.wallet_op with (security_invoker=true) as
 SELECT (id)::text AS id,
    (authorization_id)::text AS auth_id,
    kind,
    amount,
    state,
    idempotency_key AS idem_key
   FROM tolem.wallet_operation o;
grant select to auditor

view tolem.transaction with (security_invoker=true) as
 SELECT p.merchant_id,
    p.id,
    'unknown'::text AS type,
    p.state,
    p.amount,
    p.currency,
    p.order_reference,
    p.description,
    NULL::uuid AS parent_transaction_id,
    p.card_token_id,
    p.customer_id,
    p.brand,
    p.bin,
    p.last4,
    p.store_id,
    p.terminal_id,
    p.retrieval_reference_number,
    p.error_code,
    p.error_message,
    p.created_at,
    p.updated_at,
    p.final_at
   FROM tolem.payout p
UNION ALL
 SELECT r.merchant_id,
    r.id,
    'return'::text AS type,
    'returned'::text AS state,
    r.amount,
    r.currency,
    p.order_reference,
    p.description,
    p.id AS parent_transaction_id,
    p.card_token_id,
    p.customer_id,
    p.brand,
    p.bin,
    p.last4,
    p.store_id,
    p.terminal_id,
    p.retrieval_reference_number,
    r.code AS error_code,
        CASE
            WHEN (r.code IS NULL) THEN NULL::text
            ELSE 'returned by the bank'::text
        END AS error_message,
    r.created_at,
    r.created_at AS updated_at,
    r.created_at AS final_at
   FROM (tolem.payout_return r
     JOIN tolem.payout p ON (((p.merchant_id = r.merchant_id) AND (p.id = r.payout_id))));
grant select to tolem_app

CREATE OR REPLACE PROCEDURE tolem.guard(IN target regclass, IN journal boolean DEFAULT false)
 LANGUAGE plpgsql
AS $procedure$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy own on %s using (merchant_id = current_setting(''tolem.merchant'', true)) with check (merchant_id = current_setting(''tolem.merchant'', true))', target);
  execute format('create policy audit on %s for select to auditor using (true)', target);
  execute format('create trigger own_merchant before insert on %s for each row when (new.merchant_id is distinct from current_setting(''tolem.merchant'', true)) execute function tolem.own_merchant()', target);
  -- One merchant may have most of the rows: no plan may take "all rows of a merchant" for few, whatever the average is.
  execute format('alter table %s alter column merchant_id set (n_distinct = 1)', target);
  if journal then
    execute format('create trigger only_append before truncate on %s for each statement execute function tolem.only_append()', target);
    execute format('grant select, insert on %s to tolem_app', target);
  else
    execute format('grant select, insert, update on %s to tolem_app', target);
  end if;
end $procedure$

CREATE OR REPLACE FUNCTION tolem.only_append()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception '% only grows', tg_table_name using errcode = 'insufficient_privilege';
end $function$

CREATE OR REPLACE FUNCTION tolem.own_merchant()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'merchant % may not write a row of merchant %', current_setting('tolem.merchant', true), new.merchant_id
    using errcode = 'insufficient_privilege';
end $function$

grant usage on schema audit_v1 to auditor
grant usage on schema tolem to auditor
grant usage on schema tolem to tolem_app
grant usage on schema tolem to tolem_scan
grant usage on schema tolem to tolem_vault
grant usage on schema vault to auditor
grant usage on schema vault to tolem_vault
