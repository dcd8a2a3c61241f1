-- Customers, saved cards and the vault. The application's role sees a token; only the vault's role sees what it stands for.

-- tenant
create table tolem.customer (
  merchant_id text not null references tolem.merchant (merchant_id),
  id uuid not null,
  external_user_id text,
  email text,
  phone text,
  first_name text,
  last_name text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (merchant_id, id)
);
create unique index customer_external on tolem.customer (merchant_id, external_user_id) where external_user_id is not null;
create index customer_email on tolem.customer (merchant_id, lower(email)) where email is not null;
call tolem.guard('tolem.customer');

-- tenant, vault: a data key of a merchant, wrapped by the key-encryption key that is not in this database
create table vault.data_key (
  merchant_id text not null references tolem.merchant (merchant_id),
  id uuid not null,
  kek_id text not null,
  wrapped bytea not null,                   -- AES-256-GCM under the KEK; merchant and id are its associated data
  created_at timestamptz not null,
  retired_at timestamptz,                   -- opens what it sealed, seals nothing more, and is deleted when nothing is left
  primary key (merchant_id, id)
);
create unique index data_key_active on vault.data_key (merchant_id) where retired_at is null;

-- tenant, vault: written and committed before its token is, so it names none. What never got a token is swept up.
create table vault.card (
  merchant_id text not null,
  token_id uuid not null,
  data_key_id uuid not null,
  nonce bytea not null check (length(nonce) = 12),
  ciphertext bytea not null,
  created_at timestamptz not null,
  primary key (merchant_id, token_id),
  unique (data_key_id, nonce, merchant_id), -- GCM is lost when a nonce is used twice under one key
  foreign key (merchant_id, data_key_id) references vault.data_key (merchant_id, id)
);
create index card_data_key on vault.card (data_key_id, merchant_id, token_id);

-- reference, vault: the RSA keys that card data is encrypted to on its way in; the private half is sealed
create table vault.transport_key (
  id text primary key,
  public_key text not null,
  kek_id text not null,
  private_key bytea not null,
  created_at timestamptz not null,
  retired_at timestamptz
);
create unique index transport_key_active on vault.transport_key ((true)) where retired_at is null;

-- reference, vault: a rotation that was begun, so that one that was interrupted goes on where it stood
create table vault.rotation (
  id uuid primary key,
  started_at timestamptz not null,
  finished_at timestamptz
);
create unique index rotation_running on vault.rotation ((true)) where finished_at is null;

call tolem.guard('vault.data_key');
call tolem.guard('vault.card');
revoke all on vault.data_key, vault.card from tolem_app;
grant select, insert, update, delete on vault.data_key, vault.card to tolem_vault;
grant select, insert, update on vault.transport_key, vault.rotation to tolem_vault;
create policy rotate on vault.data_key for select to tolem_vault using (true); -- which merchants have keys, and under which KEK

-- tenant. Its ciphertext is there before it is: the last foreign key makes a token without one impossible.
create table tolem.card_token (
  merchant_id text not null,
  id uuid not null,
  customer_id uuid not null,
  brand text not null,
  bin text not null check (bin ~ '^[0-9]{6,8}$'),
  last4 text not null check (last4 ~ '^[0-9]{4}$'),
  expiry_month smallint not null check (expiry_month between 1 and 12),
  expiry_year smallint not null check (expiry_year between 2000 and 2100),
  fingerprint text not null,                -- keyed, per merchant: equal cards of one merchant are equal here, and nowhere else
  created_at timestamptz not null,
  primary key (merchant_id, id),
  foreign key (merchant_id, customer_id) references tolem.customer (merchant_id, id),
  foreign key (merchant_id, id) references vault.card (merchant_id, token_id)
);
create index card_token_customer on tolem.card_token (customer_id, merchant_id);
create index card_token_fingerprint on tolem.card_token (fingerprint, merchant_id);
call tolem.guard('tolem.card_token');

-- The vault reads of the rest whose rows it writes, and which of its ciphertexts have a token.
grant usage on schema tolem to tolem_vault;
grant select (merchant_id) on tolem.merchant to tolem_vault;
grant select (merchant_id, id) on tolem.card_token to tolem_vault;

-- tenant: one wish to save a card. What opens its page is nowhere here, only the hash of it.
create table tolem.card_session (
  merchant_id text not null,
  id uuid not null,
  hash text check (hash ~ '^[0-9a-f]{64}$'), -- SHA-256 of what opens the page; null: the card came with the request
  customer_id uuid not null,
  status text not null check (status in ('new', 'saved', 'failed')),
  card_token_id uuid,
  success_url text,
  failure_url text,
  tries int not null default 0 check (tries >= 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  expires_at timestamptz not null,          -- a session that is still new by then can no longer be used
  primary key (merchant_id, id),
  unique (merchant_id, hash),
  foreign key (merchant_id, customer_id) references tolem.customer (merchant_id, id),
  foreign key (merchant_id, card_token_id) references tolem.card_token (merchant_id, id),
  check ((status = 'saved') = (card_token_id is not null))
);
call tolem.guard('tolem.card_session');

-- look-up: whose page is this. Keyed by the hash, so that a dump opens no page.
create table tolem.page_owner (
  hash text primary key check (hash ~ '^[0-9a-f]{64}$'),
  merchant text not null
);
grant select, insert on tolem.page_owner to tolem_app;
