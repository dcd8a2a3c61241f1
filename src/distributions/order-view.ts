import type { OutgoingState } from '../sending/outgoing.ts';
import { timestamp } from '../transactions/view.ts';
import type { Distribution } from './distribution.ts';

/** The wire's word for a state: what is on its way is `created` until it is paid or has failed. */
const STATUS = { new: 'created', processing: 'created', settled: 'paid', rejected: 'failed', failed: 'failed' } as const satisfies Record<
  OutgoingState,
  string
>;

/** The states that a word stands for. */
export const orderStatesOf = (status: string): OutgoingState[] => (Object.keys(STATUS) as OutgoingState[]).filter((state) => STATUS[state] === status);

/** What stands for a requestId where none was given: no requestId has a space. */
export const unnamed = (id: string): string => `settlement ${id}`;

/** A settlement order as the API shows it. */
export const orderView = (merchantId: string, d: Distribution) => ({
  ...{
    id: d.id,
    requestId: d.orderReference === unnamed(d.id) ? null : d.orderReference,
    merchantId,
    beneficiaryId: d.beneficiaryId as string,
    source: d.source,
  },
  ...{ amount: Number(d.amount), currency: d.currency, status: STATUS[d.state], paymentPurpose: d.paymentPurpose },
  ...{ balanceBefore: Number(d.balanceBefore), balanceAfter: Number(d.balanceAfter) },
  failureReason: d.errorCode === null ? null : `${d.errorCode}: ${d.errorMessage ?? 'no reason was given'}`,
  ...{ createdAt: timestamp(d.createdAt), updatedAt: timestamp(d.updatedAt) },
  paidAt: d.state === 'settled' && d.finalAt ? timestamp(d.finalAt) : null,
});

/** The webhook that tells of an order's new state. That it is being processed is in the feed alone. */
export function orderEvent(merchantId: string, d: Distribution): { type: string; body: string } {
  const status = STATUS[d.state];
  return message(merchantId, d.state === 'processing' ? 'processing' : status, status, d);
}

/** The money came back after it had been paid. */
export const orderReturnedEvent = (merchantId: string, id: string, d: Distribution): { type: string; body: string } =>
  message(merchantId, 'returned', 'returned', d, { return_id: id });

/** In the snake case of this one message. @source the product's page on settlement orders */
function message(merchantId: string, word: string, status: string, d: Distribution, more: object = {}): { type: string; body: string } {
  const type = `payment_order.${word}`;
  const data = {
    amount: Number(d.amount),
    status,
    currency: d.currency,
    merchant_id: merchantId,
    beneficiary_id: d.beneficiaryId,
    payment_order_id: d.id,
    ...more,
  };
  return { type, body: JSON.stringify({ name: type, merchant_id: merchantId, data }) };
}
