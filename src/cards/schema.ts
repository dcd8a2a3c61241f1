import Type, { type Static } from 'typebox';
import { customerFields } from '../customers/schema.ts';
import { type Detail, type ApiError, unprocessable } from '../errors.ts';
import { Nullable } from '../http/room.ts';
import type { CardProblems } from '../vault/card-number.ts';

const encrypted = (description: string) =>
  Type.String({ minLength: 1, maxLength: 1024, description: `${description}, encrypted with RSA-OAEP and SHA-256 to the key of GET /v1/keys, in base64` });
const url = (description: string) =>
  Type.Optional(
    Nullable(Type.String({ maxLength: 2048, description: `${description}. https, or http on localhost`, examples: ['https://shop.example/done'] })),
  );

export const CardData = Type.Object(
  {
    encryptedCardNumber: encrypted('The digits of the card number'),
    encryptedExpiryMonth: encrypted('The month, 1 to 12'),
    encryptedExpiryYear: encrypted('The year, with two or four digits'),
    encryptedCvv: Type.Optional(Type.String({ maxLength: 1024, description: 'Not needed for payouts: it is neither decrypted nor stored' })),
    encryptedCardholderName: Type.Optional(encrypted('The name on the card')),
  },
  { additionalProperties: false },
);

export const SaveCard = Type.Object(
  {
    customer: Type.Optional(
      Nullable(
        Type.Object(customerFields, { additionalProperties: false, description: 'Whose card it is: found by externalUserId, or else by email, or made' }),
      ),
    ),
    customerId: Type.Optional(Nullable(Type.String({ minLength: 1, maxLength: 64, description: 'A customer that is known, instead' }))),
    cardData: Type.Optional(Nullable(CardData)),
    successUrl: url('Where the page leads when the card has been saved, exactly as given'),
    failureUrl: url('Where the page leads who does not want to save a card'),
  },
  { $id: 'SaveCard', title: 'Card to save', additionalProperties: false },
);
export type SaveCard = Static<typeof SaveCard>;

export const CardSessionBody = Type.Object(
  {
    id: Type.String({ description: 'The session', examples: ['019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb'] }),
    status: Type.Union([Type.Literal('new'), Type.Literal('saved')], {
      description: 'saved: with the request. new: somebody has to enter a card on the page; the webhook card.saved tells when it was done',
    }),
    customerId: Type.String({ description: 'Whose card it is' }),
    url: Nullable(Type.String({ description: 'The page to enter a card on: whoever has the address may, once, within a day' })),
    cardTokenId: Nullable(Type.String({ description: 'The saved card, where it came with the request' })),
    createdAt: Type.String({ format: 'date-time' }),
    expiresAt: Nullable(Type.String({ format: 'date-time', description: 'Until when the page can be used' })),
  },
  { $id: 'CardSession', title: 'Session of saving a card' },
);

const known = (description: string) => Type.String({ description });
const message = (name: string, title: string, data: Type.TProperties) =>
  Type.Object(
    {
      name: Type.Literal(name),
      merchantId: known('Whose it is'),
      data: Type.Object({ ...data, customerId: known('The customer'), externalUserId: Nullable(known('Your own id of the customer')) }),
      postedAt: Type.String({ format: 'date-time' }),
    },
    { $id: title.replaceAll(' ', ''), title },
  );

/** What the feed and webhooks bring when a card was saved: the token is here. */
export const CardSavedMessage = message('card.saved', 'Card Saved Message', {
  cardTokenId: known("What a payout's tokenId is"),
  ...{ brand: known('The network'), bin: known('The first six digits'), last4: known('The last four digits') },
  ...{ expiryMonth: Type.Integer(), expiryYear: Type.Integer() },
});
/** For endpoints that ask for it. */
export const CardSaveFailedMessage = message('card.save_failed', 'Card Save Failed Message', {
  sessionId: known('The session of POST /v1/cards'),
  reason: known('Why'),
});

export const PublicKeyBody = Type.Object({
  id: Type.String({ examples: ['key_1'] }),
  publicKey: Type.String({ description: 'SPKI, PEM', examples: ['-----BEGIN PUBLIC KEY-----\n…'] }),
  algorithm: Type.Literal('RSA-OAEP-256', { description: 'RSA-OAEP with SHA-256, also in its mask; nothing else is accepted' }),
  keyType: Type.Literal('RSA'),
  expiresAt: Type.Null(),
});

const words = {
  number: { missing: 'is empty', digits: 'is not a card number', length: 'has not as many digits as a card of its network', check: 'fails its check digit' },
  expiry: { missing: 'is empty', format: 'is not a month and a year', past: 'is past: the card has expired', far: 'is too far ahead for a card' },
  holder: { characters: 'has characters that no name on a card has', long: 'is longer than any name on a card' },
} as const;

/** What is wrong with a card, as an answer that names the fields; never what stood in them. */
export function refusedCard({ number, expiry, holder }: CardProblems): ApiError {
  const details: Detail[] = [
    ...(number ? [{ field: 'cardData.encryptedCardNumber', message: words.number[number] }] : []),
    ...(expiry
      ? [
          { field: 'cardData.encryptedExpiryMonth', message: words.expiry[expiry] },
          { field: 'cardData.encryptedExpiryYear', message: words.expiry[expiry] },
        ]
      : []),
    ...(holder ? [{ field: 'cardData.encryptedCardholderName', message: words.holder[holder] }] : []),
  ];
  const said = [
    number && `the card number ${words.number[number]}`,
    expiry && `the expiry date ${words.expiry[expiry]}`,
    holder && `the name ${words.holder[holder]}`,
  ];
  return unprocessable(said.filter(Boolean).join('; '), details);
}
