/** The audit views are what outside checkers were promised, and no rule of the books is one that nothing could break. */
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type Check, checks } from '../../src/audit/checks.ts';
import { verify } from '../../src/audit/verify.ts';
import { withOwner } from '../../src/db/session.ts';
import { freshDatabase } from '../harness/template.ts';
import { fill } from './volume.ts';

let url: string;
let owner: pg.Client;
beforeAll(async () => {
  url = await freshDatabase(inject('postgres'));
  await withOwner(url, (session) => fill(session, 2, 3));
  owner = new pg.Client({ connectionString: url });
  await owner.connect();
});
afterAll(() => owner.end());

/** invariants.md, 2.1. Columns may follow these, none may come between. */
const promised: Record<string, string> = {
  account: 'id, merchant_id, mode, currency, kind, min_available',
  txn: 'id, at, kind, object_id, ordinal, reverses_txn_id, xact',
  posting: 'id, txn_id, account_id, currency, amount',
  balance: 'account_id, posted',
  hold: 'id, account_id, object_id, amount, state',
  payout: 'id, merchant_id, mode, kind, amount, currency, state, external_id, created_at, final_at',
  transition: 'object_id, seq, from_state, to_state, at, cause, xact',
  submission: 'id, payout_id, attempt, processor, request_ref, phase, outcome, evidence, prepared_at, sent_at, resend_until, resolved_at',
  idem: 'merchant_id, mode, route, key, fingerprint, state, http_status, body_sha256, object_id, created_at, lease_until, xact',
  event: 'id, merchant_id, mode, object_id, object_seq, type, at, xact',
  endpoint: 'id, merchant_id, mode, url, enabled, created_at',
  delivery: 'event_id, endpoint_id, state, attempts, first_ok_at, next_at',
  callback: 'id, processor, dedupe_key, received_at, applied_at, effect_count',
  card_token: 'id, merchant_id, bin, last4, fingerprint, dek_id, nonce',
  dek: 'id, kek_id, created_at, retired_at',
  api_key: 'id, merchant_id, mode, prefix, last4, verifier, scopes, expires_at, revoked_at',
  wallet_auth: 'id, merchant_id, mode, amount, currency, state',
  wallet_op: 'id, auth_id, kind, amount, state, idem_key',
  recon: 'line_id, processor, submission_id, amount, currency, status',
};
/** Of rooms that are not there yet. */
const later = ['audit_log', 'approval'];

test('the views have the promised columns, in the promised order', async () => {
  const { rows } = await owner.query<{ view: string; columns: string }>(
    `select table_name as view, string_agg(column_name, ', ' order by ordinal_position) as columns from information_schema.columns where table_schema = 'audit_v1' group by 1`,
  );
  const found = Object.fromEntries(rows.map(({ view, columns }) => [view, columns]));
  expect(
    Object.keys(found)
      .filter((view) => !later.includes(view))
      .toSorted(),
  ).toEqual(Object.keys(promised).toSorted());
  for (const [view, columns] of Object.entries(promised)) expect(`${found[view]},`.startsWith(`${columns},`), `${view}: ${found[view]}`).toBe(true);
});

test('an amount is a bigint in every view', async () => {
  const { rows } = await owner.query(
    `select table_name, column_name, data_type from information_schema.columns where table_schema = 'audit_v1' and column_name in ('amount', 'posted', 'min_available') and data_type <> 'bigint'`,
  );
  expect(rows).toEqual([]);
});

