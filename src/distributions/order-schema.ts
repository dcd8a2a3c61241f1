import Type from 'typebox';
import { Amount, Currency, id, Purpose, RequestId, when } from '../beneficiaries/schema.ts';
import { Nullable, Paging } from '../http/room.ts';

const statuses = ['created', 'paid', 'failed'] as const;
const Status = Type.Union(
  statuses.map((status) => Type.Literal(status)),
  { description: 'created until the bank has said: then paid or failed. A failed one has given its money back' },
);

export const CreateOrder = Type.Object(
  {
    requestId: RequestId,
    beneficiaryId: Type.String({ description: 'Whom it pays' }),
    amount: Amount,
    currency: Currency,
    paymentPurpose: Type.Optional(Purpose),
  },
  { $id: 'CreateSettlementPaymentOrder', title: 'Settlement order to make', additionalProperties: false },
);
export const CreateSettlement = Type.Object(
  { amount: Amount, currency: Currency, requestId: Type.Optional(RequestId), paymentPurpose: Type.Optional(Purpose) },
  { $id: 'CreateSettlement', title: 'Settlement to make', additionalProperties: false },
);
const OrderBody = Type.Object(
  {
    ...{ id: id('The order'), requestId: Nullable(Type.String()), merchantId: id('Whose it is'), beneficiaryId: id('Whom it pays') },
    source: Type.Union([Type.Literal('merchant'), Type.Literal('beneficiary')], { description: 'Whose balance it is taken from' }),
    ...{ amount: Amount, currency: Currency, status: Status, paymentPurpose: Type.String() },
    balanceBefore: Type.Integer({ description: 'That balance before it was taken, in minor units' }),
    balanceAfter: Type.Integer({ description: 'And after' }),
    failureReason: Nullable(Type.String({ description: 'Why it failed: a code and words' })),
    ...{ createdAt: when('When it was made'), updatedAt: when('When it last changed'), paidAt: Nullable(when('When it was known to be paid')) },
  },
  { $id: 'SettlementPaymentOrder', title: 'Settlement order' },
);
const Message = Type.Object(
  {
    name: Type.Union(
      ['created', 'processing', 'paid', 'failed', 'returned'].map((word) => Type.Literal(`payment_order.${word}`)),
      { description: 'processing is in the feed alone' },
    ),
    merchant_id: Type.String(),
    data: Type.Object({
      amount: Type.Integer({ description: 'In minor units' }),
      status: Type.String({ examples: [...statuses, 'returned'] }),
      currency: Type.String(),
      merchant_id: Type.String(),
      beneficiary_id: Type.String(),
      payment_order_id: Type.String(),
      return_id: Type.Optional(Type.String({ description: 'Of a return: its own id' })),
    }),
  },
  { $id: 'PaymentOrderMessage', title: 'Settlement Order Message' },
);

export const orderSchemas = [OrderBody, Message];
export const ListOrders = Type.Object({ ...Paging, status: Type.Optional(Status), beneficiaryId: Type.Optional(Type.String()) });
