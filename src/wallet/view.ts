import { notFound } from '../errors.ts';
import { fromBase32, toBase32 } from '../ids.ts';
import type { Minor } from '../money.ts';

/** What the wire's transaction is made of. */
export interface Shown {
  id: string;
  state: string;
  orderReference: string;
  amount: Minor;
  currency: string;
  errorCode?: string | null;
  errorMessage?: string | null;
}

/** wt_ and the id in base 32, as the contract's examples have it: in order of time. */
export const walletId = (id: string): string => `wt_${toBase32(id).toUpperCase()}`;

/** @returns undefined for what cannot be an id of ours */
export const idOfWallet = (text: string): string | undefined => (text.startsWith('wt_') ? fromBase32(text.slice(3).toLowerCase()) : undefined);

/** @throws {ApiError} 404 for what cannot be an id of ours, exactly as for one that is not there */
export function walletIdIn(text: string): string {
  const id = idOfWallet(text);
  if (!id) throw noSuchTransaction(); // what was sent is not repeated: it may be anything
  return id;
}

export const noSuchTransaction = () => notFound('no such wallet transaction');

/** The wire's WalletTransaction. @param amount of an operation, where one is answered; otherwise what was authorised */
export const walletView = (a: Shown, amount: Minor = a.amount) => ({
  walletTransactionId: walletId(a.id),
  walletTransactionStatus: a.state.toUpperCase(),
  orderReference: a.orderReference,
  amount: Number(amount),
  currency: a.currency,
});

/**
 * The webhook that tells of an authorization or of what was done with it. Opt-in, as all but transaction.* and card.saved.
 *
 * @param what new, processing, success, failed; captured, cancelled, refunded; capture_failed, cancel_failed, refund_failed
 * @param more beside the WalletTransaction: of an operation its amount; of a refusal its code
 */
export function walletEvent(merchantId: string, what: string, a: Shown, at: Date, more: object = {}): { type: string; body: string } {
  const type = `wallet_transaction.${what}`;
  const refusal = what === 'failed' ? { errorCode: a.errorCode, errorMessage: a.errorMessage } : {};
  const data = JSON.stringify({ ...walletView(a), ...refusal, ...more });
  return { type, body: `{"name":"${type}","merchantId":"${merchantId}","data":${data},"postedAt":"${at.toISOString().slice(0, -1)}000000Z"}` };
}
