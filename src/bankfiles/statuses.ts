import type { Verdict } from '../connectors/connector.ts';
import type { StatusItem, StatusReason } from '../connectors/iso20022/pain002.ts';
import { reasonOf } from '../connectors/iso20022/reasons.ts';
import type { Db } from '../db/db.ts';
import { ApiError } from '../errors.ts';
import type { Groups } from '../groups.ts';
import type { Heard } from '../sending/decide.ts';
import type { Effect } from '../sending/resolve.ts';
import { BANK_FILES } from './batcher.ts';
import { type Batch, batchByMessage, itemsByReference, itemsOf, setBankStatus } from './batch.ts';
import type { Owner, Owners } from './owners.ts';

export interface StatusesOptions {
  db: Db;
  owners: Owners;
  outcomes: Groups<Heard, Effect>;
}

type Payment = Extract<StatusItem, { kind: 'payment' }>;
type Whole = Pick<StatusItem, 'status' | 'outcome' | 'reasons'>;

const PAGE = 1_000;
/** "We have had this before": the opposite of a proof that it was not paid. @source ISO 20022 external status reason codes */
const DUPLICATES = new Set(['AM05', 'DUPL', 'DU01', 'DU02', 'DU03', 'DU04', 'DU05']);

/**
 * Applies one pain.002 to files of ours: refused payments get their money back; what is accepted is not paid yet. A payment that is
 * named has its own status, and only what is not named has that of its file.
 */
export class Statuses {
  private readonly o: StatusesOptions;
  private message = '';
  /** files of ours that it speaks of, with what it says of them as a whole: the last word is that of the payment information */
  private readonly wholes = new Map<string, Whole>();
  private readonly named = new Set<string>();
  private payments: Payment[] = [];

  constructor(options: StatusesOptions) {
    this.o = options;
  }

  async take(item: StatusItem): Promise<void> {
    if (item.kind === 'group') this.wholes.set((this.message = item.originalMessageId), item);
    else if (item.kind === 'batch' && item.status !== null) this.wholes.set(item.originalPaymentInformationId, item);
    if (item.kind !== 'payment' || item.originalEndToEndId === null) return;
    this.named.add(item.originalEndToEndId);
    if (this.payments.push(item) >= PAGE) await this.flush();
  }

  /** Resolves when all of it has had its effect. */
  async end(): Promise<void> {
    await this.flush();
    for (const [messageId, whole] of this.wholes) await this.ofBatch(messageId, whole);
  }

  /** Payments that are named: those that are in the file which this answers, and no others. */
  private async flush(): Promise<void> {
    const payments = this.payments.splice(0);
    const found = await this.batch(payments[0]?.originalPaymentInformationId ?? this.message);
    if (!found || payments.length === 0) return;
    const references = payments.flatMap(({ originalEndToEndId }) => originalEndToEndId ?? []);
    const items = await this.o.db.merchant(found.owner.merchant, (tx) => itemsByReference(tx, found.batch.id, references));
    const ids = new Map(items.map(({ reference, payoutId }) => [reference, payoutId]));
    await Promise.all(
      payments.flatMap((one) => {
        const [id, verdict] = [ids.get(one.originalEndToEndId as string), verdictOf(one, one.bankReference)];
        const dedupeKey = `${found.batch.messageId} ${one.status ?? 'inherited'} ${one.originalEndToEndId ?? ''}`;
        return id && verdict ? [this.tell(found.owner, id, dedupeKey, verdict)] : [];
      }),
    );
  }

  /** A file of ours, or its one payment information (which has the same name): all that was not named, where it was refused or executed. */
  private async ofBatch(messageId: string, whole: Whole): Promise<void> {
    const found = whole.status === null ? undefined : await this.batch(messageId);
    if (!found) return;
    const { owner, batch } = found;
    await this.o.db.merchant(owner.merchant, (tx) => setBankStatus(tx, batch.id, whole.status as string));
    const verdict = verdictOf(whole, null);
    if (!verdict || verdict.kind === 'pending') return;
    for (let after = 0; ;) {
      const items = await this.o.db.merchant(owner.merchant, (tx) => itemsOf(tx, batch.id, after, PAGE));
      const unnamed = items.filter(({ reference }) => !this.named.has(reference));
      await Promise.all(unnamed.map(({ reference, payoutId }) => this.tell(owner, payoutId, `${messageId} ${whole.status ?? ''} ${reference}`, verdict)));
      after = items.at(-1)?.position ?? after;
      if (items.length < PAGE) return;
    }
  }

  private async batch(messageId: string): Promise<{ owner: Owner; batch: Batch } | undefined> {
    const owner = (await this.o.owners.of([messageId])).get(messageId);
    const batch = owner && (await this.o.db.merchant(owner.merchant, (tx) => batchByMessage(tx, messageId)));
    return batch && { owner, batch };
  }

  private async tell({ merchant }: Owner, payoutId: string, dedupeKey: string, verdict: Verdict): Promise<void> {
    const heard: Heard = { payoutId, verdict, source: 'statement', callback: { processor: BANK_FILES, dedupeKey } };
    await this.o.outcomes.submit(merchant, heard).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.code === 4)) throw error; // of a payment that we never made it says nothing to us
    });
  }
}

function verdictOf({ outcome, reasons }: Pick<StatusItem, 'outcome' | 'reasons'>, bankReference: string | null): Verdict | undefined {
  if (outcome === 'executed') return { kind: 'executed', rrn: bankReference, executedAt: null };
  if (outcome === 'partial') return undefined;
  if (outcome !== 'rejected') return { kind: 'pending' };
  const { code, message } = inWords(reasons);
  // It may have been paid by the one that came before: a person's matter, and no reason to give money back.
  return DUPLICATES.has(code) ? { kind: 'conflict', why: `the bank says that it has had this before (${code})` } : { kind: 'declined', code, message };
}

function inWords(reasons: StatusReason[]): { code: string; message: string } {
  const code = reasons.find((reason) => reason.code !== null && DUPLICATES.has(reason.code))?.code ?? reasons[0]?.code ?? 'NARR';
  const words = [reasonOf(code)?.text, ...reasons.flatMap(({ info }) => info)].filter(Boolean).join('; ');
  return { code, message: (words || 'refused by the bank').slice(0, 200) };
}
