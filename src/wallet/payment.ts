import type { Tx } from '../db/db.ts';
import type { Payment } from '../splits/routes.ts';
import { authorizationsById } from './authorization.ts';
import { idOfWallet, walletId } from './view.ts';

/** A wallet payment by the id that merchants know it by, for who wants to share it. */
export async function walletPayment(tx: Tx, transactionId: string): Promise<Payment | undefined> {
  const id = idOfWallet(transactionId);
  const [found] = id === undefined ? [] : await authorizationsById(tx, [id]);
  return found && { id: found.id, transactionId: walletId(found.id), orderReference: found.orderReference, amount: found.amount, currency: found.currency };
}
