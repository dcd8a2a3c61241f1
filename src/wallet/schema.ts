import Type from 'typebox';
import { Nullable } from '../http/room.ts';
import { MAX_MINOR } from '../money.ts';

const amount = (description: string) => Type.Integer({ minimum: 1, maximum: Number(MAX_MINOR), description, examples: [15000] });
const STATUSES = ['NEW', 'PROCESSING', 'SUCCESS', 'FAILED'] as const;
const Status = Type.Union(STATUSES.map((status) => Type.Literal(status)));

export const AuthorizeWallet = Type.Object(
  {
    amount: amount('In minor units: 123456 is 1,234.56 KZT'),
    phoneNumber: Type.String({
      minLength: 1,
      maxLength: 32,
      description: "The customer's; Kazakhstan's where no country is said",
      examples: ['+77012345678', '8 (701) 234-56-78'],
    }),
    iin: Type.String({
      minLength: 1,
      maxLength: 32,
      description: "The customer's personal number, 12 digits; of live merchants' customers the check digit is verified",
      examples: ['880707300154'],
    }),
    orderReference: Type.String({ minLength: 1, maxLength: 128, description: 'Your own reference; best unique', examples: ['ORDER-100045'] }),
    currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217', examples: ['KZT'] }),
  },
  { $id: 'AuthorizeWallet', title: 'Wallet authorization', additionalProperties: false },
);

export const OperateWallet = Type.Object(
  {
    amount: amount('How much of it, in minor units'),
    allowDuplicate: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Without an Idempotency-Key the same amount within ten minutes is taken for a repetition and refused; true says that it is none',
      }),
    ),
  },
  { additionalProperties: false },
);

export const AuthorizeHeaders = Type.Object({
  'idempotency-key': Type.String({
    description:
      'Required: the name of this piece of work, best a UUID. Asked again under it nothing is done again, and it is answered byte for byte as before. Never expires.',
    examples: ['8b7f2a7e-2c5b-4d6e-9c3f-acde12345678'],
  }),
});

export const WalletTransactionBody = Type.Object(
  {
    walletTransactionId: Type.String({ examples: ['wt_01JDM3Z7V8H8Q2X9K0R1ABCD12'] }),
    walletTransactionStatus: { ...Status, description: 'SUCCESS: the customer has agreed; the amount can be captured' },
    orderReference: Type.String({ examples: ['ORDER-100045'] }),
    amount: Type.Integer({ description: 'In minor units: what was authorised; in the answer to an operation, how much that was of', examples: [15000] }),
    currency: Type.String({ examples: ['KZT'] }),
  },
  { $id: 'WalletTransaction', title: 'Wallet transaction' },
);

export const ListWallet = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  cursor: Type.Optional(Type.String({ maxLength: 200, description: '`nextCursor` of the page before, with the same filters' })),
  orderReference: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  status: Type.Optional(Status),
});
export const WalletPage = Type.Object({ items: Type.Array(Type.Ref('WalletTransaction')), nextCursor: Nullable(Type.String()) });

const happened = ['new', 'processing', 'success', 'failed', 'captured', 'cancelled', 'refunded', 'capture_failed', 'cancel_failed', 'refund_failed'];
/** What feed and webhooks bring; for endpoints that ask for it. */
export const WalletTransactionMessage = Type.Object(
  {
    name: Type.Union(happened.map((what) => Type.Literal(`wallet_transaction.${what}`))),
    merchantId: Type.String(),
    data: Type.Object({
      ...WalletTransactionBody.properties,
      operationAmount: Type.Optional(Type.Integer({ description: 'Of the operation that this is about, in minor units' })),
      errorCode: Type.Optional(Nullable(Type.String({ description: 'Why it failed' }))),
      errorMessage: Type.Optional(Nullable(Type.String())),
    }),
    postedAt: Type.String(),
  },
  { $id: 'WalletTransactionMessage', title: 'Wallet Transaction Message' },
);
