import Type from 'typebox';
import { checkCustomer } from '../customers/schema.ts';
import { unprocessable } from '../errors.ts';
import { keyOf } from '../http/idempotency.ts';
import { type App, answers, callerOf, give, IdempotencyHeader } from '../http/room.ts';
import { idIn } from '../http/server.ts';
import type { Log } from '../log.ts';
import { returnUrl } from '../pages/return-url.ts';
import type { Random } from '../ports.ts';
import type { Vault } from '../vault/vault.ts';
import type { Cards } from './cards.ts';
import { cardPageRoutes } from './page-routes.ts';
import { CardSavedMessage, CardSaveFailedMessage, CardSessionBody, PublicKeyBody, SaveCard } from './schema.ts';

export interface CardRoutes {
  cards: Cards;
  vault: Vault;
  random: Random;
  log: Log;
  config: { publicUrl: string };
}

const tags = ['Cards'];

export function cardRoutes(app: App, { cards, vault, random, log, config: { publicUrl } }: CardRoutes): void {
  for (const schema of [CardSessionBody, CardSavedMessage, CardSaveFailedMessage]) app.addSchema(schema);

  const keys = {
    tags,
    summary: 'Get keys',
    description: 'The key that card data is encrypted to before it is sent. It may change: ask for it anew each day.',
    response: answers({ 200: PublicKeyBody }),
  };
  app.get('/v1/keys', { config: { scope: null, source: 'keys' }, schema: keys }, async () => ({
    ...(await vault.publicKey()),
    keyType: 'RSA' as const,
    expiresAt: null,
  }));

  const save = {
    tags,
    summary: 'Save a card for payouts',
    description:
      'Nothing is charged and no bank is asked. With `cardData` the card is saved at once. Without it, the answer has the address of a page to enter the card on. Either way the webhook `card.saved` brings the `cardTokenId`.',
    headers: IdempotencyHeader,
    body: SaveCard,
    response: answers({ 201: Type.Ref('CardSession') }, 404, 409, 413, 422),
  };
  app.post('/v1/cards', { config: { scope: 'cards', source: 'cards' }, schema: save }, async (request, reply) => {
    const { body } = request;
    const wish = {
      customer: whoseCard(body),
      cardData: body.cardData,
      successUrl: returnUrl(body.successUrl, 'successUrl'),
      failureUrl: returnUrl(body.failureUrl, 'failureUrl'),
    };
    return give(reply, await cards.request(callerOf(request).merchant.id, keyOf('POST /v1/cards', request.headers['idempotency-key'], body), wish));
  });

  void app.register(async (pages) => cardPageRoutes(pages as App, { cards, log, settings: { random, publicUrl } }));
}

/** @throws {ApiError} 404, 422 */
function whoseCard({ customer, customerId }: SaveCard) {
  if (customer && customerId)
    throw unprocessable('customer and customerId are two ways to say one thing', [{ field: 'customerId', message: 'is not needed beside customer' }]);
  return customerId ? { id: idIn(customerId, 'customer') } : checkCustomer(customer ?? {}, 'customer.');
}
