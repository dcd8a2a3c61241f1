import type { Tx } from '../db/db.ts';
import { column } from '../db/sql.ts';
import { conflict } from '../errors.ts';
import type { Outcome } from '../groups.ts';
import { type Answer, type Key, recall, remember, replay } from '../http/idempotency.ts';
import type { Ids } from '../ids.ts';
import { Books } from '../ledger/books.ts';
import type { Merchant } from '../merchants/merchants.ts';
import type { Minor } from '../money.ts';
import type { Recipient } from '../sending/recipient.ts';
import type { Way } from '../sending/submission.ts';
import { type Distribution, distributionsByReference } from './distribution.ts';
import { accountsOf, take, writeMade } from './make.ts';
import { createdText } from './view.ts';

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
      currencies.flatMap((currency) => accountsOf({ source: 'merchant', beneficiaryId: null, currency })),
      now,
    ),
    recall(tx, keys[0]?.route ?? '', column(keys, 'key')),
    distributionsByReference(tx, column(requests, 'orderReference')),
  ]);
  const desk = new Desk(tx, books, stored, new Map(known.map((one) => [one.orderReference, one])), ids, repeated);
  const outcomes = requests.map((request) => desk.decide(request));
  const { code, mode } = (requests[0] as DistributionRequest).merchant;
  await desk.write(code, way(mode));
  return outcomes;
}

/** What a group is decided by, and what it will write. */
class Desk {
  private readonly made: Distribution[] = [];
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

  private make({ id, orderReference, amount, currency, recipient, paymentPurpose }: DistributionRequest): Distribution {
    const kind = 'distribution';
    const distribution = take(this.books, { kind, source: 'merchant', beneficiaryId: null, id, orderReference, amount, currency, recipient, paymentPurpose });
    this.made.push(distribution);
    this.known.set(orderReference, distribution);
    return distribution;
  }

  async write(merchantCode: string, way: Way): Promise<void> {
    if (this.made.length === 0) return;
    await Promise.all([
      remember(this.tx, [...this.answers.values()], this.books.at), // before the event counter, which is locked last
      writeMade(this.tx, this.books, this.made, merchantCode, way, this.ids),
    ]);
  }
}

const isSame = (known: Distribution, { amount, currency, recipient, paymentPurpose }: DistributionRequest): boolean =>
  known.amount === amount &&
  known.currency === currency &&
  known.paymentPurpose === paymentPurpose &&
  (Object.keys(recipient) as (keyof Recipient)[]).every((field) => known[field] === recipient[field]);

const answerFor = (distribution: Distribution): Answer => ({ status: 201, body: createdText(distribution), objectId: distribution.id });
