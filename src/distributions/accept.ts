import type { Tx } from '../db/db.ts';
import { column } from '../db/sql.ts';
import { assert, conflict, unprocessable } from '../errors.ts';
import type { Outcome } from '../groups.ts';
import { type Answer, type Key, recall, remember, replay } from '../http/idempotency.ts';
import { type Ids, processorReference } from '../ids.ts';
import { account, Books } from '../ledger/books.ts';
import { eventOf } from '../machine.ts';
import type { Merchant } from '../merchants/merchants.ts';
import type { Minor } from '../money.ts';
import { insertSubmissions, type Way } from '../sending/submission.ts';
import { type NewEvent, tell } from '../webhooks/events.ts';
import { type Distribution, distributionMachine, distributionsByReference, insertDistributions, type Recipient } from './distribution.ts';
import { createdView } from './view.ts';

/** A request for a distribution that has been checked as far as it can be without the database. */
export interface DistributionRequest {
  /** the id that it will have: made before, so that a lost answer can be asked for */
  id: string;
  merchant: Merchant;
  key: Key | undefined;
  orderReference: string;
  amount: Minor;
  currency: string;
  recipient: Recipient;
  paymentPurpose: string;
}

/**
 * Accepts the distributions of a group in one transaction, one after another under the lock of the balance: too little money or an
 * order that is there already refuses that one alone.
 *
 * @param repeated what is answered where the same distribution was made before: 409, or what it is now (200)
 */
export async function acceptDistributions(
  tx: Tx,
  requests: DistributionRequest[],
  now: Date,
  ids: Ids,
  way: (mode: 'test' | 'live') => Way,
  repeated: 'refused' | 'known' = 'refused',
): Promise<Outcome<Answer>[]> {
  const currencies = [...new Set(column(requests, 'currency'))];
  const keys = requests.flatMap(({ key }) => (key ? [key] : []));
  // All are sent at once and run in this order: what follows the lock sees what came before it.
  const [books, stored, known] = await Promise.all([
    Books.lock(
      tx,
      currencies.flatMap((currency) => [account('available', currency), account('held', currency)]),
      now,
    ),
    recall(tx, keys[0]?.route ?? '', column(keys, 'key')),
    distributionsByReference(tx, column(requests, 'orderReference')),
  ]);
  const desk = new Desk(tx, books, stored, new Map(known.map((one) => [one.orderReference, one])), ids, repeated);
  const outcomes = requests.map((request) => desk.decide(request));
  await desk.write(way((requests[0] as DistributionRequest).merchant.mode));
  return outcomes;
}

/** What a group is decided by, and what it will write. */
class Desk {
  private readonly made: { distribution: Distribution; event: NewEvent; code: string }[] = [];
  private readonly answers = new Map<string, Key & Answer>();

  constructor(
    private readonly tx: Tx,
    private readonly books: Books,
    private readonly stored: Awaited<ReturnType<typeof recall>>,
    /** by order reference, those of this group included */
    private readonly known: Map<string, Distribution>,
    private readonly ids: Ids,
    private readonly repeated: 'refused' | 'known',
  ) {}

  decide(request: DistributionRequest): Outcome<Answer> {
    try {
      return { ok: true, answer: this.answerTo(request) };
    } catch (error) {
      return { ok: false, error };
    }
  }

  private answerTo(request: DistributionRequest): Answer {
    const { key } = request;
    const before = key && (this.stored.get(key.key) ?? this.answers.get(key.key));
    if (key && before) return replay(before, key);
    const known = this.known.get(request.orderReference);
    if (known && known.id !== request.id && this.repeated === 'known' && isSame(known, request)) return { ...answerFor(known), status: 200 };
    if (known && known.id !== request.id) throw conflict(`orderReference: there is a distribution of this order already, ${known.id}`);
    const answer = answerFor(known ?? this.make(request)); // its own, when a group whose answer was lost is run again
    if (key) this.answers.set(key.key, { ...key, ...answer });
    return answer;
  }

  private make({ id, merchant, orderReference, amount, currency, recipient, paymentPurpose }: DistributionRequest): Distribution {
    const { at } = this.books;
    const [from, to] = [account('available', currency), account('held', currency)];
    const balanceBefore = this.books.balance(from);
    if (balanceBefore < amount) throw unprocessable('the balance does not cover the amount', [{ field: 'amount', message: 'is more than the balance' }]);
    this.books.post({ objectId: id, kind: 'reserve', from, to, amount });
    const distribution: Distribution = {
      ...{ id, state: 'new', seq: 1, amount, fee: 0n, currency, orderReference, ...recipient, paymentPurpose, description: paymentPurpose },
      ...{ balanceBefore, balanceAfter: this.books.balance(from) },
      ...{ retrievalReferenceNumber: null, errorCode: null, errorMessage: null, createdAt: at, updatedAt: at, finalAt: null },
    };
    this.made.push({ distribution, event: eventOf(this.tx, distributionMachine, null, distribution, 'request', at, this.ids), code: merchant.code });
    this.known.set(orderReference, distribution);
    return distribution;
  }

  async write(way: Way): Promise<void> {
    if (this.made.length === 0) return;
    const { at } = this.books;
    const toSend = this.made.map(({ distribution: { id }, code }) => ({ payoutId: id, reference: processorReference(code, id) }));
    const [inserted, submitted] = await Promise.all([
      insertDistributions(this.tx, column(this.made, 'distribution')),
      insertSubmissions(this.tx, toSend, way, at),
      this.books.write(),
      remember(this.tx, [...this.answers.values()], at),
      tell(this.tx, column(this.made, 'event'), at),
    ]);
    assert(inserted === this.made.length, 'every distribution was written');
    assert(submitted === toSend.length, 'every submission was written');
  }
}

const isSame = (known: Distribution, { amount, currency, recipient, paymentPurpose }: DistributionRequest): boolean =>
  known.amount === amount &&
  known.currency === currency &&
  known.paymentPurpose === paymentPurpose &&
  (Object.keys(recipient) as (keyof Recipient)[]).every((field) => known[field] === recipient[field]);

const answerFor = (distribution: Distribution): Answer => ({ status: 201, body: JSON.stringify(createdView(distribution)), objectId: distribution.id });
