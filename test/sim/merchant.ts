import { setTerms, type Terms } from '../../src/merchants/merchants.ts';
import type { NewMerchant } from '../../src/merchants/open.ts';
import { toDecimal } from '../../src/money.ts';
import type { Dice } from './dice.ts';
import type { Faults } from './faults.ts';
import type { Answer, Fleet, Heard } from './fleet.ts';
import type { Receiver } from './receivers.ts';
import type { Verdict } from './verdict.ts';
import type { World } from './world.ts';

export interface Card {
  token: string;
  pan: string;
}

/** One payout that a merchant wants, and all that it heard of it. Its reference is nobody else's. */
export interface Intent {
  reference: string;
  key: string | undefined;
  body: string;
  amount: bigint;
  currency: string;
  card: Card | undefined;
  /** requests that may have arrived */
  sends: number;
  /** the texts of answers that said 201 */
  accepted: string[];
  /** statuses that say it was not and will not be done */
  refused: number[];
}

/** A merchant as a careful client: it keeps a journal, asks again when an answer was lost, and believes nothing it cannot check. */
export class Merchant {
  readonly account: NewMerchant;
  readonly terms = new Map<string, Terms>();
  readonly cards: Card[] = [];
  readonly intents: Intent[] = [];
  readonly topUps = new Map<string, bigint>();
  readonly receivers: Receiver[] = [];
  /** ids of events, as the feed gave them */
  readonly feed: string[] = [];
  private cursor: string | undefined;
  private reading: Promise<unknown> = Promise.resolve();
  /** errands that are still being run */
  busy = 0;
  private readonly world: World;
  private readonly fleet: Fleet;
  private readonly faults: Faults;
  private readonly dice: Dice;
  private readonly verdict: Verdict;

  constructor(account: NewMerchant, parts: { world: World; fleet: Fleet; faults: Faults; dice: Dice; verdict: Verdict }) {
    this.account = account;
    this.world = parts.world;
    this.fleet = parts.fleet;
    this.faults = parts.faults;
    this.dice = parts.dice;
    this.verdict = parts.verdict;
  }

  /** Runs an errand by itself. */
  errand(run: () => Promise<void>): void {
    this.busy++;
    void run().then(
      () => this.busy--,
      (error: Error) => this.verdict.wrong('model', `an errand failed: ${error.stack}`),
    );
  }

  async setTerms(terms: Terms): Promise<void> {
    this.terms.set(terms.currency, terms);
    await this.fleet.house().db.merchant(this.account.merchantId, (tx) => setTerms(tx, terms));
  }

  async saveCard(pan: string, [expiryMonth, expiryYear]: [number, number]): Promise<Card> {
    const { token } = await this.fleet.house().cards.save(this.account.merchantId, { pan, expiryMonth, expiryYear }, { externalUserId: `user-${pan}` });
    const card = { token, pan };
    this.cards.push(card);
    return card;
  }

  async topUp(currency: string, amount: bigint): Promise<void> {
    const key = this.name();
    const body = JSON.stringify({ amount: Number(amount), currency });
    const answer = await this.insist('POST', '/v1/sandbox/topup', body, key);
    this.verdict.expect(answer?.status === 201, 'model', () => `a top-up was answered ${answer?.status} ${answer?.text}`);
    this.topUps.set(currency, (this.topUps.get(currency) ?? 0n) + amount);
  }

  /** @param key null for none; one of its own where nothing is said */
  intent(options: { amount: bigint; currency: string; card: Card; key?: string | null }): Intent {
    const reference = this.name();
    const { amount, currency, card } = options;
    const body = `{"tokenId":"${card.token}","amount":${toDecimal(amount, currency)},"currency":"${currency}","orderReference":"${reference}"}`;
    const intent: Intent = {
      reference,
      key: options.key === null ? undefined : (options.key ?? this.name()),
      body,
      amount,
      currency,
      card,
      sends: 0,
      accepted: [],
      refused: [],
    };
    this.intents.push(intent);
    return intent;
  }

  /** Asks for a payout until there is an answer. Without a key it asks once, since twice might pay twice. */
  async pay(intent: Intent): Promise<void> {
    for (let tries = 1; ; tries++) {
      const heard = await this.call('POST', '/v1/payout', intent.body, intent.key);
      if (heard !== 'refused') intent.sends++;
      if (typeof heard !== 'string' && this.settles(intent, heard)) return;
      if (!intent.key && heard !== 'refused') return;
      await this.world.sleep(Math.min(60_000, 300 * 2 ** tries) * (1 + this.dice.fraction()));
    }
  }

  /** @returns whether the answer is one that stays */
  private settles(intent: Intent, answer: Answer): boolean {
    if (answer.status === 201) {
      const [first] = intent.accepted;
      this.verdict.expect(
        !intent.key || first === undefined || first === answer.text,
        'INV-39',
        () => `the same key was answered ${answer.text} after ${first}`,
      );
      intent.accepted.push(answer.text);
      return true;
    }
    const goesOn = answer.status === 503 || answer.status === 429 || (answer.status === 409 && answer.text.includes('still being worked on'));
    this.verdict.expect(answer.status < 500 || answer.status === 503, 'INV-90', () => `a payout was answered ${answer.status} ${answer.text}`);
    if (goesOn) this.faults.count(`answered ${answer.status}`);
    else intent.refused.push(answer.status);
    return !goesOn;
  }

