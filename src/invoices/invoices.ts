import { createHmac, timingSafeEqual } from 'node:crypto';
import type { BankConfig } from '../config.ts';
import type { Db, Tx } from '../db/db.ts';
import { column, sql } from '../db/sql.ts';
import { assert, conflict, unprocessable, wrongFields } from '../errors.ts';
import type { Ids } from '../ids.ts';
import { account, Books, clearing } from '../ledger/books.ts';
import { advance, type Change, eventOf, type Machine } from '../machine.ts';
import { type Merchant, theMerchant } from '../merchants/merchants.ts';
import type { Minor } from '../money.ts';
import type { Clock } from '../ports.ts';
import { deriveKey } from '../sealing.ts';
import { cardNumberProblem, type Recipient, recipientProblems } from '../sending/recipient.ts';
import { Sharing } from '../splits/sharing.ts';
import { tell } from '../webhooks/events.ts';
import type { Queue } from '../work/worker.ts';
import { type Invoice, invoiceByNumber, type InvoiceState, lockByNumber, lockExpired, lockInvoice, storeInvoices } from './invoice.ts';
import { inFours, invoiceNumber, isNumber, merchantCodeIn } from './reference.ts';
import { invoiceEvent } from './view.ts';

export interface InvoicesOptions {
  db: Db;
  clock: Clock;
  ids: Ids;
  /** where invoices are paid to; without it none are made */
  bank: BankConfig | undefined;
  publicUrl: string;
  masterKey: Buffer;
  oldMasterKey?: Buffer | undefined;
}

/** An invoice as it is asked for. */
export interface InvoiceRequest {
  id: string;
  orderReference: string;
  amount: Minor;
  currency: string;
  description: string | null;
  payer: { name: string; bin: string; email: string | null };
  knp: string;
  expiresAt: Date | null;
}

type Move = 'pay' | 'expire' | 'cancel';

/** A movement on the operator's account that names an invoice. Amount in minor units. */
export interface Credit {
  number: string;
  lineKey: string;
  amount: Minor;
  currency: string;
  bankReference: string | null;
}

/** What a movement was to an invoice: its payment, or why it is not. */
export interface CreditMatch {
  match: 'invoice' | 'paid_again' | 'amount_differs' | 'invoice_cancelled' | 'unmatched';
  invoiceId: string | undefined;
}

/** The sector of who is paid: a resident company. @source the codes of the beneficiary, as `kbeProblem` has them */
const PAYEE_KBE = '17';

/** Bills that companies pay by bank transfer: matched with what comes in by their number. */
export class Invoices {
  /** what has expired */
  readonly queue: Queue;
  private readonly machine: Machine<Invoice, InvoiceState, Move>;
  private readonly keys: Buffer[];
  private readonly o: InvoicesOptions;

  constructor(o: InvoicesOptions) {
    this.o = o;
    this.keys = [o.masterKey, ...(o.oldMasterKey ? [o.oldMasterKey] : [])].map((key) => deriveKey(key, 'invoices'));
    this.machine = {
      // Money that arrives late is money all the same.
      moves: { created: { pay: 'paid', expire: 'expired', cancel: 'cancelled' }, expired: { pay: 'paid' }, paid: {}, cancelled: {} },
      event: (tx, invoice, at) => invoiceEvent(tx.merchantId, invoice, this.urlOf(invoice.number), at),
      stamp: (invoice, at) => ({ ...invoice, updatedAt: at, paidAt: invoice.state === 'paid' ? at : null }),
      store: (tx, changes) => storeInvoices(tx, column(changes, 'to')),
    };
    this.queue = {
      name: 'invoices',
      due: (now) => sql`
        select m.merchant_id as merchant from merchant m
        where exists (select 1 from invoice i where i.merchant_id = m.merchant_id and i.state = 'created' and i.expires_at <= ${now})`,
      allowance: () => Number.POSITIVE_INFINITY,
      take: async (merchantId, limit) => {
        const count = await o.db.merchant(merchantId, (tx) => this.expire(tx, limit));
        return Array.from({ length: count }, () => Promise.resolve());
      },
    };
  }

  /** @throws {ApiError} 422 with what is wrong, or where there is no account that it could be paid to */
  async make(tx: Tx, merchant: Merchant, asked: InvoiceRequest, at: Date): Promise<Invoice> {
    const { id, payer, knp, expiresAt, ...rest } = asked;
    const payee = this.payee(merchant, knp, rest.currency);
    const found = [
      ...recipientProblems(payer, { live: merchant.mode === 'live' }, 'payer.'),
      ...recipientProblems({ knp }, { live: false }),
      ...Object.entries({ description: rest.description, orderReference: rest.orderReference, 'payer.email': payer.email }).flatMap(([field, text]) => {
        const message = text === null ? undefined : cardNumberProblem(text);
        return message ? [{ field, message }] : [];
      }),
      ...(expiresAt && expiresAt <= at ? [{ field: 'expiresAt', message: 'is in the past' }] : []),
    ];
    if (found.length > 0) throw wrongFields(found);
    const number = invoiceNumber(merchant.code, this.o.ids.code(10));
    const invoice: Invoice = {
      ...{ id, state: 'created', seq: 1, number, ...rest, expiresAt },
      ...{ payerName: payer.name, payerBin: payer.bin, payerEmail: payer.email },
      ...{ payeeName: payee.name, payeeBin: payee.bin, payeeIban: payee.iban, payeeBic: payee.bic, payeeKbe: payee.kbe, payeeKnp: payee.knp },
      paymentPurpose: `Оплата по счёту ${inFours(number)}`,
      ...{ lineKey: null, bankReference: null, createdAt: at, updatedAt: at, paidAt: null },
    };
    assert((await storeInvoices(tx, [invoice])) === 1, 'the invoice was written');
    await tell(tx, [eventOf(tx, this.machine, null, invoice, 'request', at, this.o.ids)], at);
    return invoice;
  }

