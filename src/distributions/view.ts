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

/** An object member by member: spreads were a quarter of what a distribution costs the API. */
const recipientOf = (d: Distribution) => ({ name: d.name, bin: d.bin, iban: d.iban, bic: d.bic, kbe: d.kbe, knp: d.knp });

const failureOf = ({ errorCode, errorMessage }: Distribution): string | null =>
  errorCode === null ? null : `${errorCode}: ${errorMessage ?? 'no reason was given'}`;

export function detailView(d: Distribution) {
  return {
    id: d.id,
    orderReference: d.orderReference,
    amount: Number(d.amount),
    currency: d.currency,
    status: statusOf(d.state),
    recipient: recipientOf(d),
    paymentPurpose: d.paymentPurpose,
    balanceBefore: Number(d.balanceBefore),
    balanceAfter: Number(d.balanceAfter),
    createdAt: seconds(d.createdAt),
    updatedAt: seconds(d.updatedAt),
    failureReason: failureOf(d),
  };
}

const written = new WeakMap<Distribution, string>();

/** That, in JSON. Written once for each change: the answer and the event say the same. */
function detailText(d: Distribution): string {
  let text = written.get(d);
  if (text === undefined) written.set(d, (text = JSON.stringify(detailView(d))));
  return text;
}

const NO_FAILURE = ',"failureReason":null}';

/** What the call that makes it answers, in JSON: all of that but the reason of a failure, which there is none of. */
export function createdText(d: Distribution): string {
  const text = detailText(d);
  if (text.endsWith(NO_FAILURE)) return `${text.slice(0, -NO_FAILURE.length)}}`;
  const { failureReason: _, ...created } = detailView(d); // one that was made before, and has failed since
  return JSON.stringify(created);
}

export function listView(d: Distribution) {
  return {
    id: d.id,
    orderReference: d.orderReference,
    amount: Number(d.amount),
    currency: d.currency,
    status: statusOf(d.state),
    recipient: recipientOf(d),
    paymentPurpose: d.paymentPurpose,
    createdAt: seconds(d.createdAt),
    updatedAt: seconds(d.updatedAt),
  };
}

/** The webhook that tells of a distribution's new state. */
export const distributionEvent = (merchantId: string, d: Distribution, at: Date): { type: string; body: string } =>
  event(merchantId, `distribution.${statusOf(d.state)}`, detailText(d), at);

/** The money came back after it had been paid: an object of its own, which names the distribution. */
export function returnedEvent(merchantId: string, id: string, d: Distribution, code: string | null, at: Date): { type: string; body: string } {
  const { createdAt: _, updatedAt: __, ...rest } = listView(d);
  return event(
    merchantId,
    'distribution.returned',
    JSON.stringify({ ...rest, id, status: 'returned', distributionId: d.id, returnReason: code, createdAt: seconds(at) }),
    at,
  );
}

const event = (merchantId: string, type: string, data: string, at: Date) => ({
  type,
  body: `{"name":"${type}","merchantId":"${merchantId}","data":${data},"postedAt":"${at.toISOString().slice(0, -1)}000000Z"}`,
});
