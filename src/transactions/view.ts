import { type Minor, toMajorNumber } from '../money.ts';

/** What a merchant sees of one attempt to move money, whatever room it belongs to. Amounts in minor units; shown in major. */
export interface Transaction {
  id: string;
  /** a payout says nothing */
  type?: 'payment' | 'refund' | 'recurring' | 'return';
  state: string;
  amount: Minor;
  currency: string;
  orderReference: string | null;
  description: string | null;
  parentTransactionId?: string | null;
  cardTokenId: string | null;
  customerId: string | null;
  brand: string | null;
  bin: string | null;
  last4: string | null;
  storeId: string;
  terminalId: string;
  retrievalReferenceNumber: string | null;
  errorCode: string | null;
  errorMessage: string | null;
  createdAt: Date;
  updatedAt: Date;
  finalAt: Date | null;
}

/** RFC 3339 in UTC with the six decimals that the API prints. */
export const timestamp = (at: Date): string => `${at.toISOString().slice(0, -1)}000Z`;

/**
 * The wire's transaction: the webhook's `data` and what single reads answer, in one shape, amounts in major units. It goes
 * by three names of its id, since clients of the API use all of them.
 */
export function transactionView(t: Transaction) {
  const amount = toMajorNumber(t.amount, t.currency);
  const paid = t.state === 'settled' || t.state === 'returned';
  return {
    id: t.id,
    transactionId: t.id,
    paymentId: t.id,
    amount,
    balance: null,
    currency: t.currency,
    status: t.state,
    type: t.type ?? 'unknown',
    bin: t.bin,
    brand: t.brand,
    last4: t.last4,
    cardTokenId: t.cardTokenId,
    customerId: t.customerId,
    description: t.description,
    merchantReference: t.orderReference,
    orderReference: t.orderReference,
    parentTransactionId: t.parentTransactionId ?? null,
    payerIp: null,
    paymentLinkId: null,
    paymentMethod: 'card',
    paymentSessionId: null,
    recurringType: null,
    retrievalReferenceNumber: t.retrievalReferenceNumber,
    secure3d: null,
    storeId: t.storeId,
    terminalId: t.terminalId,
    errorCode: t.errorCode,
    errorMessage: t.errorMessage,
    error_code: t.errorCode,
    error_message: t.errorMessage,
    authedAt: null,
    confirmedAt: paid && t.finalAt ? timestamp(t.finalAt) : null,
    processedAt: t.finalAt ? timestamp(t.finalAt) : null,
    processedAmount: paid ? amount : null,
    createdAt: timestamp(t.createdAt),
    updatedAt: timestamp(t.updatedAt),
  };
}

/** A row of the list, in its older spelling. */
export const transactionRow = (t: Transaction) => ({
  transactionId: t.id,
  amount: toMajorNumber(t.amount, t.currency),
  currency: t.currency,
  createdAt: timestamp(t.createdAt),
  rrn: t.retrievalReferenceNumber,
  status: `TRANSACTION_STATUS_${t.state.toUpperCase()}`,
  orderReference: t.orderReference,
  paymentMethod: 'card',
  last4: t.last4,
});

/**
 * The webhook that tells of a transaction's new state.
 * @param view the transaction as `transactionView` shows it, in JSON
 */
export const transactionEvent = (merchantId: string, state: string, view: string, at: Date): { type: string; body: string } => {
  const type = `transaction.${state}`;
  return { type, body: `{"name":"${type}","merchantId":"${merchantId}","data":${view},"postedAt":"${at.toISOString().slice(0, -1)}000000Z"}` };
};
