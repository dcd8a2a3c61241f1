import type { OutgoingState } from '../sending/outgoing.ts';
import type { Distribution } from './distribution.ts';

/** The wire's word for a state. A recipient's bank that refuses and a technical fault are both `failed`; the reason says which. */
const WORDS = { new: 'created', processing: 'processing', settled: 'completed', rejected: 'failed', failed: 'failed' } as const satisfies Record<
  OutgoingState,
  string
>;
export type DistributionStatus = (typeof WORDS)[OutgoingState];

export const statusOf = (state: OutgoingState): DistributionStatus => WORDS[state];
/** The states that a word stands for. */
export const statesOf = (status: string): OutgoingState[] => (Object.keys(WORDS) as OutgoingState[]).filter((state) => WORDS[state] === status);

/** RFC 3339 in UTC, to the second. */
const seconds = (at: Date): string => `${at.toISOString().slice(0, 19)}Z`;

function base(d: Distribution) {
  return {
    id: d.id,
    orderReference: d.orderReference,
    amount: Number(d.amount),
    currency: d.currency,
    status: statusOf(d.state),
    recipient: { name: d.name, bin: d.bin, iban: d.iban, bic: d.bic, kbe: d.kbe, knp: d.knp },
    paymentPurpose: d.paymentPurpose,
  };
}
const times = (d: Distribution) => ({ createdAt: seconds(d.createdAt), updatedAt: seconds(d.updatedAt) });

/** What the call that makes it answers. */
export const createdView = (d: Distribution) => ({
  ...base(d),
  ...{ balanceBefore: Number(d.balanceBefore), balanceAfter: Number(d.balanceAfter) },
  ...times(d),
});

export const detailView = (d: Distribution) => ({ ...createdView(d), failureReason: failureOf(d) });
export const listView = (d: Distribution) => ({ ...base(d), ...times(d) });

const failureOf = ({ errorCode, errorMessage }: Distribution): string | null =>
  errorCode === null ? null : `${errorCode}: ${errorMessage ?? 'no reason was given'}`;

/** The webhook that tells of a distribution's new state. */
export const distributionEvent = (merchantId: string, d: Distribution, at: Date): { type: string; body: string } =>
  event(merchantId, `distribution.${statusOf(d.state)}`, detailView(d), at);

/** The money came back after it had been paid: an object of its own, which names the distribution. */
export const returnedEvent = (merchantId: string, id: string, d: Distribution, code: string | null, at: Date): { type: string; body: string } =>
  event(merchantId, 'distribution.returned', { ...base(d), id, status: 'returned', distributionId: d.id, returnReason: code, createdAt: seconds(at) }, at);

const event = (merchantId: string, type: string, data: unknown, at: Date) => ({
  type,
  body: JSON.stringify({ name: type, merchantId, data, postedAt: `${at.toISOString().slice(0, -1)}000000Z` }),
});
