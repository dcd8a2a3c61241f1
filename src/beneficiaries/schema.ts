import Type from 'typebox';
import { Nullable } from '../http/room.ts';
import { MAX_MINOR } from '../money.ts';

export const id = (description: string) => Type.String({ description, examples: ['019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb'] });
export const when = (description: string) => Type.String({ format: 'date-time', description, examples: ['2025-12-08T13:48:09.127000Z'] });
export const Amount = Type.Integer({ minimum: 1, maximum: Number(MAX_MINOR), description: 'In minor units: 150000 is 1500.00 KZT', examples: [150000] });
export const Currency = Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217', examples: ['KZT'] });
/** Names a piece of work as an Idempotency-Key does. */
export const RequestId = Type.String({
  pattern: '^[\\x21-\\x7e]+$',
  maxLength: 128,
  description: 'Your own name for it: asked again under the same one it is not done again',
  examples: ['req-2025-12-08-01'],
});
export const Purpose = Type.String({
  minLength: 1,
  maxLength: 124,
  description: 'What it is for, as the payment order says',
  examples: ['Расчёт по договору 123'],
});

const text = (maxLength: number, description: string, example: string) => Type.String({ minLength: 1, maxLength, description, examples: [example] });
const fields = {
  name: text(140, 'As the bank knows it', 'TOO Credit Partner'),
  bin: text(32, 'Business number (BIN) of a company, or personal number (IIN): 12 digits', '123456789012'),
  iban: text(64, 'Small letters and spaces are taken and normalised', 'KZ86125KZT5004100100'),
  bic: text(32, 'Of the bank: 8 or 11 characters', 'KCJBKZKX'),
  kbe: text(8, 'Residency and sector of the recipient: two digits. The bank asks for it before it pays', '17'),
  knp: text(8, 'Code of the purpose of payments to it: three digits. The bank asks for it before it pays', '119'),
  description: text(124, 'Your own words; the purpose of payments that have none', 'Расчёт с партнёром'),
};
const { name, bin, iban, bic, ...others } = fields;

export const CreateBeneficiary = Type.Object(
  { name, bin, iban, bic, ...Type.Partial(Type.Object(others)).properties, currency: Type.Optional({ ...Currency, default: 'KZT' }) },
  { $id: 'CreatePaymentBeneficiary', title: 'Beneficiary to make', additionalProperties: false },
);
const Status = Type.Union([Type.Literal('active'), Type.Literal('inactive')], {
  description: 'An inactive one is given nothing and paid nothing; what it has can still go back to you',
});
export const UpdateBeneficiary = Type.Object(
  { ...Type.Partial(Type.Object(fields)).properties, status: Type.Optional(Status) },
  { $id: 'UpdatePaymentBeneficiary', title: 'What changes of a beneficiary', additionalProperties: false },
);
export const BeneficiaryBody = Type.Object(
  {
    ...{ id: id('The beneficiary'), merchantId: id('Whose it is'), status: Status },
    ...{ name, bin, iban, bic, kbe: Nullable(others.kbe), knp: Nullable(others.knp), description: Nullable(others.description) },
    balance: Type.Integer({ description: 'What it has earned and not been paid yet, in minor units' }),
    currency: Currency,
    ...{ createdAt: when('When it was made'), updatedAt: when('When it last changed') },
  },
  { $id: 'PaymentBeneficiary', title: 'Beneficiary' },
);

export const TransferToMerchant = Type.Object(
  { amount: Amount, currency: Currency, requestId: Type.Optional(RequestId) },
  { $id: 'BeneficiaryTransferRequest', title: 'What goes back to you', additionalProperties: false },
);
export const TransferBody = Type.Object(
  {
    ...{ id: id('The transfer'), beneficiaryId: id('From whose balance'), amount: Amount, currency: Currency },
    balanceBefore: Type.Integer({ description: 'Of the beneficiary, in minor units' }),
    balanceAfter: Type.Integer(),
    createdAt: when('When it was done'),
  },
  { $id: 'BeneficiaryTransfer', title: 'Transfer from a beneficiary to the merchant' },
);
