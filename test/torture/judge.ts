/** judge.ts: at the end, what everybody has written down is laid side by side: the bank, the clients, the receivers and the books. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry as BankEntry } from '../../src/sandbox/journal.ts';
import type { Findings } from './findings.ts';
import type { Merchant, Platform } from './platform.ts';

/** A payout and what was submitted for it, as the books have it. Amounts in minor units. */
export interface PayoutRow {
  merchant: string;
  id: string;
  state: string;
  amount: bigint;
  fee: bigint;
  currency: string;
  tokenId: string;
  reference: string;
  /** the processor's name for it; null where it was refused at once */
  ref: string | null;
  phase: string | null;
  outcome: string | null;
  note: string | null;
  /** what brought the final state about */
  cause: string | null;
  /** when its `processing` was committed */
  intentAt: Date | null;
}

/** All that is known at the end. */
export interface Evidence {
  platform: Platform;
  findings: Findings;
  payouts: PayoutRow[];
  byRef: Map<string, PayoutRow>;
  byId: Map<string, PayoutRow>;
  bank: BankEntry[];
  /** of the fingerprints in the bank's journal */
  bankKey: Buffer;
}

const isFinal = (state: string): boolean => state !== 'new' && state !== 'processing';
export const isOpen = ({ state }: PayoutRow): boolean => !isFinal(state);

const payoutsQuery = `
  select p.merchant_id as merchant, p.id::text as id, p.state, p.amount::text as amount, p.fee::text as fee, p.currency, p.card_token_id::text as "tokenId", p.order_reference as reference,
    s.reference as ref, s.phase, s.outcome, s.note, f.cause, pg_xact_commit_timestamp(i.xact::xid) as "intentAt"
  from tolem.payout p
  left join tolem.submission s on s.merchant_id = p.merchant_id and s.payout_id = p.id
  left join tolem.event f on f.merchant_id = p.merchant_id and f.object_id = p.id and f.object_seq = p.seq and p.final_at is not null
  left join tolem.event i on i.merchant_id = p.merchant_id and i.object_id = p.id and i.to_state = 'processing'
  order by p.id`;

export async function readPayouts({ database }: Platform): Promise<PayoutRow[]> {
  const rows = await database.ask<Omit<PayoutRow, 'amount' | 'fee'> & { amount: string; fee: string }>(payoutsQuery);
  return rows.map((row) => ({ ...row, amount: BigInt(row.amount), fee: BigInt(row.fee) }));
}

export async function gather(platform: Platform, findings: Findings): Promise<Evidence> {
  const payouts = await readPayouts(platform);
  return {
    ...{ platform, findings, payouts },
    byRef: new Map(payouts.flatMap((payout) => (payout.ref ? [[payout.ref, payout] as const] : []))),
    byId: new Map(payouts.map((payout) => [payout.id, payout])),
    bank: await platform.bankJournal<BankEntry>(),
    bankKey: Buffer.from(readFileSync(join(platform.bankFolder, 'journal.key'), 'utf8').trim(), 'hex'),
  };
}

/** What a payout costs, worked out here anew. */
export function feeOf(merchant: Merchant, amount: bigint, currency: string): bigint {
  const [fixed, points] = merchant.fees[currency] ?? [0n, 0n];
  return fixed + (amount * points + 5_000n) / 10_000n;
}

export const sum = (amounts: Iterable<bigint>): bigint => [...amounts].reduce((all, amount) => all + amount, 0n);

export function grouped<T>(list: Iterable<T>, name: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of list) {
    const group = groups.get(name(one));
    if (group) group.push(one);
    else groups.set(name(one), [one]);
  }
  return groups;
}
