import { cardsById, isExpired, type CardToken } from '../customers/cards.ts';
import type { Tx } from '../db/db.ts';
import { assert, notFound } from '../errors.ts';
import type { Outcome } from '../groups.ts';
import { type Answer, type Key, recall, remember, replay } from '../http/idempotency.ts';
import { type Ids, processorReference } from '../ids.ts';
import { account, Books } from '../ledger/books.ts';
import { eventOf } from '../machine.ts';
import { dayIn, type Merchant, noTerms, startOfDay, type Terms, termsOf } from '../merchants/merchants.ts';
import { basisPoints, type Minor } from '../money.ts';
import { type NewEvent, tell } from '../webhooks/events.ts';
import { cardUsageSince, insertPayouts, type Payout, payoutMachine, payoutsById, payoutText, setUsage, usageOf } from './payout.ts';
import { byCall, insertSubmissions } from '../sending/submission.ts';

/** A request for a payout that has been checked as far as it can be without the database. */
export interface PayoutRequest {
  /** the id that the payout will have: made before, so that a lost answer can be asked for */
  id: string;
  merchant: Merchant;
  key: Key | undefined;
  cardTokenId: string;
  amount: Minor;
  currency: string;
  description: string | null;
  orderReference: string | null;
}

/** A refusal of the recipient, the amount or the balance, in the codes of card networks. @source ISO 8583, field 39 */
const refusals = {
  funds: ['51', 'insufficient funds: the balance does not cover the amount and the fee'],
  tooSmall: ['13', 'invalid amount: below the smallest amount of a payout'],
  tooLarge: ['61', 'amount limit exceeded: above the largest amount of a payout'],
  daily: ['61', 'amount limit exceeded: the daily limit'],
  cardDaily: ['61', 'amount limit exceeded: the daily limit of this card'],
  expired: ['54', 'expired card'],
} as const;
type Refusal = keyof typeof refusals;

/**
 * Accepts the payouts of a group in one transaction: key, payout, posting available → held, history, event, submission and
 * the stored answer of each. Too little money, over a limit, an unknown card: that item alone is rejected or refused.
 *
 * @param again the group was tried before and nobody knows what became of it: what is there already is answered, not made
 */
export async function acceptGroup(tx: Tx, requests: PayoutRequest[], now: Date, ids: Ids, connector: string, again: boolean): Promise<Outcome<Answer>[]> {
  const desk = await Desk.open(tx, requests, now, again);
  const outcomes = requests.map((request) => desk.decide(request, ids));
  await desk.write(connector);
  return outcomes;
}

/** What a group is decided by, read once under the lock of the balance; and what it will write. */
class Desk {
  private readonly made: { payout: Payout; request: PayoutRequest; events: NewEvent[] }[] = [];
  private readonly answers = new Map<string, Key & Answer>();
  private readonly used = new Map<string, Minor>();

  private constructor(
    private readonly tx: Tx,
    private readonly books: Books,
    private readonly merchant: Merchant,
    private readonly cards: Map<string, CardToken>,
    private readonly terms: Map<string, Terms>,
    private readonly stored: Awaited<ReturnType<typeof recall>>,
    private readonly existing: Map<string, Payout>,
    /** what was accepted today, in currencies that have a daily limit */
    private readonly usage: Map<string, Minor>,
    private readonly cardUsage: Map<string, Minor>,
  ) {}

  static async open(tx: Tx, requests: PayoutRequest[], now: Date, again: boolean): Promise<Desk> {
    const currencies = [...new Set(requests.map(({ currency }) => currency))];
    const cardIds = [...new Set(requests.map(({ cardTokenId }) => cardTokenId))];
    const keys = requests.flatMap(({ key }) => (key ? [key] : []));
    const [{ merchant }] = requests as [PayoutRequest];
    // All are sent at once and run in this order: what follows the lock sees what came before it.
    const locked = Books.lock(
      tx,
      currencies.flatMap((currency) => [account('available', currency), account('held', currency)]),
      now,
    );
    const read = Promise.all([
      cardsById(tx, cardIds),
      termsOf(tx),
      recall(
        tx,
        keys[0]?.route ?? '',
        keys.map(({ key }) => key),
      ),
      again
        ? payoutsById(
            tx,
            requests.map(({ id }) => id),
          )
        : [],
    ]);
    const [books, [cards, terms, stored, existing]] = await Promise.all([locked, read]);
    const limited = currencies.filter((currency) => terms.some((row) => row.currency === currency && row.dailyLimit !== null));
    const capped = terms.some(({ cardDailyLimit }) => cardDailyLimit !== null);
    const [usage, cardUsage] =
      limited.length > 0 || capped ? await usageToday(tx, merchant, limited, capped ? cardIds : [], books.at) : [new Map<string, Minor>(), []];
    return new Desk(
      tx,
      books,
      merchant,
      new Map(cards.map((card) => [card.id, card])),
      new Map(terms.map((row) => [row.currency, row])),
      stored,
      new Map(existing.map((payout) => [payout.id, payout])),
      usage,
      new Map(cardUsage.map((row) => [`${row.cardTokenId}/${row.currency}`, row.amount])),
    );
  }

