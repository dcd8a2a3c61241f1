import Type from 'typebox';
import { Amount, Currency, id, when } from '../beneficiaries/schema.ts';
import { Nullable, Paging } from '../http/room.ts';

const Reference = Type.String({ minLength: 1, maxLength: 128, description: 'Shares what comes in for this order', examples: ['ORDER-100045'] });
const TransactionId = Type.String({ minLength: 1, maxLength: 64, description: 'Shares what this payment brings', examples: ['wt_01JDM3Z7V8H8Q2X9K0R1ABCD12'] });
const Percent = Type.Number({ exclusiveMinimum: 0, maximum: 100, description: 'Of the payment, with at most two decimals', examples: [12.5] });
const Item = Type.Object(
  { beneficiaryId: Type.String({ description: 'Who is given it' }), amount: Type.Optional(Amount), percent: Type.Optional(Percent) },
  { additionalProperties: false, description: 'An amount or a percent' },
);
const Items = Type.Array(Item, { minItems: 1, maxItems: 100, description: 'Each beneficiary once' });

export const CreateSplit = Type.Object(
  {
    transactionId: Type.Optional(TransactionId),
    orderReference: Type.Optional(Reference),
    currency: Type.Optional({ ...Currency, default: 'KZT' }),
    items: Items,
  },
  { $id: 'CreateSplitRequest', title: 'Split to make', additionalProperties: false },
);
export const UpdateSplit = Type.Object({ items: Items }, { $id: 'UpdateSplitRequest', title: 'Other shares', additionalProperties: false });

const Status = Type.Union(
  ['created', 'processed', 'failed', 'deleted'].map((status) => Type.Literal(status)),
  { description: 'created until the payment’s money covers it; then processed, or failed where a beneficiary is inactive or the balance too small' },
);
const SplitBody = Type.Object(
  {
    ...{ id: id('The split'), merchantId: id('Whose it is'), transactionId: Nullable(Type.String()), orderReference: Type.String() },
    ...{ status: Status, currency: Currency },
    items: Type.Array(
      Type.Object({
        beneficiaryId: id('Who is given it'),
        amount: Type.Optional(Amount),
        percent: Type.Optional(Percent),
        given: Nullable(Type.Integer({ description: 'What it was given, in minor units; together exactly the shared part of the payment' })),
      }),
    ),
    failureReason: Nullable(Type.String()),
    ...{ createdAt: when('When it was made'), updatedAt: when('When it last changed') },
  },
  { $id: 'SplitRequest', title: 'Split' },
);
const Message = Type.Object(
  {
    name: Type.Union(['created', 'processed', 'failed', 'deleted'].map((status) => Type.Literal(`split.${status}`))),
    ...{ merchantId: Type.String(), data: Type.Ref('SplitRequest'), postedAt: Type.String() },
  },
  { $id: 'SplitMessage', title: 'Split Message' },
);
export const splitSchemas = [SplitBody, Message];
export const ListSplits = Type.Object({ ...Paging, status: Type.Optional(Status), orderReference: Type.Optional(Reference) });
