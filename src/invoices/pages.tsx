import type { VNode } from 'preact';
import type { Merchant } from '../merchants/merchants.ts';
import { toDecimal } from '../money.ts';
import { LanguageSwitch, MerchantLine, shownName } from '../pages/frame.tsx';
import type { Language } from '../pages/languages.ts';
import type { Page } from '../pages/reply.ts';
import type { Invoice } from './invoice.ts';
import { inFours } from './reference.ts';
import { invoiceWords } from './words.ts';

/** The page that shows an invoice to who pays it: made to be read, copied from, and printed. */
export function invoicePage(invoice: Invoice, merchant: Merchant, language: Language): Page {
  const words = invoiceWords[language];
  const title = words.title(inFours(invoice.number));
  const amount = `${grouped(toDecimal(invoice.amount, invoice.currency))} ${invoice.currency}`;
  const day = invoice.expiresAt?.toLocaleDateString(language, { dateStyle: 'long', timeZone: merchant.timeZone });
  const facts: [string, string | null | undefined][] = [
    [words.payee, shownName(invoice.payeeName)],
    [words.bin, invoice.payeeBin],
    [words.iban, inFours(invoice.payeeIban)],
    [words.bic, invoice.payeeBic],
    [words.kbe, invoice.payeeKbe],
    [words.knp, invoice.payeeKnp],
    [words.purpose, invoice.paymentPurpose],
    [words.payer, `${shownName(invoice.payerName)}, ${invoice.payerBin}`],
    [words.description, invoice.description && shownName(invoice.description)],
    [words.until, day],
  ];
  const body = (
    <div class="page">
      <main class="bill">
        <MerchantLine name={shownName(merchant.name)} test={merchant.mode === 'test'} language={language} />
        <div class="panel">
          <p class={`state ${invoice.state}`}>{words.states[invoice.state]}</p>
          <h1>{title}</h1>
          <p class="sum">{amount}</p>
          {invoice.state === 'created' && <p class="lead">{words.lead}</p>}
          <dl>{facts.map(([name, value]) => (value ? <Fact name={name} value={value} /> : null))}</dl>
        </div>
      </main>
      <footer>
        <LanguageSwitch language={language} />
      </footer>
    </div>
  );
  return { status: 200, language, title: `${title} · ${shownName(merchant.name)}`, body };
}

const Fact = ({ name, value }: { name: string; value: string }): VNode => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

/** 1234567.89 with a thin space between thousands. */
const grouped = (decimal: string): string => decimal.replaceAll(/\B(?=(\d{3})+(?!\d)(?=\.|$))/g, '\u202F');
