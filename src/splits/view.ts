import { timestamp } from '../transactions/view.ts';
import type { Split } from './split.ts';

/** A split as the API shows it. Of an item what was asked for, and what it was given. */
export const splitView = (merchantId: string, s: Split) => ({
  ...{ id: s.id, merchantId, transactionId: s.transactionId, orderReference: s.orderReference, status: s.state, currency: s.currency },
  items: s.items.map(({ beneficiaryId, amount, basisPoints }, i) => ({
    beneficiaryId,
    ...(amount === null ? { percent: (basisPoints ?? 0) / 100 } : { amount: Number(amount) }),
    given: s.parts ? Number(s.parts[i]) : null,
  })),
  failureReason: s.failureReason,
  ...{ createdAt: timestamp(s.createdAt), updatedAt: timestamp(s.updatedAt) },
});

export function splitEvent(merchantId: string, split: Split, at: Date): { type: string; body: string } {
  const type = `split.${split.state}`;
  return { type, body: JSON.stringify({ name: type, merchantId, data: splitView(merchantId, split), postedAt: `${at.toISOString().slice(0, -1)}000000Z` }) };
}