  /** Decides one request, as if those before it had been committed and those after it did not exist. */
  decide(request: PayoutRequest, ids: Ids): Outcome<Answer> {
    try {
      return { ok: true, answer: this.answerTo(request, ids) };
    } catch (error) {
      return { ok: false, error };
    }
  }

  private answerTo(request: PayoutRequest, ids: Ids): Answer {
    const { key } = request;
    const before = key && (this.stored.get(key.key) ?? this.answers.get(key.key));
    if (key && before) return replay(before, key);
    const existing = this.existing.get(request.id);
    if (existing) return answerFor(existing);
    const card = this.cards.get(request.cardTokenId);
    if (!card) throw notFound(`tokenId: no saved card ${request.cardTokenId}`);
    const payout = this.make(request, card, ids);
    const answer = answerFor(payout);
    if (key) this.answers.set(key.key, { ...key, ...answer });
    return answer;
  }

  private make(request: PayoutRequest, card: CardToken, ids: Ids): Payout {
    const { amount, currency } = request;
    const at = this.books.at;
    const terms = this.terms.get(currency) ?? noTerms(currency);
    const fee = terms.feeFixed + basisPoints(amount, terms.feeBasisPoints);
    const fresh: Payout = {
      id: request.id,
      state: 'new',
      seq: 1,
      amount,
      fee,
      currency,
      cardTokenId: card.id,
      customerId: card.customerId,
      brand: card.brand,
      bin: card.bin,
      last4: card.last4,
      orderReference: request.orderReference,
      description: request.description,
      storeId: this.merchant.storeId,
      terminalId: this.merchant.terminalId,
      retrievalReferenceNumber: null,
      errorCode: null,
      errorMessage: null,
      createdAt: at,
      updatedAt: at,
      finalAt: null,
    };
    const events = [eventOf(this.tx, payoutMachine, null, fresh, 'request', at, ids)];
    const refusal = this.refusal(terms, fresh, card);
    let payout = fresh;
    if (refusal) {
      const [errorCode, errorMessage] = refusals[refusal];
      payout = { ...fresh, state: 'rejected', seq: 2, errorCode, errorMessage, finalAt: at };
      events.push(eventOf(this.tx, payoutMachine, 'new', payout, 'request', at, ids));
    } else {
      this.reserve(payout);
    }
    this.made.push({ payout, request, events });
    return payout;
  }

  private refusal(terms: Terms, { amount, fee, currency, cardTokenId }: Payout, card: CardToken): Refusal | undefined {
    if (amount < terms.minAmount) return 'tooSmall';
    if (terms.maxAmount !== null && amount > terms.maxAmount) return 'tooLarge';
    if (isExpired(card, this.books.at)) return 'expired';
    const over = (limit: Minor | null, used: Minor | undefined) => limit !== null && (used ?? 0n) + amount > limit;
    if (over(terms.dailyLimit, this.usage.get(currency))) return 'daily';
    if (over(terms.cardDailyLimit, this.cardUsage.get(`${cardTokenId}/${currency}`))) return 'cardDaily';
    if (this.books.balance(account('available', currency)) < amount + fee) return 'funds';
    return undefined;
  }

  /** The money of the payout and its fee, each a posting of its own, from available to held. */
  private reserve({ id, amount, fee, currency, cardTokenId }: Payout): void {
    const [from, to] = [account('available', currency), account('held', currency)];
    this.books.post({ objectId: id, kind: 'reserve', from, to, amount });
    if (fee > 0n) this.books.post({ objectId: id, kind: 'reserve', line: 2, from, to, amount: fee });
    if (this.usage.has(currency)) {
      add(this.usage, currency, amount);
      this.used.set(currency, this.usage.get(currency) as Minor);
    }
    add(this.cardUsage, `${cardTokenId}/${currency}`, amount);
  }

  async write(connector: string): Promise<void> {
    const at = this.books.at;
    const payouts = this.made.map(({ payout }) => payout);
    const toSend = payouts.filter(({ state }) => state === 'new').map(({ id }) => ({ payoutId: id, reference: processorReference(this.merchant.code, id) }));
    if (payouts.length === 0) return;
    const [inserted, submitted] = await Promise.all([
      insertPayouts(this.tx, payouts),
      toSend.length > 0 ? insertSubmissions(this.tx, toSend, byCall(connector), at) : 0,
      this.books.write(),
      ...[...this.used].map(([currency, amount]) => setUsage(this.tx, dayIn(this.merchant.timeZone, at), currency, amount)),
      remember(this.tx, [...this.answers.values()], at),
      tell(
        this.tx,
        this.made.flatMap(({ events }) => events),
        at,
      ),
    ]);
    assert(inserted === payouts.length, 'every payout was written');
    assert(submitted === toSend.length, 'every submission was written');
  }
}

async function usageToday(tx: Tx, { timeZone }: Merchant, currencies: string[], cardIds: string[], at: Date) {
  const today = startOfDay(timeZone, at);
  return Promise.all([usageOf(tx, currencies, dayIn(timeZone, at), today), cardIds.length > 0 ? cardUsageSince(tx, cardIds, today) : []]);
}

const add = (sums: Map<string, Minor>, key: string, amount: Minor) => sums.set(key, (sums.get(key) ?? 0n) + amount);

const answerFor = (payout: Payout): Answer => ({ status: 201, body: payoutText(payout), objectId: payout.id });
