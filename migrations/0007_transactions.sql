-- What a merchant sees of every attempt to move money, whichever room it belongs to. A room that makes transactions adds
-- itself here.

create view tolem.transaction with (security_invoker = true) as
  select p.merchant_id, p.id, 'unknown'::text as type, p.state, p.amount, p.currency, p.order_reference, p.description, null::uuid as parent_transaction_id,
    p.card_token_id, p.customer_id, p.brand, p.bin, p.last4, p.store_id, p.terminal_id, p.retrieval_reference_number, p.error_code, p.error_message,
    p.created_at, p.updated_at, p.final_at
  from tolem.payout p
  union all
  select r.merchant_id, r.id, 'return'::text, 'returned'::text, r.amount, r.currency, p.order_reference, p.description, p.id,
    p.card_token_id, p.customer_id, p.brand, p.bin, p.last4, p.store_id, p.terminal_id, p.retrieval_reference_number, r.code, case when r.code is null then null else 'returned by the bank' end,
    r.created_at, r.created_at, r.created_at
  from tolem.payout_return r
  join tolem.payout p on p.merchant_id = r.merchant_id and p.id = r.payout_id;
grant select on tolem.transaction to tolem_app;
