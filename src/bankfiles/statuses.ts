import type { Verdict } from '../connectors/connector.ts';
import type { StatusItem, StatusReason } from '../connectors/iso20022/pain002.ts';
import { reasonOf } from '../connectors/iso20022/reasons.ts';
import type { Db } from '../db/db.ts';
import { ApiError } from '../errors.ts';
import type { Groups } from '../groups.ts';
import type { Heard } from '../sending/decide.ts';
import type { Effect } from '../sending/resolve.ts';
import { BANK_FILES } from './batcher.ts';
import { batchByMessage, itemsOf, setBankStatus } from './batch.ts';
import type { Owners } from './owners.ts';

export interface StatusesOptions {
  db: Db;
  owners: Owners;
  outcomes: Groups<Heard, Effect>;
}

const PAGE = 1_000;

/** Applies what a pain.002 says of files of ours: refused payments get their money back; what is accepted is not paid yet. */
export class Statuses {
  private readonly o: StatusesOptions;
  private message = '';
  private told: Promise<unknown>[] = [];

  constructor(options: StatusesOptions) {
    this.o = options;
  }

  async take(item: StatusItem): Promise<void> {
    if (item.kind === 'group') {
      this.message = item.originalMessageId;
      return this.ofBatch(item.originalMessageId, item);
    }
    if (item.kind === 'batch') return this.ofBatch(item.originalPaymentInformationId, item);
    const verdict = verdictOf(item.outcome, item.reasons, item.bankReference);
    if (item.originalEndToEndId !== null && verdict) await this.tell(item.originalEndToEndId, `${this.message} ${item.status ?? 'inherited'}`, verdict);
  }

  /** Resolves when all of it has had its effect. */
  async settled(): Promise<void> {
    await Promise.all(this.told.splice(0));
  }

  /** A file, or its one payment information (which has the same name): all of its payments at once, where it was refused or executed. */
  private async ofBatch(messageId: string, { status, outcome, reasons }: Pick<StatusItem, 'status' | 'outcome' | 'reasons'>): Promise<void> {
    const owner = (await this.o.owners.of([messageId])).get(messageId);
    if (!owner || status === null) return;
    const batch = await this.o.db.merchant(owner.merchant, async (tx) => {
      const found = await batchByMessage(tx, messageId);
      if (found) await setBankStatus(tx, found.id, status);
      return found;
    });
    const verdict = verdictOf(outcome, reasons, null);
    if (!batch || !verdict || verdict.kind === 'pending') return;
    for (let after = 0; ;) {
      const items = await this.o.db.merchant(owner.merchant, (tx) => itemsOf(tx, batch.id, after, PAGE));
      for (const { reference } of items) await this.tell(reference, `${messageId} ${status}`, verdict);
      after = items.at(-1)?.position ?? after;
      if (items.length < PAGE) return;
    }
  }

  private async tell(reference: string, dedupeKey: string, verdict: Verdict): Promise<void> {
    const owner = (await this.o.owners.of([reference])).get(reference);
    if (!owner) return;
    const heard: Heard = {
      ...{ payoutId: owner.objectId, verdict, source: 'statement' },
      callback: { processor: BANK_FILES, dedupeKey: `${dedupeKey} ${reference}` },
    };
    const submitted = this.o.outcomes.submit(owner.merchant, heard).catch(ofNobody);
    submitted.catch(() => undefined); // awaited with the others
    this.told.push(submitted);
    if (this.told.length >= PAGE) await this.settled();
  }
}

/** A status of a payment that we never made says nothing to us. */
function ofNobody(error: unknown): void {
  if (!(error instanceof ApiError && error.code === 4)) throw error;
}

function verdictOf(outcome: StatusItem['outcome'], reasons: StatusReason[], bankReference: string | null): Verdict | undefined {
  if (outcome === 'executed') return { kind: 'executed', rrn: bankReference, executedAt: null };
  if (outcome === 'rejected') return { kind: 'declined', ...inWords(reasons) };
  return outcome === 'partial' ? undefined : { kind: 'pending' };
}

function inWords(reasons: StatusReason[]): { code: string; message: string } {
  const [first] = reasons;
  const code = first?.code ?? 'NARR';
  const words = [reasonOf(code)?.text, ...reasons.flatMap(({ info }) => info)].filter(Boolean).join('; ');
  return { code, message: (words || 'refused by the bank').slice(0, 200) };
}
