import type { CardToken } from '../customers/cards.ts';
import type { Customer } from '../customers/customers.ts';
import type { Ids } from '../ids.ts';
import type { NewEvent } from '../webhooks/events.ts';
import type { CardSession } from './sessions.ts';

/** How a card came to be saved: with a request, on a page, or by ourselves. */
export type Cause = 'request' | 'form' | 'operator';

/** The webhook that brings the token: told once, in the transaction that makes the token. */
export const cardSaved = (merchantId: string, card: CardToken, { externalUserId }: Customer, cause: Cause, ids: Ids): NewEvent => {
  const { id: cardTokenId, customerId, brand, bin, last4, expiryMonth, expiryYear, createdAt } = card;
  const data = { cardTokenId, customerId, externalUserId, brand, bin, last4, expiryMonth, expiryYear };
  return {
    id: ids.uuid(),
    objectId: cardTokenId,
    objectSeq: 1,
    type: 'card.saved',
    fromState: null,
    toState: 'saved',
    cause,
    body: bodyOf('card.saved', merchantId, data, createdAt),
  };
};

/** A page that was tried too often: for those endpoints that ask for it. */
export const cardSaveFailed = (merchantId: string, { id: sessionId, customerId }: CardSession, { externalUserId }: Customer, at: Date, ids: Ids): NewEvent => {
  const data = { sessionId, customerId, externalUserId, reason: 'too many tries' };
  return {
    id: ids.uuid(),
    objectId: sessionId,
    objectSeq: 1,
    type: 'card.save_failed',
    fromState: 'new',
    toState: 'failed',
    cause: 'form',
    body: bodyOf('card.save_failed', merchantId, data, at),
  };
};

const bodyOf = (name: string, merchantId: string, data: object, at: Date): string =>
  JSON.stringify({ name, merchantId, data, postedAt: at.toISOString().replace('Z', '000000Z') });
