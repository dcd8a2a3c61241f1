import type { AccountHolder, CreditTransfer } from '../connectors/iso20022/pain001.ts';
import { writePain001 } from '../connectors/iso20022/pain001.ts';
import type { BankCalendar } from '../connectors/iso20022/calendar.ts';
import type { Db, Tx } from '../db/db.ts';
import { column, sql } from '../db/sql.ts';
import { assert } from '../errors.ts';
import { type Ids, processorReference } from '../ids.ts';
import { advance } from '../machine.ts';
import { theMerchant } from '../merchants/merchants.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../ports.ts';
import type { OpenDestination, Outgoing, OutgoingKind } from '../sending/outgoing.ts';
import { lockWaiting, storeSubmissions, type Submission } from '../sending/submission.ts';
import type { Hand, Telling } from '../webhooks/events.ts';
import type { Queue } from '../work/worker.ts';
import { type Batch, insertBatch, itemsOf, setStaged, setWritten, takeUnfinished } from './batch.ts';
import type { BankFolder } from './folder.ts';

/** The name of this way of sending, on submissions and in the books. */
export const BANK_FILES = 'iso20022';

export interface BatcherOptions {
  db: Db;
  clock: Clock;
  ids: Ids;
  /** whose money leaves in files */
  kind: OutgoingKind;
  /** the operator's own account, which is debited */
  debtor: AccountHolder;
  folder: BankFolder;
  calendar(): Promise<BankCalendar>;
  /** HH:MM in Almaty: what is handed in later is executed on the next bank day */
  cutOff: string;
  version: '03' | '09';
  telling(): Telling;
  log: Pick<Log, 'warn'>;
  maxPayments?: number;
}

/** For how long nobody else looks after a batch that somebody works on. */
const LEASE_MS = 10 * 60_000;
const PAGE = 1_000;

/**
 * Gathers payments into files for the bank. What goes into a file is committed before a byte of it is written, and the file is
 * published once: it is moved to the outbox only after it was recorded as finished, so whoever comes after a crash finds
 * either the finished file, and publishes it, or none, and knows that it was published.
 */
export class Batcher {
  readonly queue: Queue;
  private readonly o: BatcherOptions & { maxPayments: number };
  private folderName: Promise<string> | undefined;

  constructor(options: BatcherOptions) {
    this.o = { maxPayments: 10_000, ...options };
    this.queue = {
      name: 'bank-files',
      due: (now) => sql`
        select m.merchant_id as merchant from merchant m
        where exists (select 1 from submission s where s.merchant_id = m.merchant_id and s.action = 'batch' and s.next_at is not null and s.next_at <= ${now})
          or exists (select 1 from bank_batch b where b.merchant_id = m.merchant_id and b.next_at <= ${now})`,
      allowance: () => 8,
      take: async (merchantId) => {
        const finish = (batches: Batch[]) => batches.map((batch) => this.finish(merchantId, batch));
        const unfinished = finish(await this.unfinished(merchantId));
        // What was begun is finished whether or not something new can be gathered.
        const gathered = await this.gather(merchantId).then(finish, (error: unknown) => [Promise.reject(error as Error)]);
        return [...unfinished, ...gathered];
      },
    };
  }

  /** Makes the folders that are not there yet. */
  async open(): Promise<void> {
    await this.name();
  }

  private async unfinished(merchantId: string): Promise<Batch[]> {
    const now = this.o.clock.now();
    const folder = await this.name();
    return this.o.db.merchant(merchantId, (tx) => takeUnfinished(tx, now, new Date(now.getTime() + LEASE_MS), folder));
  }

  /** Commits the intent: the payments are `processing`, and their batch is fixed. One batch for each currency. */
  private async gather(merchantId: string): Promise<Batch[]> {
    const calendar = await this.o.calendar(); // loading it takes a moment the first time, and no lock waits for it
    return this.o.telling()(merchantId, async (tx, hand) => {
      const waiting = await lockWaiting(tx, BANK_FILES, this.o.maxPayments);
      if (!waiting[0]?.nextAt || waiting[0].nextAt > this.o.clock.now()) return []; // they gather until the first one has waited long enough
      const free = await this.o.kind.tryLock(tx, column(waiting, 'payoutId'));
      const byId = new Map(free.map((payment) => [payment.id, payment]));
      const taken = waiting.filter(({ payoutId }) => byId.get(payoutId)?.state === 'new');
      if (taken.length === 0) return [];
      const { code } = await theMerchant(tx);
      const now = this.o.clock.now();
      const requestedOn = calendar.valueDate(now, this.o.cutOff);
      const batches: Batch[] = [];
      for (const currency of [...new Set(taken.map(({ payoutId }) => (byId.get(payoutId) as Outgoing).currency))].sort()) {
        const submissions = taken.filter(({ payoutId }) => byId.get(payoutId)?.currency === currency);
        const payments = submissions.map(({ payoutId }) => byId.get(payoutId) as Outgoing);
        const id = this.o.ids.uuid();
        const batch: Batch = {
          ...{ id, messageId: processorReference(code, id), state: 'open', currency, createdAt: now, requestedOn, tries: 1, token: null, folder: null },
          ...{ payments: payments.length, amount: payments.reduce((sum, { amount }) => sum + amount, 0n) },
        };
        await this.commit(tx, batch, submissions, payments, hand);
        batches.push(batch);
      }
      return batches;
    });
  }

