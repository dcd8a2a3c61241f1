import type { Tx } from '../db/db.ts';
import { assert, unprocessable } from '../errors.ts';
import { type Ids, processorReference } from '../ids.ts';
import { account, type Books } from '../ledger/books.ts';
import { eventOf } from '../machine.ts';
import type { Recipient } from '../sending/recipient.ts';
import { insertSubmissions, type Way } from '../sending/submission.ts';
import { tell } from '../webhooks/events.ts';
import { type Distribution, distributionMachine, sourceOf, storeDistributions } from './distribution.ts';

/** What a distribution begins with. */
export interface Draft extends Pick<Distribution, 'id' | 'kind' | 'beneficiaryId' | 'source' | 'amount' | 'currency' | 'orderReference' | 'paymentPurpose'> {
  recipient: Recipient;
}

/** The accounts to lock before one is taken. */
export const accountsOf = (draft: Pick<Draft, 'source' | 'beneficiaryId' | 'currency'>): string[] => [sourceOf(draft), account('held', draft.currency)];

/** Takes the money of a distribution from its balance, under the lock of that. @throws {ApiError} 422 when there is too little */
export function take(books: Books, draft: Draft): Distribution {
  const { at } = books;
  const { id, amount, currency, recipient } = draft;
  const from = sourceOf(draft);
  const balanceBefore = books.balance(from);
  if (balanceBefore < amount) throw unprocessable('the balance does not cover the amount', [{ field: 'amount', message: 'is more than the balance' }]);
  books.post({ objectId: id, kind: 'reserve', from, to: account('held', currency), amount });
  return {
    id,
    kind: draft.kind,
    beneficiaryId: draft.beneficiaryId,
    source: draft.source,
    state: 'new',
    seq: 1,
    amount,
    fee: 0n,
    currency,
    orderReference: draft.orderReference,
    name: recipient.name,
    bin: recipient.bin,
    iban: recipient.iban,
    bic: recipient.bic,
    kbe: recipient.kbe,
    knp: recipient.knp,
    paymentPurpose: draft.paymentPurpose,
    description: draft.paymentPurpose,
    balanceBefore,
    balanceAfter: books.balance(from),
    retrievalReferenceNumber: null,
    errorCode: null,
    errorMessage: null,
    createdAt: at,
    updatedAt: at,
    finalAt: null,
  };
}

/** Writes distributions that were just taken, with what is to be sent for them and the events that tell of them. Also writes the books. */
export async function writeMade(tx: Tx, books: Books, made: Distribution[], merchantCode: string, way: Way, ids: Ids): Promise<void> {
  const { at } = books;
  const toSend = made.map(({ id }) => ({ payoutId: id, reference: processorReference(merchantCode, id) }));
  const [stored, submitted] = await Promise.all([
    storeDistributions(tx, made),
    insertSubmissions(tx, toSend, way, at),
    books.write(),
    tell(
      tx,
      made.map((one) => eventOf(tx, distributionMachine, null, one, 'request', at, ids)),
      at,
    ),
  ]);
  assert(stored === made.length, 'every distribution was written');
  assert(submitted === made.length, 'every submission was written');
}