  /** @throws {ApiError} 404, 409 when it is paid, expired or cancelled already */
  async cancel(tx: Tx, id: string): Promise<Invoice> {
    const invoice = await lockInvoice(tx, id);
    if (invoice.state !== 'created') throw conflict(`the invoice is ${invoice.state}`);
    const [cancelled] = await advance(tx, this.machine, [{ row: invoice, move: 'cancel', cause: 'request' }], this.o.clock.now(), this.o.ids);
    return cancelled as Invoice;
  }

  /**
   * Takes money that came in for invoices: the merchant has it, and the invoice is paid. What was taken before is told so again.
   * Another amount, a second payment, and one of a cancelled invoice, are for a person.
   */
  async pay(tx: Tx, credits: Credit[], connector: string): Promise<CreditMatch[]> {
    const invoices = new Map((await lockByNumber(tx, [...new Set(column(credits, 'number'))])).map((invoice) => [invoice.number, invoice]));
    const paid = new Map<string, Credit>();
    const matchOf = (credit: Credit, invoice: Invoice | undefined): CreditMatch['match'] => {
      if (!invoice) return 'unmatched';
      const by = invoice.lineKey ?? paid.get(credit.number)?.lineKey ?? null;
      if (by !== null) return by === credit.lineKey ? 'invoice' : 'paid_again';
      if (invoice.amount !== credit.amount || invoice.currency !== credit.currency) return 'amount_differs';
      if (invoice.state === 'cancelled') return 'invoice_cancelled';
      paid.set(credit.number, credit);
      return 'invoice';
    };
    const matches = credits.map((credit) => ({ match: matchOf(credit, invoices.get(credit.number)), invoiceId: invoices.get(credit.number)?.id }));
    if (paid.size > 0) await this.receive(tx, [...paid.values()].map((credit) => ({ credit, invoice: invoices.get(credit.number) as Invoice })), connector); // prettier-ignore
    return matches;
  }

  private async receive(tx: Tx, paid: { credit: Credit; invoice: Invoice }[], connector: string): Promise<void> {
    const { clock, ids } = this.o;
    const incoming = paid.map(({ invoice: { id, orderReference, currency, amount } }) => ({ orderReference, paymentId: id, currency, amount }));
    const sharing = await Sharing.open(tx, incoming);
    const accounts = paid.flatMap(({ invoice: { currency } }) => [clearing(connector, currency), account('available', currency)]);
    const books = await Books.lock(tx, [...accounts, ...(sharing?.accounts ?? [])], clock.now());
    for (const { invoice } of paid) {
      const { id, currency, amount } = invoice;
      books.post({ objectId: id, kind: 'receive', from: clearing(connector, currency), to: account('available', currency), amount });
    }
    sharing?.share(books);
    const changes = paid.map(({ credit: { lineKey, bankReference }, invoice }): Change<Invoice, Move> => {
      return { row: invoice, move: 'pay', cause: 'statement', patch: { lineKey, bankReference } };
    });
    await Promise.all([books.write(), sharing?.write(books.at, ids), advance(tx, this.machine, changes, books.at, ids)]);
  }

  private async expire(tx: Tx, limit: number): Promise<number> {
    const now = this.o.clock.now();
    const due = await lockExpired(tx, now, limit);
    await advance(
      tx,
      this.machine,
      due.map((row) => ({ row, move: 'expire' as const, cause: 'expiry' })),
      now,
      this.o.ids,
    );
    return due.length;
  }

  /** The page that shows an invoice. Whoever has its address needs no key. */
  urlOf(number: string): string {
    return `${this.o.publicUrl}/invoices/${number}/${tokenOf(this.keys[0] as Buffer, number)}`;
  }

  /** What a page shows. @returns undefined for an address that is none */
  async visit(number: string, token: string): Promise<{ invoice: Invoice; merchant: Merchant } | undefined> {
    const given = Buffer.from(token);
    const fits = (key: Buffer) => {
      const wanted = Buffer.from(tokenOf(key, number));
      return wanted.length === given.length && timingSafeEqual(wanted, given);
    };
    if (!isNumber(number) || !this.keys.some(fits)) return undefined;
    const code = merchantCodeIn(number);
    const owner = await this.o.db.lookup((q) => q.maybe<{ merchant: string }>(sql`select c.merchant from merchant_code c where c.code = ${code}`));
    if (!owner) return undefined;
    return this.o.db.merchant(owner.merchant, async (tx) => {
      const invoice = await invoiceByNumber(tx, number);
      return invoice && { invoice, merchant: await theMerchant(tx) };
    });
  }

  /** A test merchant's invoice names no real account: money would come, and be none. */
  private payee({ mode }: Merchant, knp: string, currency: string): Recipient {
    const { bank } = this.o;
    if (!bank) throw unprocessable('this platform has no bank account that invoices could be paid to');
    if (mode === 'test' && !bank.isSandbox) throw unprocessable('invoices of test merchants cannot be paid at a real bank');
    const own = bank.account.currency ?? 'KZT';
    if (currency !== own) throw wrongFields([{ field: 'currency', message: `must be that of the account which invoices are paid to, ${own}` }]);
    const { name, bin, iban, bic } = bank.account;
    return { name, bin, iban, bic, kbe: PAYEE_KBE, knp };
  }
}

const tokenOf = (key: Buffer, number: string): string => createHmac('sha256', key).update(number).digest().subarray(0, 16).toString('base64url');