test('no view has a condition, a function, an aggregate or a query within it', async () => {
  // The rule as PostgreSQL keeps it says what its text only shows. Casts are functions too, of another format than calls.
  const { rows } = await owner.query<{ view: string; tree: string }>(
    `select c.relname as view, r.ev_action::text as tree from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'audit_v1'`,
  );
  expect(rows.length).toBe(Object.keys(promised).length);
  for (const { view, tree } of rows) {
    expect(tree.match(/\{(?:AGGREF|WINDOWFUNC|SUBLINK|COALESCEEXPR|MINMAXEXPR|SQLVALUEFUNCTION)/)?.[0], view).toBeUndefined();
    expect(tree.match(/\{FUNCEXPR :funcid \d+ :funcresulttype \d+ :funcretset \w+ :funcvariadic \w+ :funcformat 0/)?.[0], view).toBeUndefined();
    expect(tree.match(/\{FROMEXPR/g)?.length, view).toBe(tree.match(/:quals <>\}/g)?.length);
  }
});

test('good books break no rule', async () => {
  expect((await verify(url)).filter(({ violations }) => violations > 0)).toEqual([]);
});

const some = `object_id = (select min(id::text) from tolem.payout)`;
const payout = `(select min(id::text)::uuid from tolem.payout)`;
const settled = `object_id = ${payout} and object_seq = 3`;
const another = (columns: string) =>
  `insert into tolem.transfer (merchant_id, object_id, kind, line, currency, amount, from_account, from_entry, from_balance, to_account, to_entry, to_balance, at)
   select merchant_id, object_id, kind, 2, ${columns} from tolem.transfer where ${some} and kind = 'settle'`;
const secondAttempt = (outcome: string) =>
  `insert into tolem.submission (merchant_id, payout_id, attempt, connector, reference, phase, outcome, prepared_at, sent_at)
   select merchant_id, payout_id, 2, connector, 'another', 'sent', '${outcome}', prepared_at, sent_at from tolem.submission where payout_id = ${payout}`;
/** What the tables cannot say at all is said by a view in their place. */
const view = (name: string, change: (text: string) => string) => ({ name, change });

/** An authorization of 100 that stands, with what the processor said of it; and operations of it. */
const walletAuth = (sums = '', values = '') => `
  insert into tolem.wallet_authorization (merchant_id, id, state, seq, amount, currency, order_reference, connector, reference, created_at, updated_at, final_at, expires_at, lapse_at${sums})
    select merchant_id, md5('auth')::uuid, 'success', 1, 100, 'KZT', 'o', 'processor', 'auth', '2026-01-01', '2026-01-01', '2026-01-01', '2026-01-08', '2026-01-08'${values} from tolem.merchant limit 1;
  insert into tolem.wallet_submission (merchant_id, id, authorization_id, kind, amount, connector, reference, phase, outcome, prepared_at, sent_at)
    select merchant_id, id, id, 'authorize', amount, connector, reference, 'sent', 'done', created_at, created_at from tolem.wallet_authorization;
  insert into tolem.event (merchant_id, number, id, object_id, object_seq, type, to_state, cause, body, at)
    select merchant_id, 10000, gen_random_uuid(), id, 1, 'wallet_transaction.success', state, 'call', '{}', created_at from tolem.wallet_authorization`;
const walletOp = (kind: string, amount: number, state = 'pending') => `;
  insert into tolem.wallet_operation (merchant_id, id, authorization_id, kind, amount, state, cause, created_at, final_at)
    select merchant_id, md5('${kind}')::uuid, id, '${kind}', ${amount}, '${state}', 'request', created_at, case when '${state}' <> 'pending' then created_at end from tolem.wallet_authorization`;

type Plant = string | ReturnType<typeof view>;
const planted: Record<string, Plant> = {
  'INV-01': view('posting', (text) => text.replace(/,\s+t\.amount\b/, ', t.amount + 1')),
  'INV-02': `alter table tolem.transfer drop constraint transfer_amount_check; update tolem.transfer set amount = 0 where ${some}`,
  'INV-03': `update tolem.transfer set currency = 'USD' where ${some}`,
  'INV-04': `delete from tolem.account where id = 'world/KZT'`,
  'INV-05': `update tolem.account set balance = balance + 1 where id = 'available/KZT'`,
  'INV-05b': `update tolem.transfer set from_balance = from_balance + 1 where ${some}`,
  'INV-06': `update tolem.account set balance = 5 where id = 'held/KZT'`,
  'INV-07': `alter table tolem.account drop constraint account_check; update tolem.account set balance = -1 where id = 'held/KZT'`,
  'INV-08': `grant update on tolem.transfer to tolem_app`,
  'INV-10': `delete from tolem.transfer where ${some} and kind = 'settle'`,
  'INV-10b': `update tolem.payout set amount = 2 where id = ${payout}`,
  'INV-10c': `insert into tolem.invoice (merchant_id, id, state, seq, number, order_reference, amount, currency, payer_name, payer_bin, payee_name, payee_bin, payee_iban, payee_bic, payee_kbe, payee_knp, payment_purpose, line_key, created_at, updated_at, paid_at)
    select merchant_id, gen_random_uuid(), 'paid', 2, 'n', 'o', 1, 'KZT', 'p', 'b', 'p', 'b', 'i', 'c', 'k', 'n', 'p', 'l', created_at, created_at, created_at from tolem.merchant limit 1`,
  'INV-11': another(`currency, amount, from_account, 90, 0, to_account, 90, 0, at + interval '1 second'`),
  'INV-12': `alter table tolem.payout add column weight real`,
  'INV-13': another(`'USD', amount, from_account, 90, 0, to_account, 90, 0, at`),
  'INV-14': `insert into tolem.split_request (merchant_id, id, state, seq, source, currency, order_reference, items, parts, created_at, updated_at)
    select merchant_id, gen_random_uuid(), 'processed', 2, 'order/o', 'KZT', 'o', '[{"beneficiaryId": "b", "amount": 1}]', '{1}', created_at, created_at from tolem.merchant limit 1`,
  'INV-14b': `insert into tolem.income (merchant_id, source, currency, amount) select merchant_id, 'order/o', 'KZT', 1 from tolem.merchant limit 1`,
  'INV-15': view('txn', (text) => text.replace('NULL::text AS reverses_txn_id', `'one'::text AS reverses_txn_id`)),
  'INV-16': `insert into tolem.distribution (merchant_id, id, state, seq, amount, currency, order_reference, recipient_name, recipient_bin, recipient_iban, recipient_bic, recipient_kbe, recipient_knp, payment_purpose, balance_before, balance_after, created_at, updated_at)
    select merchant_id, gen_random_uuid(), 'new', 1, 1, 'KZT', 'o', 'n', 'b', 'i', 'c', 'k', 'n', 'p', 10, 9, created_at, created_at from tolem.merchant limit 1`,
  'INV-17': view('account', (text) => text.replace('a.merchant_id,', '(a.merchant_id || a.kind) AS merchant_id,')),
  'INV-18': view('account', (text) => text.replace('m.mode,', 'a.kind AS mode,')),
  'INV-19': `update tolem.event set from_state = 'new' where ${settled}`,
  'INV-20': `update tolem.event set from_state = 'rejected' where ${settled}`,
  'INV-21': `update tolem.event set object_seq = 5 where ${settled}`,
  'INV-21b': `update tolem.event set to_state = 'failed' where ${settled}`,
  'INV-22': secondAttempt('accepted'),
  'INV-24': `alter table tolem.submission drop constraint submission_check; update tolem.submission set sent_at = prepared_at - interval '1 second' where payout_id = ${payout}`,
  'INV-25': `update tolem.submission set outcome = 'unknown' where payout_id = ${payout}; ${secondAttempt('pending')}`,
  'INV-26': `update tolem.payout set state = 'failed' where id = ${payout}; update tolem.submission set outcome = 'unknown' where payout_id = ${payout}`,
  'INV-27': `update tolem.submission set outcome = 'not_executed', evidence = 'absent' where payout_id = ${payout}`,
  'INV-28': `update tolem.submission set sent_at = resend_until + interval '1 second' where payout_id = ${payout}`,
  'INV-30': `update tolem.transfer set at = at + interval '1 day' where ${some} and kind = 'reserve'`,
  'INV-31': `alter table tolem.payout drop constraint payout_state_check; alter table tolem.payout drop constraint payout_check; update tolem.payout set state = 'lost' where id = ${payout}`,
  'INV-33': `insert into tolem.callback (merchant_id, id, processor, dedupe_key, received_at, applied_at, effects) select merchant_id, gen_random_uuid(), 'p', 'k', created_at, created_at, 2 from tolem.merchant`,
  'INV-35': `update tolem.submission set outcome = 'accepted' where payout_id = ${payout}`,
  'INV-43': `update tolem.idempotency set object_id = gen_random_uuid() where object_id = ${payout}`,
  'INV-49': walletAuth() + walletOp('capture', 60) + walletOp('cancel', 41),
  'INV-50': walletAuth() + walletOp('capture', 60, 'failed') + walletOp('refund', 1),
  'INV-52': walletAuth(', captured', ', 40') + walletOp('capture', 41, 'done'),
  'INV-52b': walletAuth(', captured', ', 40') + walletOp('capture', 40, 'done'),
  'INV-52c': `${walletAuth()}; update tolem.wallet_submission set outcome = 'unknown'`,
  'INV-54': view('event', (text) => `${text} WHERE e.object_seq < 3`),
  'INV-55': `update tolem.event set xact = '3' where ${settled}`,
  'INV-56': `alter table tolem.delivery drop constraint delivery_pkey cascade; insert into tolem.delivery select * from tolem.delivery where object_id = ${payout}`,
  'INV-62': `delete from tolem.event where number = 2`,
  'INV-70': `update tolem.event set at = at - interval '1 day' where ${settled}`,
  'INV-71': `alter table tolem.payout no force row level security`,
  'INV-72': `create unique index payout_alone on tolem.payout (id); alter table tolem.payout_return add constraint alone foreign key (payout_id) references tolem.payout (id)`,
  'INV-72b': `update tolem.submission set payout_id = gen_random_uuid() where payout_id = ${payout}`,
  'INV-88': `insert into tolem.bank_line (line_key, account, statement_id, status, amount, currency, direction, remittance, matched, object_id, file_sha256, seen_at)
    values ('k', 'a', 's', 'BOOK', 987654321, 'KZT', 'debit', '', 'payment', ${payout}, '', now())`,
  'INV-80': `update vault.card set data_key_id = (select min(id::text)::uuid from vault.data_key)`,
  'INV-83': `alter table tolem.api_key drop constraint api_key_verifier_check; insert into tolem.api_key (merchant_id, id, kind, prefix, last4, verifier, scopes, created_at) select merchant_id, gen_random_uuid(), 'key', 'pr_test_', 'abcd', 'the key itself', '{}', created_at from tolem.merchant`,
};

test('every rule has something that breaks it here', () => {
  expect(checks.map(({ id }) => id).toSorted()).toEqual(Object.keys(planted).toSorted());
});

const broken = async ({ query }: Check): Promise<number> => (await owner.query(query)).rows.length;

test.each(checks)('$id fires: $rule', async (check) => {
  await owner.query('begin; set local session_replication_role = replica; set local search_path = audit_v1');
  try {
    expect(await broken(check)).toBe(0);
    const plant = planted[check.id] as Plant;
    if (typeof plant === 'string') await owner.query(plant);
    else {
      const [{ text }] = (await owner.query<{ text: string }>(`select pg_get_viewdef('audit_v1.${plant.name}'::regclass) as text`)).rows as [{ text: string }];
      const changed = plant.change(text.replace(/;\s*$/, ''));
      expect(changed).not.toBe(text.replace(/;\s*$/, ''));
      await owner.query(`create or replace view audit_v1.${plant.name} with (security_invoker = true) as ${changed}`);
    }
    await owner.query('set local role auditor');
    expect(await broken(check)).toBeGreaterThan(0);
  } finally {
    await owner.query('rollback');
  }
});

test('no rule takes a time that grows with the square of the books', async () => {
  const large = await freshDatabase(inject('postgres'));
  await withOwner(large, (session) => fill(session, 100, 80)); // and nobody analyses them
  const from = performance.now();
  expect((await verify(large)).filter(({ violations }) => violations > 0)).toEqual([]);
  expect(performance.now() - from).toBeLessThan(20_000); // some seconds; a nested loop over 8,000 payouts takes minutes
}, 60_000);
