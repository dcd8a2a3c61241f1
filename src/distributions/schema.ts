import Type from 'typebox';
import { Nullable, Page, Paging } from '../http/room.ts';
import { MAX_MINOR } from '../money.ts';

const Status = Type.Union(
  ['created', 'processing', 'completed', 'failed'].map((status) => Type.Literal(status)),
  {
    $id: 'DistributionStatus',
    title: 'Status of a distribution',
    description: 'created → processing → completed or failed. A failed one has given its money back',
  },
);

const Recipient = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 140, description: 'As the bank knows it', examples: ['TOO Credit Partner'] }),
    bin: Type.String({
      minLength: 1,
      maxLength: 32,
      description: 'Business number (BIN) of a company, or personal number (IIN): 12 digits',
      examples: ['123456789012'],
    }),
    iban: Type.String({ minLength: 1, maxLength: 64, description: 'Small letters and spaces are taken and normalised', examples: ['KZ86125KZT5004100100'] }),
    bic: Type.String({ minLength: 1, maxLength: 32, description: 'Of the bank: 8 or 11 characters', examples: ['KCJBKZKX'] }),
    kbe: Type.String({ minLength: 1, maxLength: 8, description: 'Residency and sector of the recipient: two digits', examples: ['17'] }),
    knp: Type.String({ minLength: 1, maxLength: 8, description: 'Code of the purpose: three digits', examples: ['119'] }),
  },
  { additionalProperties: false, description: 'Who is paid' },
);

export const CreateDistribution = Type.Object(
  {
    orderReference: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'Your own reference: one distribution for each, for ever',
      examples: ['DIST-100001'],
    }),
    amount: Type.Integer({ minimum: 1, maximum: Number(MAX_MINOR), description: 'In minor units: 150000 is 1500.00 KZT', examples: [150000] }),
    currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217', examples: ['KZT'] }),
    recipient: Recipient,
    paymentPurpose: Type.String({
      minLength: 1,
      maxLength: 124,
      description: 'What it is for, as the payment order says',
      examples: ['Распределение средств по договору 123'],
    }),
  },
  { $id: 'DistributionCreateRequest', title: 'Distribution request', additionalProperties: false },
);

const base = {
  id: Type.String({ format: 'uuid' }),
  orderReference: Type.String(),
  amount: Type.Integer({ description: 'In minor units' }),
  currency: Type.String(),
  status: Type.Ref('DistributionStatus'),
  recipient: Recipient,
  paymentPurpose: Type.String(),
};
const balances = {
  balanceBefore: Type.Integer({ description: 'Your balance before this one was taken from it, in minor units; exact, however many arrive at once' }),
  balanceAfter: Type.Integer({ description: 'And after' }),
};
const times = { createdAt: Type.String({ format: 'date-time' }), updatedAt: Type.String({ format: 'date-time' }) };

const Created = Type.Object({ ...base, ...balances, ...times }, { $id: 'DistributionCreatedResponse', title: 'Distribution, as it was made' });
const Detail = Type.Object(
  { ...base, ...balances, ...times, failureReason: Nullable(Type.String({ description: 'Why it failed: a code and words' })) },
  { $id: 'DistributionDetailResponse', title: 'Distribution' },
);
const Item = Type.Object({ ...base, ...times }, { $id: 'DistributionListItem', title: 'Distribution, in a list' });
const List = { ...Page(Type.Ref('DistributionListItem')), $id: 'DistributionListResponse', title: 'Distributions' };
const Balance = Type.Object(
  { balance: Type.Integer({ description: 'In minor units' }), currency: Type.String(), updatedAt: Type.String({ format: 'date-time' }) },
  { $id: 'DistributionBalanceResponse', title: 'Balance that distributions are taken from' },
);

/** Items of one request. */
const MOST_AT_ONCE = 500;
export const CreateDistributions = Type.Object(
  {
    items: Type.Array(Type.Object({}, { description: 'A DistributionCreateRequest' }), {
      minItems: 1,
      maxItems: MOST_AT_ONCE,
      description: 'Each as in the request of one distribution, and with its own fate',
      examples: [
        [
          {
            ...{ orderReference: 'DIST-100001', amount: 150000, currency: 'KZT', paymentPurpose: 'Распределение средств по договору 123' },
            recipient: { name: 'TOO Credit Partner', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' },
          },
        ],
      ],
    }),
  },
  { $id: 'DistributionBulkRequest', title: 'Distributions request', additionalProperties: false },
);
const Fate = Type.Object(
  {
    index: Type.Integer({ description: 'Of the item in the request, from 0' }),
    orderReference: Nullable(Type.String()),
    result: Type.Union(
      ['created', 'known', 'refused'].map((result) => Type.Literal(result)),
      { description: 'known: the same distribution was made before, nothing was done' },
    ),
    distribution: Nullable(Type.Ref('DistributionCreatedResponse')),
    error: Nullable(Type.Ref('Error')),
  },
  { $id: 'DistributionFate', title: 'What became of an item' },
);
const Bulk = Type.Object(
  { total: Type.Integer(), created: Type.Integer(), known: Type.Integer(), refused: Type.Integer(), items: Type.Array(Type.Ref('DistributionFate')) },
  { $id: 'DistributionBulkResponse', title: 'What became of the items' },
);

const told = { merchantId: Type.String(), postedAt: Type.String() };
/** What feed and webhooks bring; for endpoints that ask for it. */
const Message = Type.Object(
  {
    name: Type.Union(['created', 'processing', 'completed', 'failed'].map((status) => Type.Literal(`distribution.${status}`))),
    data: Type.Ref('DistributionDetailResponse'),
    ...told,
  },
  { $id: 'DistributionMessage', title: 'Distribution Message' },
);
const ReturnedMessage = Type.Object(
  {
    name: Type.Literal('distribution.returned'),
    data: Type.Object({
      ...base,
      status: Type.Literal('returned'),
      distributionId: Type.String({ format: 'uuid', description: 'The distribution, which stays completed' }),
      returnReason: Nullable(Type.String({ description: 'A code of ISO 20022' })),
      createdAt: Type.String({ format: 'date-time' }),
    }),
    ...told,
  },
  { $id: 'DistributionReturnedMessage', title: 'Distribution Returned Message' },
);

/** The schemas that have a name in the API's description. */
export const distributionSchemas = [Message, ReturnedMessage, Status, Created, Detail, Item, List, Balance, Fate, Bulk];

export const ListDistributions = Type.Object({
  ...Paging,
  status: Type.Optional(Type.Union(['created', 'processing', 'completed', 'failed'].map((status) => Type.Literal(status)))),
  orderReference: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
});

export const BalanceOf = Type.Object({
  currency: Type.Optional(Type.String({ pattern: '^[A-Z]{3}$', default: 'KZT', description: 'KZT where nothing is said' })),
});
