import { timestamp } from '../transactions/view.ts';
import type { Invoice } from './invoice.ts';

/** An invoice as the API shows it. @param url of the page that shows it to who pays it */
export const invoiceView = (i: Invoice, url: string) => ({
  ...{
    id: i.id,
    number: i.number,
    orderReference: i.orderReference,
    amount: Number(i.amount),
    currency: i.currency,
    status: i.state,
    description: i.description,
  },
  payer: { name: i.payerName, bin: i.payerBin, email: i.payerEmail },
  payee: { name: i.payeeName, bin: i.payeeBin, iban: i.payeeIban, bic: i.payeeBic, kbe: i.payeeKbe, knp: i.payeeKnp },
  ...{ paymentPurpose: i.paymentPurpose, url, bankReference: i.bankReference },
  expiresAt: i.expiresAt && timestamp(i.expiresAt),
  ...{ createdAt: timestamp(i.createdAt), updatedAt: timestamp(i.updatedAt), paidAt: i.paidAt && timestamp(i.paidAt) },
});

export function invoiceEvent(merchantId: string, invoice: Invoice, url: string, at: Date): { type: string; body: string } {
  const type = `invoice.${invoice.state}`;
  return { type, body: JSON.stringify({ name: type, merchantId, data: invoiceView(invoice, url), postedAt: `${at.toISOString().slice(0, -1)}000000Z` }) };
}