  /** The batch, what is in it, and that all of it is on its way: in one transaction. */
  private async commit(tx: Tx, batch: Batch, submissions: Submission[], payments: Outgoing[], hand: Hand | undefined): Promise<void> {
    const { ids, kind } = this.o;
    const now = batch.createdAt;
    await insertBatch(tx, batch, submissions, new Date(now.getTime() + LEASE_MS));
    const sent = submissions.map((one): Submission => {
      const sentAt = now > one.preparedAt ? now : one.preparedAt;
      return { ...one, action: 'ask', phase: 'sent', sentAt, tries: one.tries + 1, nextAt: null, note: `in file ${batch.messageId}` };
    });
    const stored = storeSubmissions(tx, sent);
    const moved = advance(
      tx,
      kind.machine,
      payments.map((row) => ({ row, move: 'send' as const, cause: 'send' })),
      now,
      ids,
      hand,
    );
    assert((await Promise.all([stored, moved]))[0] === sent.length, 'every submission was stored');
  }

  /** Does what is left to do of a batch, whoever began it. */
  private async finish(merchantId: string, batch: Batch): Promise<void> {
    const { db, folder } = this.o;
    let { token } = batch;
    if (batch.state === 'open') {
      token = this.o.ids.code(10);
      await folder.stage(stagedName(batch, token), this.written(merchantId, batch));
      const staged = await db.merchant(merchantId, async (tx) => setStaged(tx, batch, token as string, await this.name()));
      if (!staged) return folder.unstage(stagedName(batch, token)); // somebody else has taken over
    }
    const published = await folder.publish(stagedName(batch, token as string), `${batch.messageId}.xml`, await this.name());
    if (!published)
      this.o.log.warn(
        { event: 'bank_file.published_before', action: batch.messageId },
        'a file for the bank is not where it was staged: it was published before',
      );
    await db.merchant(merchantId, (tx) => setWritten(tx, batch.id));
  }

  private written(merchantId: string, batch: Batch): AsyncIterable<string> {
    const { debtor, version } = this.o;
    const { messageId, createdAt, requestedOn, payments: count, amount: controlSum } = batch;
    return writePain001({
      messageId,
      createdAt,
      requestedOn,
      count,
      controlSum,
      version,
      debtor,
      initiator: debtor,
      payments: this.payments(merchantId, batch),
    });
  }

  /** What is in a batch, page by page: the same whenever it is asked for, since none of it ever changes. */
  private async *payments(merchantId: string, { id }: Batch): AsyncGenerator<CreditTransfer> {
    for (let after = 0; ;) {
      const { items, rows } = await this.o.db.merchant(merchantId, async (tx) => {
        const items = await itemsOf(tx, id, after, PAGE);
        return { items, rows: await this.o.kind.byId(tx, column(items, 'payoutId')) };
      });
      const byId = new Map(rows.map((row) => [row.id, row]));
      const destinations = await this.o.kind.destinations(merchantId, rows);
      for (const { payoutId, reference, position } of items) {
        after = position;
        const payment = byId.get(payoutId);
        assert(payment, 'a batch’s payment is there');
        yield await creditTransfer(payment, reference, destinations.get(payoutId));
      }
      if (items.length < PAGE) return;
    }
  }

  private name(): Promise<string> {
    this.folderName ??= this.o.folder.open(() => this.o.ids.uuid());
    this.folderName.catch(() => (this.folderName = undefined)); // it may be there next time
    return this.folderName;
  }
}

const stagedName = ({ messageId }: Batch, token: string): string => `${messageId}.${token}.xml`;

async function creditTransfer({ amount, currency }: Outgoing, endToEndId: string, open: OpenDestination | undefined): Promise<CreditTransfer> {
  assert(open, 'a bank account needs no key to be opened');
  return open(async ({ kind, destination }) => {
    assert(kind === 'bank', 'a file pays bank accounts');
    const { name, bin, iban, bic, kbe, knp, purpose } = destination;
    return { endToEndId, amount, currency, creditor: { name, bin, iban, bic }, kbe, knp, purpose };
  });
}
