import { type CardToken, insertCard } from '../customers/cards.ts';
import { type Customer, type CustomerFields, customerById, saveCustomer } from '../customers/customers.ts';
import type { Db, Tx } from '../db/db.ts';
import { assert } from '../errors.ts';
import { type Answer, type Key, once, recall, replay } from '../http/idempotency.ts';
import type { Ids } from '../ids.ts';
import { type Merchant, theMerchant } from '../merchants/merchants.ts';
import type { Clock } from '../ports.ts';
import { timestamp } from '../transactions/view.ts';
import type { CardFields, CardProblems } from '../vault/card-number.ts';
import { type CardFace, CheckedCard } from '../vault/checked-card.ts';
import type { EncryptedCard, Vault } from '../vault/vault.ts';
import { tell } from '../webhooks/events.ts';
import { type Cause, cardSaved, cardSaveFailed } from './events.ts';
import { refusedCard } from './schema.ts';
import {
  type CardSession,
  claimPage,
  endSession,
  hashOf,
  insertSession,
  lockSession,
  MAX_TRIES,
  newPageId,
  pageOwner,
  type PageState,
  SESSION_MS,
  sessionOfPage,
  stateOf,
  takeTry,
} from './sessions.ts';

export interface CardsOptions {
  db: Db;
  vault: Vault;
  clock: Clock;
  ids: Ids;
  /** how the world reaches the pages */
  publicUrl: string;
}

/** A wish to save a card, as it comes in. */
export interface SaveRequest {
  /** what is known of whose card it is; or the id of a customer */
  customer: CustomerFields | { id: string };
  cardData?: EncryptedCard | null;
  successUrl: string | null;
  failureUrl: string | null;
}

/** A page as its visitor finds it. */
export interface Visit {
  merchant: Merchant;
  session: CardSession;
  state: PageState;
}

/** What became of a form that was sent. */
export type Sent =
  | { kind: 'refused'; visit: Visit; problems: CardProblems; triesLeft: number }
  | { kind: 'saved'; visit: Visit; face: CardFace }
  | { kind: 'closed'; visit: Visit };

/** A card that the vault has stored, and that is waiting for its token. */
interface Stored {
  tokenId: string;
  fingerprint: string;
  face: CardFace;
}

/** Saves cards: with a request of the merchant, or on a page that its customer opens. */
export class Cards {
  private readonly o: CardsOptions;

  constructor(options: CardsOptions) {
    this.o = options;
  }

  /**
   * Saves the card of the request, or makes a page to enter one on.
   * @throws {ApiError} 404 for an unknown customer, 409 for a key that stands for something else, 422 for a card that is none
   */
  async request(merchantId: string, key: Key | undefined, wish: SaveRequest): Promise<Answer> {
    const earlier = key && (await this.o.db.merchant(merchantId, (tx) => recall(tx, key.route, [key.key]))).get(key.key);
    if (key && earlier) return replay(earlier, key); // before the vault stores anything
    return wish.cardData ? this.saveNow(merchantId, key, wish, wish.cardData) : this.makePage(merchantId, key, wish);
  }

  /** Saves a card that is in our hands in the open: an operator's, or a test's. @throws {ApiError} 422 when it is none */
  async save(
    merchantId: string,
    { pan, expiryMonth, expiryYear }: { pan: string; expiryMonth: number; expiryYear: number },
    customer: CustomerFields,
  ): Promise<{ token: string; customerId: string }> {
    const card = this.o.vault.read({ number: pan, expiryMonth: String(expiryMonth), expiryYear: String(expiryYear) });
    if (!(card instanceof CheckedCard)) throw refusedCard(card);
    const { id, customerId } = await this.withStored(
      merchantId,
      card,
      (stored) => this.o.db.merchant(merchantId, async (tx) => this.token(tx, stored, await this.customer(tx, customer), 'operator')),
      () => true,
    );
    return { token: id, customerId };
  }

  /** @param pageId what the page's address ends with. @returns undefined when there is no such page */
  async visit(pageId: string): Promise<Visit | undefined> {
    const hash = hashOf(pageId);
    const merchantId = hash && (await this.o.db.lookup((q) => pageOwner(q, hash)));
    if (!merchantId) return undefined;
    const [merchant, session] = await this.o.db.merchant(merchantId, (tx) => Promise.all([theMerchant(tx), sessionOfPage(tx, hash)]));
    return session && { merchant, session, state: stateOf(session, this.o.clock.now()) };
  }

  /**
   * Takes what was entered on a page. Each form that is sent takes one of the page's tries, whatever is in it; the page ends
   * with the first card that is saved, or with the last try.
   */
  async send(visit: Visit, fields: CardFields): Promise<Sent> {
    const { merchant, session } = visit;
    const taken = await this.o.db.merchant(merchant.id, (tx) => takeTry(tx, session.id, this.o.clock.now()));
    if (!taken) return this.closed(visit);
    const card = this.o.vault.read(fields);
    if (!(card instanceof CheckedCard)) return this.refuse(visit, taken, card);
    const saved = await this.withStored(
      merchant.id,
      card,
      (stored) => this.o.db.merchant(merchant.id, (tx) => this.fulfil(tx, session.id, stored)),
      (token) => token !== undefined,
    );
    return saved ? { kind: 'saved', visit, face: card.face } : this.closed(visit);
  }

