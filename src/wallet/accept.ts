import type { Tx } from '../db/db.ts';
import { assert } from '../errors.ts';
import type { Outcome } from '../groups.ts';
import { type Answer, type Key, recall, remember, replay } from '../http/idempotency.ts';
import { type Ids, processorReference } from '../ids.ts';
import { eventOf } from '../machine.ts';
import type { Merchant } from '../merchants/merchants.ts';
import type { Minor } from '../money.ts';
import { tell } from '../webhooks/events.ts';
import { type Authorization, authorizationMachine, authorizationsById, storeAuthorizations } from './authorization.ts';
import { insertSubmissions, type NewSubmission } from './submission.ts';
import { walletView } from './view.ts';

/** A request for a customer's consent that has been checked as far as it can be without the database. */
export interface AuthorizeRequest {
  /** the id that the authorization will have: made before, so that a lost answer can be asked for */
  id: string;
  merchant: Merchant;
  key: Key;
  amount: Minor;
  currency: string;
  orderReference: string;
  /** sealed */
  person: Buffer;
}

/**
 * Accepts the authorizations of a group in one transaction: row, history, event, what is to be sent, and the stored answer of
 * each. No account is touched: a consent moves no money.
 *
 * @param again the group was tried before and nobody knows what became of it: what is there already is answered, not made
 */
export async function acceptGroup(tx: Tx, requests: AuthorizeRequest[], now: Date, ids: Ids, connector: string, again: boolean): Promise<Outcome<Answer>[]> {
  const [first] = requests as [AuthorizeRequest];
  const [stored, existing] = await Promise.all([
    recall(
      tx,
      first.key.route,
      requests.map(({ key }) => key.key),
    ),
    again
      ? authorizationsById(
          tx,
          requests.map(({ id }) => id),
        )
      : [],
  ]);
  const there = new Map(existing.map((one) => [one.id, one]));
  const answers = new Map<string, Key & Answer>();
  const made: Authorization[] = [];
  const outcomes = requests.map((request): Outcome<Answer> => {
    const { key } = request;
    try {
      const before = stored.get(key.key) ?? answers.get(key.key);
      if (before) return { ok: true, answer: replay(before, key) };
      const authorization = there.get(request.id) ?? fresh(request, connector, now);
      if (!there.has(request.id)) made.push(authorization);
      const answer = { status: 201, body: JSON.stringify(walletView(authorization)), objectId: authorization.id };
      answers.set(key.key, { ...key, ...answer });
      return { ok: true, answer };
    } catch (error) {
      return { ok: false, error };
    }
  });
  await write(tx, made, [...answers.values()], now, ids);
  return outcomes;
}

const fresh = ({ id, merchant, amount, currency, orderReference, person }: AuthorizeRequest, connector: string, at: Date): Authorization => ({
  ...{ id, state: 'new', seq: 1, version: 1, amount, currency, orderReference, person },
  ...{ connector, reference: processorReference(merchant.code, id) },
  ...{ capturing: 0n, captured: 0n, cancelling: 0n, cancelled: 0n, refunding: 0n, refunded: 0n },
  ...{ retrievalReferenceNumber: null, authorizationCode: null, errorCode: null, errorMessage: null },
  ...{ createdAt: at, updatedAt: at, finalAt: null, expiresAt: null, lapseAt: null },
});

const toSubmit = ({ id, amount, connector, reference }: Authorization): NewSubmission => ({
  ...{ id, authorizationId: id, kind: 'authorize', amount, connector, reference },
});

async function write(tx: Tx, made: Authorization[], answers: (Key & Answer)[], at: Date, ids: Ids): Promise<void> {
  if (made.length === 0) return;
  const [stored, submitted] = await Promise.all([
    storeAuthorizations(tx, made),
    insertSubmissions(tx, made.map(toSubmit), at),
    remember(tx, answers, at),
    tell(
      tx,
      made.map((one) => eventOf(tx, authorizationMachine, null, one, 'request', at, ids)),
      at,
    ),
  ]);
  assert(stored === made.length && submitted === made.length, 'every authorization was written, with what is to be sent for it');
}
