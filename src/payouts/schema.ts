import Type from 'typebox';
import { Nullable, Paging } from '../http/room.ts';

const Optional = <T extends Type.TSchema>(schema: T) => Type.Optional(Nullable(schema));

export const CreatePayout = Type.Object(
  {
    tokenId: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'The saved card: cardTokenId of the webhook card.saved',
      examples: ['019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb'],
    }),
    amount: Type.Number({
      exclusiveMinimum: 0,
      description: 'In major units, with at most the decimals of the currency: 100.05 is one hundred tenge and five tiyn',
      examples: [1500, 100.05],
    }),
    currency: Type.Optional(Type.String({ pattern: '^[A-Z]{3}$', default: 'KZT', description: 'ISO 4217; KZT where nothing is said' })),
    description: Optional(Type.String({ maxLength: 255, description: 'What it is for' })),
    merchantReference: Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Your own reference; need not be unique' })),
    orderReference: Optional(Type.String({ minLength: 1, maxLength: 128, description: 'The same reference, by its other name' })),
    requestId: Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        pattern: '^[\\x21-\\x7e]+$',
        description: 'An Idempotency-Key in the body, for clients that cannot send the header',
      }),
    ),
  },
  { $id: 'CreatePayout', title: 'Payout request', additionalProperties: false },
);

export const ListPayouts = Type.Object({
  ...Paging,
  status: Type.Optional(Type.Union(['new', 'processing', 'settled', 'rejected', 'failed'].map((state) => Type.Literal(state)))),
  from: Type.Optional(Type.String({ format: 'date-time', description: 'Asked for at this moment or later' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Asked for before this moment' })),
});