  private async saveNow(merchantId: string, key: Key | undefined, wish: SaveRequest, cardData: EncryptedCard): Promise<Answer> {
    const { db, vault, clock, ids } = this.o;
    const card = await vault.readEncrypted(cardData);
    if (!(card instanceof CheckedCard)) throw refusedCard(card);
    const work = (stored: Stored) =>
      once(db, merchantId, key, clock.now(), async (tx) => {
        const customer = await this.customer(tx, wish.customer);
        const session = this.newSession(ids.uuid(), wish, customer, { status: 'saved', cardTokenId: stored.tokenId });
        await this.token(tx, stored, customer, 'request', () => insertSession(tx, session, null));
        return { status: 201, objectId: session.id, body: JSON.stringify(sessionView(session, null)) };
      });
    return this.withStored(merchantId, card, work, ({ replayed }) => !replayed);
  }

  private async makePage(merchantId: string, key: Key | undefined, wish: SaveRequest): Promise<Answer> {
    const { db, clock, ids, publicUrl } = this.o;
    const pageId = newPageId(ids);
    const hash = hashOf(pageId) as string;
    await db.lookup((q) => claimPage(q, hash, merchantId));
    return once(db, merchantId, key, clock.now(), async (tx) => {
      const session = this.newSession(ids.uuid(), wish, await this.customer(tx, wish.customer), { status: 'new', cardTokenId: null });
      await insertSession(tx, session, hash);
      return { status: 201, objectId: session.id, body: JSON.stringify(sessionView(session, `${publicUrl}/cards/${pageId}`)) };
    });
  }

  /**
   * The vault first, in its own transaction: no token is ever without its card. What got no token is taken back, at once if
   * we are still there, and by the vault's sweep if not.
   */
  private async withStored<T>(merchantId: string, card: CheckedCard, work: (stored: Stored) => Promise<T>, isKept: (result: T) => boolean): Promise<T> {
    const { vault, ids } = this.o;
    const tokenId = ids.uuid();
    const fingerprint = await vault.store(merchantId, tokenId, card);
    let kept = false;
    try {
      const result = await work({ tokenId, fingerprint, face: card.face });
      kept = isKept(result);
      return result;
    } finally {
      if (!kept) await vault.discard(merchantId, tokenId).catch(() => undefined); // a token that came to be after all keeps it
    }
  }

  /** Writes a token and the event that brings it to the merchant. @param beforeTelling what else belongs to it */
  private async token(
    tx: Tx,
    { tokenId, fingerprint, face }: Stored,
    customer: Customer,
    cause: Cause,
    beforeTelling: () => Promise<void> = async () => undefined,
  ): Promise<CardToken> {
    const at = this.o.clock.now();
    const card: CardToken = { id: tokenId, customerId: customer.id, ...face, createdAt: at };
    assert((await insertCard(tx, { ...card, fingerprint })) === 1, 'the token was written');
    await beforeTelling();
    await tell(tx, [cardSaved(tx.merchantId, card, customer, cause, this.o.ids)], at);
    return card;
  }

  /** @returns undefined when somebody else was quicker: the page is used up */
  private async fulfil(tx: Tx, sessionId: string, stored: Stored): Promise<CardToken | undefined> {
    const session = await lockSession(tx, sessionId);
    if (session.status !== 'new') return undefined;
    const customer = await customerById(tx, session.customerId);
    return this.token(tx, stored, customer, 'form', () => endSession(tx, sessionId, 'saved', stored.tokenId, this.o.clock.now()));
  }

  private async refuse(visit: Visit, { tries }: CardSession, problems: CardProblems): Promise<Sent> {
    const { merchant, session } = visit;
    const triesLeft = MAX_TRIES - tries;
    if (triesLeft > 0) return { kind: 'refused', visit, problems, triesLeft };
    await this.o.db.merchant(merchant.id, async (tx) => {
      const locked = await lockSession(tx, session.id);
      if (locked.status !== 'new') return;
      const [customer, now] = [await customerById(tx, locked.customerId), this.o.clock.now()];
      await endSession(tx, session.id, 'failed', null, now);
      await tell(tx, [cardSaveFailed(tx.merchantId, locked, customer, now, this.o.ids)], now);
    });
    return this.closed(visit);
  }

  /** A page that can take nothing more. Waits for what is being done with another form of it, to say what came of that. */
  private async closed({ merchant, session }: Visit): Promise<Sent> {
    const now = await this.o.db.merchant(merchant.id, (tx) => lockSession(tx, session.id));
    return { kind: 'closed', visit: { merchant, session: now, state: stateOf(now, this.o.clock.now()) } };
  }

  private async customer(tx: Tx, customer: SaveRequest['customer']): Promise<Customer> {
    return 'id' in customer ? customerById(tx, customer.id) : (await saveCustomer(tx, customer, this.o.ids, this.o.clock.now())).customer;
  }

  private newSession(
    id: string,
    { successUrl, failureUrl }: SaveRequest,
    customer: Customer,
    standing: Pick<CardSession, 'status' | 'cardTokenId'>,
  ): CardSession {
    const createdAt = this.o.clock.now();
    return { id, customerId: customer.id, ...standing, successUrl, failureUrl, tries: 0, createdAt, expiresAt: new Date(createdAt.getTime() + SESSION_MS) };
  }
}

const sessionView = ({ id, status, customerId, cardTokenId, createdAt, expiresAt }: CardSession, url: string | null) => ({
  ...{ id, status, customerId, url, cardTokenId },
  createdAt: timestamp(createdAt),
  expiresAt: url ? timestamp(expiresAt) : null,
});
