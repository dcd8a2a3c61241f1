/** volume.ts: good books of any size, written by SQL alone: what the product would have written, without the time that takes. */
import type { Session } from '../../src/db/migrate.ts';

/**
 * Merchants with as many payouts each, all settled, of one minor unit: first all are accepted, then all sent, then all
 * executed. Whoever calls it is a superuser; guards and foreign keys are not asked.
 */
export async function fill(session: Session, merchants: number, payouts: number): Promise<void> {
  await session.exec(`
    begin;
    set local session_replication_role = replica;
    create temp table m on commit drop as select gen_random_uuid()::text as id, gen_random_uuid() as card, gen_random_uuid() as customer, gen_random_uuid() as data_key, gen_random_uuid() as endpoint, i from generate_series(1, ${merchants}) i;
    create temp table p on commit drop as select m.id as merchant, m.card, m.customer, m.endpoint, gen_random_uuid() as id, n, timestamptz '2026-01-01' + n * interval '1 ms' as at from m, generate_series(1, ${payouts}) n;
    insert into tolem.organisation (id, name, created_at) values ('volume', 'Volume', '2026-01-01');
    insert into tolem.merchant (merchant_id, organisation_id, mode, name, code, store_id, terminal_id, webhook_token, created_at)
      select id, 'volume', 'test', 'Shop', lpad(to_hex(i), 8, '0'), 's', 't', '', '2026-01-01' from m;
    insert into tolem.customer (merchant_id, id, created_at, updated_at) select id, customer, '2026-01-01', '2026-01-01' from m;
    insert into vault.data_key (merchant_id, id, kek_id, wrapped, created_at) select id, data_key, 'k', '', '2026-01-01' from m;
    insert into vault.card (merchant_id, token_id, data_key_id, nonce, ciphertext, created_at) select id, card, data_key, '\\x000000000000000000000001', '', '2026-01-01' from m;
    insert into tolem.card_token (merchant_id, id, customer_id, brand, bin, last4, expiry_month, expiry_year, fingerprint, created_at) select id, card, customer, 'visa', '411111', '1111', 12, 2039, 'f', '2026-01-01' from m;
    insert into tolem.endpoint (merchant_id, id, url, secret, created_at, updated_at) select id, endpoint, 'https://shop.example', '', '2026-01-01', '2026-01-01' from m;
    insert into tolem.event_counter (merchant_id, next) select id, 3 * ${payouts} + 1 from m;
    insert into tolem.account (merchant_id, id, kind, currency, balance, entries, floor, last_at)
      select m.id, a.kind || case a.kind when 'clearing' then ':processor' else '' end || '/KZT', a.kind, 'KZT', a.balance, a.entries, a.floor, '2026-01-02' from m,
        (values ('available', 0, ${payouts} + 1, 0), ('held', 0, 2 * ${payouts}, 0), ('clearing', ${payouts}, ${payouts}, null), ('world', -${payouts}, 1, null)) a (kind, balance, entries, floor);
    insert into tolem.transfer (merchant_id, object_id, kind, currency, amount, from_account, from_entry, from_balance, to_account, to_entry, to_balance, at)
      select m.id, gen_random_uuid()::text, 'topup', 'KZT', ${payouts}, 'world/KZT', 1, -${payouts}, 'available/KZT', 1, ${payouts}, '2026-01-01' from m
      union all select merchant, id::text, 'reserve', 'KZT', 1, 'available/KZT', n + 1, ${payouts} - n, 'held/KZT', n, n, at from p
      union all select merchant, id::text, 'settle', 'KZT', 1, 'held/KZT', ${payouts} + n, ${payouts} - n, 'clearing:processor/KZT', n, n, at + interval '2 hours' from p;
    insert into tolem.payout (merchant_id, id, state, seq, amount, fee, currency, card_token_id, customer_id, brand, bin, last4, store_id, terminal_id, created_at, updated_at, final_at)
      select merchant, id, 'settled', 3, 1, 0, 'KZT', card, customer, 'visa', '411111', '1111', 's', 't', at, at + interval '2 hours', at + interval '2 hours' from p;
    insert into tolem.submission (merchant_id, payout_id, connector, reference, action, phase, outcome, prepared_at, sent_at, resend_until, resolved_at)
      select merchant, id, 'processor', id::text, 'ask', 'sent', 'settled', at, at + interval '1 hour', at + interval '1 day', at + interval '2 hours' from p;
    insert into tolem.event (merchant_id, number, id, object_id, object_seq, type, from_state, to_state, cause, body, at)
      select merchant, (seq - 1) * ${payouts} + n, gen_random_uuid(), id, seq, 'transaction.' || state, was, state, 'request', '{}', at + (seq - 1) * interval '1 hour' from p,
        (values (1, null, 'new'), (2, 'new', 'processing'), (3, 'processing', 'settled')) s (seq, was, state);
    insert into tolem.delivery (merchant_id, endpoint_id, event_number, object_id, object_seq, state, tries, first_ok_at, created_at)
      select merchant, endpoint, (seq - 1) * ${payouts} + n, id, seq, 'delivered', 1, at + interval '3 hours', at from p, generate_series(2, 3) seq;
    insert into tolem.idempotency (merchant_id, route, key, fingerprint, status, body, body_sha256, object_id, created_at)
      select merchant, 'POST /v1/payout', n::text, '', 201, '{}', '', id, at from p;
    commit`);
}
