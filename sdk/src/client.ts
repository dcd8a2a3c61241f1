import { type Card, type CardData, encryptCard, type PublicKey } from './cards.ts';
import type {
  BankInvoice,
  CardSession,
  Customer,
  FeedEvent as RawEvent,
  Operations,
  PaymentBeneficiary,
  SavedCard,
  SettlementPaymentOrder,
  SplitRequest,
  Transaction,
  TransactionRow,
  WebhookDelivery,
  WebhookEndpoint,
} from './generated.ts';
import { allOf, type FeedPage, type Page, partsOf } from './pages.ts';
import { type Answer, type CallOptions, type TolemOptions, Transport } from './transport.ts';
import type { Message } from './webhooks.ts';

type Body<N extends keyof Operations> = Operations[N] extends { body: infer B } ? B : never;
type Query<N extends keyof Operations> = Operations[N] extends { query?: infer Q } ? Partial<NonNullable<Q>> : never;
type Read = Omit<CallOptions, 'idempotencyKey'>;

export type CreatePayout = Body<'POST /v1/payout'>;
export type WalletTransaction = Answer<'GET /v1/wallet/transaction/{id}'>;
export type CreateDistribution = Body<'POST /v1/distributions'>;
export type PayoutFilter = Omit<Query<'GET /v1/payout'>, 'page' | 'from' | 'to'> & { from?: string | Date; to?: string | Date };
export type SaveCustomer = Body<'POST /v1/customers'>;
export type Merchant = Answer<'GET /v1/merchants/me'>;
export type History = Answer<'GET /v1/transactions/{id}/history'>;
/** An event, with what its webhook carries. */
export type FeedEvent = Omit<RawEvent, 'body'> & { body: Message };

/** What is known of whose card it is, or the id of a customer; and the card, in the open or already encrypted. */
export type SaveCard = Body<'POST /v1/cards'> & { card?: Card };

export interface Feed {
  /** `next` of the part that was last worked on; from the first event where nothing is said */
  after?: string;
  limit?: number;
  /** look for new events after so many milliseconds, for ever; where nothing is said, it ends with what there is */
  pollMs?: number;
}

const KEY_MS = 3_600_000;

/** The platform, as one merchant sees it. Amounts are in major units, as on the wire, where nothing else is said. */
export class Tolem {
  readonly #transport: Transport;

  constructor(options: TolemOptions) {
    this.#transport = new Transport(options);
  }

  /** Any operation of the API by its name, e.g. `call('GET /v1/api-keys', {})`. */
  call: Transport['call'] = (operation, request, options) => this.#transport.call(operation, request, options);

  readonly customers = {
    /** Finds it by externalUserId, or else by email, and adds what is new; makes it where there is none. */
    save: (customer: SaveCustomer, options?: CallOptions): Promise<Customer> => this.call('POST /v1/customers', { body: customer }, options),
    get: (id: string, options?: Read): Promise<Customer> => this.call('GET /v1/customers/{id}', { path: { id } }, options),
    list: (query: Query<'GET /v1/customers'> = {}, options?: Read): Promise<Page<Customer>> => this.call('GET /v1/customers', { query }, options),
    /** Newest first. */
    all: (options?: Read): AsyncGenerator<Customer, void, undefined> =>
      allOf(
        ({ id }) => id,
        (page) => this.customers.list({ page, size: 100 }, options),
      ),
    /** The saved cards of a customer, oldest first. */
    cards: async (id: string, options?: Read): Promise<SavedCard[]> => (await this.call('GET /v1/customers/{id}/cards', { path: { id } }, options)).data,
    /** The transactions of a customer, newest first. */
    transactions: (id: string, options?: Read): AsyncGenerator<TransactionRow, void, undefined> =>
      allOf(
        ({ transactionId }) => transactionId,
        (page) => this.call('GET /v1/customers/{id}/transactions', { path: { id }, query: { page, size: 100 } }, options),
      ),
  };