  /** The same key with another body: refused, without an effect; and the key still stands for what it stood for. */
  async misuse(intent: Intent): Promise<void> {
    const other = intent.body.replace(/"amount":[^,]+/, `"amount":${toDecimal(intent.amount > 1n ? intent.amount - 1n : 2n, intent.currency)}`);
    const answer = await this.insist('POST', '/v1/payout', other, intent.key);
    this.faults.count('key used for another body');
    this.verdict.expect(answer?.status === 409, 'INV-40', () => `another body under the same key was answered ${answer?.status} ${answer?.text}`);
    await this.pay(intent);
  }

  /** Whether what was acknowledged can be read, with what cannot change as it was. */
  async lookUp(intent: Intent): Promise<void> {
    const [text] = intent.accepted;
    if (text === undefined) return;
    const told = JSON.parse(text) as Record<string, unknown>;
    const answer = await this.insist('GET', `/v1/transactions/${String(told.id)}`);
    const read = (answer?.status === 200 ? JSON.parse(answer.text) : {}) as Record<string, unknown>;
    const lasting = ['id', 'amount', 'currency', 'cardTokenId', 'customerId', 'last4', 'bin', 'brand', 'orderReference', 'storeId', 'terminalId', 'createdAt'];
    const differs = lasting.filter((name) => told[name] !== read[name]);
    this.verdict.expect(
      answer?.status === 200 && differs.length === 0,
      'INV-63',
      () => `payout ${String(told.id)} was acknowledged and is now read as ${answer?.status}, other in ${differs.join()}`,
    );
  }

  /** What can never be done: an unknown card, no amount, more decimals than there are. Refused each time, without an effect. */
  async nonsense(): Promise<void> {
    const reference = this.name();
    const body = this.dice.pick([
      `{"tokenId":"019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb","amount":10,"currency":"KZT","orderReference":"${reference}"}`,
      `{"tokenId":"${this.cards[0]?.token}","amount":0,"currency":"KZT","orderReference":"${reference}"}`,
      `{"tokenId":"${this.cards[0]?.token}","amount":1.001,"currency":"KZT","orderReference":"${reference}"}`,
      `{"tokenId":"${this.cards[0]?.token}","amount":1,"currency":"XXX","orderReference":"${reference}"}`,
      `{"tokenId":"${this.cards[0]?.token}","amount":1,"amount":2,"currency":"KZT","orderReference":"${reference}"}`,
    ]);
    const answer = await this.insist('POST', '/v1/payout', body, this.name());
    this.faults.count('nonsense asked for');
    this.verdict.expect(answer && answer.status >= 400 && answer.status < 500, 'INV-46', () => `nonsense was answered ${answer?.status} ${answer?.text}`);
    this.intents.push({
      reference,
      key: undefined,
      body,
      amount: 0n,
      currency: 'KZT',
      card: undefined,
      sends: 1,
      accepted: [],
      refused: [answer?.status ?? 0],
    });
  }

  /** Reads on in the feed of events, one reader after the other. @returns whether there is more */
  readFeed(limit: number): Promise<boolean> {
    const read = this.reading.then(() => this.readPage(limit));
    this.reading = read;
    return read;
  }

  private async readPage(limit: number): Promise<boolean> {
    const answer = await this.insist('GET', `/v1/events?limit=${limit}${this.cursor ? `&after=${this.cursor}` : ''}`);
    if (answer?.status !== 200) {
      this.verdict.wrong('INV-62', `the feed was answered ${answer?.status} ${answer?.text}`);
      return false;
    }
    const page = JSON.parse(answer.text) as { data: { id: string }[]; next: string; hasMore: boolean };
    this.feed.push(...page.data.map(({ id }) => id));
    this.cursor = page.next;
    return page.hasMore;
  }

  /** Enables again what was disabled because it once answered 410. */
  async tendEndpoints(): Promise<void> {
    const answer = await this.insist('GET', '/v1/webhook-endpoints');
    const { data } = JSON.parse(answer?.text ?? '{"data":[]}') as { data: { id: string; enabled: boolean }[] };
    for (const { id } of data.filter(({ enabled }) => !enabled)) {
      this.faults.count('endpoint enabled again');
      await this.insist('POST', `/v1/webhook-endpoints/${id}/enable`);
    }
  }

  /** Asks until there is an answer that stays. With a key, or where asking twice does no harm. */
  async insist(method: 'GET' | 'POST', path: string, body?: string, key?: string): Promise<Answer | undefined> {
    for (let tries = 1; ; tries++) {
      const heard = await this.call(method, path, body, key);
      const isBusy =
        typeof heard !== 'string' && (heard.status === 503 || heard.status === 429 || (heard.status === 409 && heard.text.includes('still being worked on')));
      if (typeof heard !== 'string' && !isBusy) return heard;
      await this.world.sleep(Math.min(60_000, 300 * 2 ** tries) * (1 + this.dice.fraction()));
    }
  }

  /** One request over a network that loses some. */
  private async call(method: 'GET' | 'POST', path: string, body?: string, key?: string): Promise<Heard> {
    const { world, faults, dice, fleet } = this;
    await world.sleep(dice.spread(0.5, 60));
    if (faults.hit('http', 'request lost')) return 'lost';
    const headers = { authorization: this.account.apiKey, ...(key ? { 'idempotency-key': key } : {}) };
    const heard = await fleet.request(method, path, headers, body);
    await world.sleep(dice.spread(0.5, 60));
    if (typeof heard !== 'string' && faults.hit('http', 'answer lost')) return 'lost';
    world.note(undefined, `client ${method} ${path.slice(0, 60)}: ${typeof heard === 'string' ? heard : heard.status}`);
    return heard;
  }

  private name(): string {
    return `r-${this.dice.bytes(9).toString('hex')}`;
  }
}
