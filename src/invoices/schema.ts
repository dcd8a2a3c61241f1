import Type from 'typebox';
import { Amount, Currency, id, when } from '../beneficiaries/schema.ts';
import { Nullable, Paging } from '../http/room.ts';

const Reference = Type.String({ minLength: 1, maxLength: 128, description: 'Your own reference', examples: ['ORDER-100045'] });
const text = (maxLength: number, description: string, example: string) => Type.String({ minLength: 1, maxLength, description, examples: [example] });

export const CreateInvoice = Type.Object(
  {
    ...{ orderReference: Reference, amount: Amount, currency: Currency },
    description: Type.Optional(text(500, 'What it is for, shown to who pays', 'Консультационные услуги, ноябрь')),
    payer: Type.Object(
      {
        name: text(140, 'The company that pays', 'TOO Покупатель'),
        bin: text(32, 'Its business number (BIN), or a personal number (IIN): 12 digits', '123456789012'),
        email: Type.Optional(
          Type.String({ pattern: '^[^\\s@]+@[^\\s@]+$', maxLength: 254, description: 'For you; nothing is sent there', examples: ['buh@example.kz'] }),
        ),
      },
      { additionalProperties: false },
    ),
    knp: Type.Optional({ ...text(8, 'Code of the purpose of the payment: three digits', '710'), default: '710' }),
    expiresAt: Type.Optional(when('Later than this it is expired; money that arrives even so is taken')),
  },
  { $id: 'CreateBankInvoice', title: 'Invoice to make', additionalProperties: false },
);
export const PayInvoice = Type.Object(
  {
    amount: Type.Optional({ ...Amount, description: 'In minor units; that of the invoice where nothing is said' }),
    purpose: Type.Optional(text(140, 'What the payer writes; that of the invoice where nothing is said', 'Оплата по счёту')),
  },
  { $id: 'PayBankInvoice', additionalProperties: false },
);
const Status = Type.Union(
  ['created', 'paid', 'expired', 'cancelled'].map((status) => Type.Literal(status)),
  { description: 'paid when the bank’s statement has the whole amount with the number of the invoice' },
);
const InvoiceBody = Type.Object(
  {
    id: id('The invoice'),
    number: Type.String({
      description: 'A creditor reference (ISO 11649): the payer writes it into the purpose of the payment',
      examples: ['RF43K3M9X2PQ7F2H9C0AZZ'],
    }),
    ...{ orderReference: Reference, amount: Amount, currency: Currency, status: Status, description: Nullable(Type.String()) },
    payer: Type.Object({ name: Type.String(), bin: Type.String(), email: Nullable(Type.String()) }),
    payee: Type.Object(
      { name: Type.String(), bin: Type.String(), iban: Type.String(), bic: Type.String(), kbe: Type.String(), knp: Type.String() },
      { description: 'Where it is paid to' },
    ),
    paymentPurpose: Type.String({ description: 'What the payer writes, word for word or at least with the number' }),
    url: Type.String({ description: 'A page that shows it to who pays; whoever has the address may see it' }),
    bankReference: Nullable(Type.String({ description: 'The bank’s name for the payment' })),
    expiresAt: Nullable(when('Until when it is to be paid')),
    ...{ createdAt: when('When it was made'), updatedAt: when('When it last changed'), paidAt: Nullable(when('When the statement told of its payment')) },
  },
  { $id: 'BankInvoice', title: 'Invoice' },
);
const List = Type.Object(
  { data: Type.Array(Type.Ref('BankInvoice')), page: Type.Integer(), size: Type.Integer(), total: Type.Integer() },
  { $id: 'BankInvoiceList', title: 'Invoices' },
);
const Message = Type.Object(
  {
    name: Type.Union(['created', 'paid', 'expired', 'cancelled'].map((status) => Type.Literal(`invoice.${status}`))),
    ...{ merchantId: Type.String(), data: Type.Ref('BankInvoice'), postedAt: Type.String() },
  },
  { $id: 'InvoiceMessage', title: 'Invoice Message' },
);
export const invoiceSchemas = [InvoiceBody, List, Message];
export const ListInvoices = Type.Object({ ...Paging, status: Type.Optional(Status), orderReference: Type.Optional(Reference) });
