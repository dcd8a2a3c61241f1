import Type from 'typebox';
import { Nullable } from '../http/room.ts';

const id = (description: string) => Type.String({ description, examples: ['019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb'] });
const text = (description: string) => Nullable(Type.String({ description }));
const when = (description: string) => Type.String({ format: 'date-time', description, examples: ['2025-12-08T13:48:09.127000Z'] });

/** A transaction as single reads answer it and webhooks carry it. */
export const TransactionBody = Type.Object(
  {
    id: id('The transaction'),
    transactionId: id('The same id'),
    paymentId: id('The same id'),
    amount: Type.Number({ description: 'In major units: 100.05 is one hundred tenge and five tiyn', examples: [100.05] }),
    balance: Nullable(Type.Number({ description: 'What is left to refund; null for payouts' })),
    currency: Type.String({ description: 'ISO 4217', examples: ['KZT'] }),
    status: Type.String({ description: 'A payout: new, processing, then settled, rejected or failed. A return: returned.' }),
    type: Type.String({ description: 'unknown for a payout, return for money that the bank gave back' }),
    bin: text('The first digits of the card'),
    brand: text('The network of the card'),
    last4: text('The last four digits of the card'),
    cardTokenId: text('The saved card'),
    customerId: text('Whose card it is'),
    description: text('What the merchant said it is for'),
    merchantReference: text("The merchant's own reference"),
    orderReference: text('The same reference'),
    parentTransactionId: text('What this transaction belongs to'),
    payerIp: text('Only for payments'),
    paymentLinkId: text('Only for payments'),
    paymentMethod: Type.String({ examples: ['card'] }),
    paymentSessionId: text('Only for payments'),
    recurringType: text('Only for payments'),
    retrievalReferenceNumber: text("The processor's reference number, once executed"),
    secure3d: Nullable(Type.Boolean({ description: 'Only for payments' })),
    storeId: id('The store'),
    terminalId: id('The terminal'),
    errorCode: text('Why it was rejected or failed: an ISO 8583 response code'),
    errorMessage: text('The same in words'),
    error_code: text('errorCode again'),
    error_message: text('errorMessage again'),
    authedAt: text('Only for payments'),
    confirmedAt: text('When it was paid out'),
    processedAt: text('When it became final'),
    processedAmount: Nullable(Type.Number({ description: 'What was paid out, in major units' })),
    createdAt: when('When it was asked for'),
    updatedAt: when('When its status last changed'),
  },
  { $id: 'Transaction', title: 'Transaction' },
);

const names = ['new', 'processing', 'settled', 'rejected', 'failed', 'returned'].map((state) => Type.Literal(`transaction.${state}`));

/** What the feed and webhooks bring when a transaction's status changes. */
export const TransactionMessage = Type.Object(
  {
    name: Type.Union(names, { description: 'The status after "transaction."; transaction.new is in the feed alone' }),
    merchantId: id('Whose it is'),
    data: Type.Ref('Transaction'),
    postedAt: when('When it happened'),
  },
  { $id: 'TransactionMessage', title: 'Message: a transaction changed' },
);

export const TransactionRow = Type.Object(
  {
    transactionId: id('The transaction'),
    amount: Type.Number({ description: 'In major units' }),
    currency: Type.String(),
    createdAt: when('When it was asked for'),
    rrn: text("The processor's reference number"),
    status: Type.String({ examples: ['TRANSACTION_STATUS_SETTLED'] }),
    orderReference: text("The merchant's own reference"),
    paymentMethod: Type.String(),
    last4: text('Of the card'),
  },
  { $id: 'TransactionRow', title: 'Transaction in a list' },
);

export const TransactionHistory = Type.Object({
  transactionId: id('The transaction'),
  events: Type.Array(
    Type.Object({
      id: id('The event'),
      name: Type.String({ examples: ['transaction.settled'] }),
      createdAt: when('When it happened'),
      data: Type.Object({
        status: Type.String(),
        amount: Type.Number(),
        currency: Type.String(),
        balance: Nullable(Type.Number()),
        errorCode: Nullable(Type.String()),
        errorMessage: Nullable(Type.String()),
      }),
    }),
    { description: 'Oldest first' },
  ),
});