  readonly cards = {
    /**
     * Saves a card. With `card` it is encrypted here and saved at once; without one, the answer has the `url` of a page to
     * enter it on. Encryption never gives the same bytes twice: to ask again under an idempotencyKey of your own, encrypt
     * once and give `cardData`.
     */
    save: async ({ card, ...wish }: SaveCard, options?: CallOptions): Promise<CardSession> => {
      const cardData = card ? await this.cards.encrypt(card) : wish.cardData;
      return this.call('POST /v1/cards', { body: { ...wish, ...(cardData ? { cardData } : {}) } }, options);
    },
    encrypt: async (card: Card): Promise<CardData> => encryptCard(await this.#publicKey(), card),
    publicKey: (options?: Read): Promise<Answer<'GET /v1/keys'>> => this.call('GET /v1/keys', {}, options),
  };

  readonly payouts = {
    /** Pays a saved card. What cannot be paid is answered too, as `rejected` with an errorCode: it is not an error. */
    create: (payout: CreatePayout, options?: CallOptions): Promise<Transaction> => this.call('POST /v1/payout', { body: payout }, options),
    list: ({ from, to, ...query }: PayoutFilter & { page?: number } = {}, options?: Read): Promise<Page<Transaction>> =>
      this.call('GET /v1/payout', { query: { ...query, from: moment(from), to: moment(to) } }, options),
    /** Newest first. */
    all: (filter: PayoutFilter = {}, options?: Read): AsyncGenerator<Transaction, void, undefined> =>
      allOf(
        ({ id }) => id,
        (page) => this.payouts.list({ size: 100, ...filter, page }, options),
      ),
  };

  readonly distributions = {
    /** Sends money from the balance to a bank account. Amounts in minor units; balances before and after are exact. */
    create: (distribution: CreateDistribution, options?: CallOptions): Promise<Answer<'POST /v1/distributions'>> =>
      this.call('POST /v1/distributions', { body: distribution }, options),
    /** Up to 500 at once, each with its own fate: look at `items`. */
    createMany: (items: CreateDistribution[], options?: CallOptions): Promise<Answer<'POST /v1/distributions/bulk'>> =>
      this.call('POST /v1/distributions/bulk', { body: { items: items as unknown as Record<string, unknown>[] } }, options),
    get: (id: string, options?: Read): Promise<Answer<'GET /v1/distributions/{id}'>> => this.call('GET /v1/distributions/{id}', { path: { id } }, options),
    list: (query: Query<'GET /v1/distributions'> = {}, options?: Read): Promise<Answer<'GET /v1/distributions'>> =>
      this.call('GET /v1/distributions', { query }, options),
    /** Newest first. */
    all: (
      filter: Omit<Query<'GET /v1/distributions'>, 'page'> = {},
      options?: Read,
    ): AsyncGenerator<Answer<'GET /v1/distributions'>['data'][number], void, undefined> =>
      allOf(
        ({ id }) => id,
        (page) => this.distributions.list({ size: 100, ...filter, page }, options),
      ),
    /** What may be sent now. */
    balance: (currency?: string, options?: Read): Promise<Answer<'GET /v1/distributions/balance'>> =>
      this.call('GET /v1/distributions/balance', { query: currency === undefined ? {} : { currency } }, options),
  };

  readonly wallet = {
    /** Asks a customer's wallet for money. Without a key of your own one is made, and kept for repetitions of this call alone. */
    authorize: (payment: Body<'POST /v1/wallet/authorize'>, options?: CallOptions): Promise<WalletTransaction> =>
      this.call('POST /v1/wallet/authorize', { body: payment }, options),
    /** Takes what was authorized, or a part of it. Amounts in minor units. */
    capture: (id: string, amount: number, options?: CallOptions): Promise<WalletTransaction> =>
      this.call('POST /v1/wallet/{id}/capture', { path: { id }, body: { amount } }, options),
    /** Lets go of what was not captured, or of a part of it. */
    cancel: (id: string, amount: number, options?: CallOptions): Promise<WalletTransaction> =>
      this.call('POST /v1/wallet/{id}/cancel', { path: { id }, body: { amount } }, options),
    /** Gives back what was captured, or a part of it, from the balance. */
    refund: (id: string, amount: number, options?: CallOptions): Promise<WalletTransaction> =>
      this.call('POST /v1/wallet/{id}/refund', { path: { id }, body: { amount } }, options),
    get: (id: string, options?: Read): Promise<WalletTransaction> => this.call('GET /v1/wallet/transaction/{id}', { path: { id } }, options),
    list: (query: Query<'GET /v1/wallet/transactions/'> = {}, options?: Read): Promise<Answer<'GET /v1/wallet/transactions/'>> =>
      this.call('GET /v1/wallet/transactions/', { query }, options),
  };

  /** Whom you share your earnings with. Amounts in minor units. */
  readonly beneficiaries = {
    create: (beneficiary: Body<'POST /v1/merchants/payment-beneficiaries'>, options?: CallOptions): Promise<PaymentBeneficiary> =>
      this.call('POST /v1/merchants/payment-beneficiaries', { body: beneficiary }, options),
    update: (id: string, change: Body<'PATCH /v1/merchants/payment-beneficiaries/{id}'>, options?: Read): Promise<PaymentBeneficiary> =>
      this.call('PATCH /v1/merchants/payment-beneficiaries/{id}', { path: { id }, body: change }, options),
    /** With its balance. */
    get: (id: string, options?: Read): Promise<PaymentBeneficiary> => this.call('GET /v1/merchants/payment-beneficiaries/{id}', { path: { id } }, options),
    list: (query: Query<'GET /v1/merchants/payment-beneficiaries'> = {}, options?: Read): Promise<Page<PaymentBeneficiary>> =>
      this.call('GET /v1/merchants/payment-beneficiaries', { query }, options),
    /** What it has and was not paid goes back to your own balance. */
    transfer: (
      id: string,
      transfer: Body<'POST /v1/merchants/payment-beneficiaries/{id}/transfer'>,
      options?: CallOptions,
    ): Promise<Answer<'POST /v1/merchants/payment-beneficiaries/{id}/transfer'>> =>
      this.call('POST /v1/merchants/payment-beneficiaries/{id}/transfer', { path: { id }, body: transfer }, options),
    /** Pays its bank account from its own balance. */
    settle: (
      id: string,
      settlement: Body<'POST /v1/merchants/payment-beneficiaries/{id}/settlements'>,
      options?: CallOptions,
    ): Promise<SettlementPaymentOrder> => this.call('POST /v1/merchants/payment-beneficiaries/{id}/settlements', { path: { id }, body: settlement }, options),
  };

  /** Shares of payments for beneficiaries. Amounts in minor units. */
  readonly splits = {
    create: (split: Body<'POST /v1/merchants/split-requests'>, options?: CallOptions): Promise<SplitRequest> =>
      this.call('POST /v1/merchants/split-requests', { body: split }, options),
    update: (id: string, change: Body<'PATCH /v1/merchants/split-requests/{id}'>, options?: Read): Promise<SplitRequest> =>
      this.call('PATCH /v1/merchants/split-requests/{id}', { path: { id }, body: change }, options),
    /** While it is `created`. */
    delete: (id: string, options?: Read): Promise<void> => this.call('DELETE /v1/merchants/split-requests/{id}', { path: { id } }, options) as Promise<void>,
    get: (id: string, options?: Read): Promise<SplitRequest> => this.call('GET /v1/merchants/split-requests/{id}', { path: { id } }, options),
    list: (query: Query<'GET /v1/merchants/split-requests'> = {}, options?: Read): Promise<Page<SplitRequest>> =>
      this.call('GET /v1/merchants/split-requests', { query }, options),
  };

  /** Orders to pay beneficiaries from your own balance. Amounts in minor units. */
  readonly settlementOrders = {
    create: (order: Body<'POST /v1/merchants/settlement-payment-orders'>, options?: CallOptions): Promise<SettlementPaymentOrder> =>
      this.call('POST /v1/merchants/settlement-payment-orders', { body: order }, options),
    get: (id: string, options?: Read): Promise<SettlementPaymentOrder> =>
      this.call('GET /v1/merchants/settlement-payment-orders/{id}', { path: { id } }, options),
    list: (query: Query<'GET /v1/merchants/settlement-payment-orders'> = {}, options?: Read): Promise<Page<SettlementPaymentOrder>> =>
      this.call('GET /v1/merchants/settlement-payment-orders', { query }, options),
  };

  /** Bills that companies pay by bank transfer. Amounts in minor units. */
  readonly invoices = {
    /** `url` is a page to send to who pays. */
    create: (invoice: Body<'POST /v1/bank-invoices'>, options?: CallOptions): Promise<BankInvoice> =>
      this.call('POST /v1/bank-invoices', { body: invoice }, options),
    cancel: (id: string, options?: CallOptions): Promise<BankInvoice> => this.call('POST /v1/bank-invoices/{id}/cancel', { path: { id } }, options),
    get: (id: string, options?: Read): Promise<BankInvoice> => this.call('GET /v1/bank-invoices/{id}', { path: { id } }, options),
    list: (query: Query<'GET /v1/bank-invoices'> = {}, options?: Read): Promise<Page<BankInvoice>> => this.call('GET /v1/bank-invoices', { query }, options),
  };

  readonly transactions = {
    get: (id: string, options?: Read): Promise<Transaction> => this.call('GET /v1/transactions/{id}', { path: { id } }, options),
    /** The newest one with your own reference. */
    byReference: (reference: string, options?: Read): Promise<Transaction> =>
      this.call('GET /v1/transactions/by-order-reference/{reference}', { path: { reference } }, options),
    history: (id: string, options?: Read): Promise<History> => this.call('GET /v1/transactions/{id}/history', { path: { id } }, options),
    list: (query: Query<'GET /v1/transactions'> = {}, options?: Read): Promise<Page<TransactionRow>> => this.call('GET /v1/transactions', { query }, options),
    /** Newest first. */
    all: (options?: Read): AsyncGenerator<TransactionRow, void, undefined> =>
      allOf(
        ({ transactionId }) => transactionId,
        (page) => this.transactions.list({ page, size: 100 }, options),
      ),
  };

  readonly webhookEndpoints = {
    /** The answer has the secret that messages are signed with; it is shown here alone. */
    create: (endpoint: Body<'POST /v1/webhook-endpoints'>, options?: CallOptions): Promise<WebhookEndpoint> =>
      this.call('POST /v1/webhook-endpoints', { body: endpoint }, options),
    list: async (options?: Read): Promise<WebhookEndpoint[]> => (await this.call('GET /v1/webhook-endpoints', {}, options)).data,
    get: (id: string, options?: Read): Promise<WebhookEndpoint> => this.call('GET /v1/webhook-endpoints/{id}', { path: { id } }, options),
    update: (id: string, change: Body<'PATCH /v1/webhook-endpoints/{id}'>, options?: Read): Promise<WebhookEndpoint> =>
      this.call('PATCH /v1/webhook-endpoints/{id}', { path: { id }, body: change }, options),
    enable: (id: string, options?: CallOptions): Promise<WebhookEndpoint> => this.call('POST /v1/webhook-endpoints/{id}/enable', { path: { id } }, options),
    disable: (id: string, options?: CallOptions): Promise<WebhookEndpoint> => this.call('POST /v1/webhook-endpoints/{id}/disable', { path: { id } }, options),
    /** @param overlapSeconds for how long the old secret signs too; a day where nothing is said */
    rollSecret: (id: string, overlapSeconds?: number, options?: CallOptions): Promise<WebhookEndpoint> =>
      this.call(
        'POST /v1/webhook-endpoints/{id}/roll-secret',
        { path: { id }, ...(overlapSeconds === undefined ? {} : { body: { overlapSeconds } }) },
        options,
      ),
    /** What was sent, with every attempt; newest event first. */
    deliveries: (query: Query<'GET /v1/webhook-endpoints/deliveries'> = {}, options?: Read): Promise<{ data: WebhookDelivery[]; next: string | null }> =>
      this.call('GET /v1/webhook-endpoints/deliveries', { query }, options),
    allDeliveries: (
      query: Omit<Query<'GET /v1/webhook-endpoints/deliveries'>, 'after'> = {},
      options?: Read,
    ): AsyncGenerator<WebhookDelivery, void, undefined> => this.#allDeliveries(query, options),
    /** Sends an event again, with the same id and body. */
    resend: (id: string, eventId: string, options?: CallOptions): Promise<{ opened: number }> =>
      this.call('POST /v1/webhook-endpoints/{id}/deliveries/{eventId}/resend', { path: { id, eventId } }, options),
    replay: (id: string, span: Body<'POST /v1/webhook-endpoints/{id}/replay'>, options?: CallOptions): Promise<{ opened: number; next: string | null }> =>
      this.call('POST /v1/webhook-endpoints/{id}/replay', { path: { id }, body: span }, options),
    /** Sends webhook.test to this endpoint. */
    test: (id: string, options?: CallOptions): Promise<{ eventId: string }> => this.call('POST /v1/webhook-endpoints/{id}/test', { path: { id } }, options),
  };

  readonly events = {
    get: (id: string, options?: Read): Promise<FeedEvent> => withMessages(this.call('GET /v1/events/{id}', { path: { id } }, options)),
    /**
     * The feed in parts: everything that ever happened, in order, without gaps. Keep `next` of each part when you have done
     * what follows from it, begin there the next time, and nothing is ever missed.
     */
    parts: ({ after, limit, pollMs }: Feed = {}, options?: Read): AsyncGenerator<FeedPage<FeedEvent>, void, undefined> =>
      partsOf(after, pollMs, options?.signal, (cursor) => withMessages(this.call('GET /v1/events', { query: { after: cursor, limit } }, options))),
    /** The feed, event by event. */
    all: (feed: Feed = {}, options?: Read): AsyncGenerator<FeedEvent, void, undefined> => this.#allEvents(feed, options),
  };

  readonly merchant = {
    /** Name, mode, and balances: those in minor units. */
    get: (options?: Read): Promise<Merchant> => this.call('GET /v1/merchants/me', {}, options),
  };

  /** For test merchants. */
  readonly sandbox = {
    /** Money out of nothing. @param money in minor units: toMinor(1500, 'KZT') */
    topup: (money: Body<'POST /v1/sandbox/topup'>, options?: CallOptions): Promise<Answer<'POST /v1/sandbox/topup'>> =>
      this.call('POST /v1/sandbox/topup', { body: money }, options),
    /** Moves the platform's clock ahead: what is due by then becomes due. */
    advanceClock: (advanceSeconds: number, options?: CallOptions): Promise<{ now: string }> =>
      this.call('POST /v1/sandbox/clock', { body: { advanceSeconds } }, options),
  };

  #known: { key: PublicKey; readAt: number } | undefined;

  async #publicKey(): Promise<PublicKey> {
    const now = performance.now();
    if (!this.#known || now - this.#known.readAt > KEY_MS) this.#known = { key: await this.cards.publicKey(), readAt: now };
    return this.#known.key;
  }

  async *#allEvents(feed: Feed, options?: Read): AsyncGenerator<FeedEvent, void, undefined> {
    for await (const { data } of this.events.parts(feed, options)) yield* data;
  }

  async *#allDeliveries(query: Omit<Query<'GET /v1/webhook-endpoints/deliveries'>, 'after'>, options?: Read): AsyncGenerator<WebhookDelivery, void, undefined> {
    for (let after: string | undefined; ;) {
      const { data, next } = await this.webhookEndpoints.deliveries({ limit: 100, ...query, after }, options);
      yield* data;
      if (next === null) return;
      after = next;
    }
  }
}

const moment = (at: string | Date | undefined): string | undefined => (at instanceof Date ? at.toISOString() : at);

/** The API's description says of an event's body that it is an object; `Message` says which. */
const withMessages = <T>(answer: Promise<unknown>): Promise<T> => answer as Promise<T>;
