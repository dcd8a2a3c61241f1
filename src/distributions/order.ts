import { type Beneficiary, holdBeneficiary } from '../beneficiaries/beneficiary.ts';
import type { Tx } from '../db/db.ts';
import { conflict, unprocessable, wrongFields } from '../errors.ts';
import type { Ids } from '../ids.ts';
import { Books } from '../ledger/books.ts';
import type { Merchant } from '../merchants/merchants.ts';
import type { Minor } from '../money.ts';
import { type Recipient, unwritable } from '../sending/recipient.ts';
import type { Way } from '../sending/submission.ts';
import type { Distribution } from './distribution.ts';
import { unnamed } from './order-view.ts';
import { accountsOf, take, writeMade } from './make.ts';

/** A settlement order as it is asked for. */
export interface OrderRequest {
  id: string;
  requestId: string | undefined;
  beneficiaryId: string;
  /** whose balance pays: the merchant's, or what the beneficiary has earned */
  source: Distribution['source'];
  amount: Minor;
  currency: string;
  /** else the beneficiary's description */
  paymentPurpose: string | undefined;
}

/**
 * Accepts an order to pay a beneficiary's bank account: from here on it goes the way of a distribution.
 * @throws {ApiError} 404, 409 when the beneficiary is inactive, 422 when it cannot be paid so, or the balance does not cover it
 */
export async function acceptOrder(tx: Tx, request: OrderRequest, merchant: Merchant, now: Date, ids: Ids, way: Way): Promise<Distribution> {
  const { id, beneficiaryId, source, amount, currency } = request;
  const beneficiary = await holdBeneficiary(tx, beneficiaryId);
  const recipient = recipientOf(beneficiary, currency);
  const paymentPurpose = request.paymentPurpose ?? beneficiary.description ?? 'Settlement';
  const problem = unwritable(recipient, amount, currency, paymentPurpose);
  if (problem) throw wrongFields([{ field: 'paymentPurpose', message: problem }]);
  const draft = {
    id,
    kind: 'order',
    source,
    beneficiaryId,
    amount,
    currency,
    recipient,
    paymentPurpose,
    orderReference: request.requestId ?? unnamed(id),
  } as const;
  const books = await Books.lock(tx, accountsOf(draft), now);
  const order = take(books, draft);
  await writeMade(tx, books, [order], merchant.code, way, ids);
  return order;
}

/** Whom the bank is to pay: as the beneficiary is now, whatever becomes of it later. */
function recipientOf({ id, status, currency: own, name, bin, iban, bic, kbe, knp }: Beneficiary, currency: string): Recipient {
  if (status !== 'active') throw conflict(`beneficiary ${id} is inactive`);
  if (currency !== own) throw wrongFields([{ field: 'currency', message: `must be that of the beneficiary, ${own}` }]);
  if (kbe === null || knp === null)
    throw unprocessable('the beneficiary has no kbe or knp, and the bank asks for both: update it first', [
      { field: 'beneficiaryId', message: 'has no kbe or knp' },
    ]);
  return { name, bin, iban, bic, kbe, knp };
}
