import type { Tx } from '../db/db.ts';
import { isUuid } from '../ids.ts';
import type { Payment } from '../splits/routes.ts';
import { findInvoice } from './invoice.ts';

/** An invoice as a payment, for who wants to share it. */
export async function invoicePayment(tx: Tx, transactionId: string): Promise<Payment | undefined> {
  const found = isUuid(transactionId) ? await findInvoice(tx, transactionId) : undefined;
  return found && { id: found.id, transactionId: found.id, orderReference: found.orderReference, amount: found.amount, currency: found.currency };
}
