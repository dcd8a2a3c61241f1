import type { StatementLine } from '../connectors/iso20022/camt.ts';
import type { Verdict } from '../connectors/connector.ts';
import type { Db } from '../db/db.ts';
import type { Groups } from '../groups.ts';
import type { Clock } from '../ports.ts';
import type { Heard } from '../sending/decide.ts';
import type { Outgoing, OutgoingKind } from '../sending/outgoing.ts';
import type { Effect } from '../sending/resolve.ts';
import { BANK_FILES } from './batcher.ts';
import { bookedLines, type Line, lineOf, type Match, storeLines } from './lines.ts';
import type { Owner, Owners } from './owners.ts';

export interface StatementsOptions {
  db: Db;
  clock: Clock;
  kind: OutgoingKind;
  owners: Owners;
  outcomes: Groups<Heard, Effect>;
}

/** Matches movements on the operator's account with the payments that they are, and closes these by it. */
export class Statements {
  private readonly o: StatementsOptions;

  constructor(options: StatementsOptions) {
    this.o = options;
  }

  /** Applies lines, each once. First what follows from them, then that they were seen: a crash between the two tells it again, to no effect. */
  async apply(lines: StatementLine[], file: Buffer): Promise<void> {
    const { db, clock, owners } = this.o;
    const booked = await db.lookup((queries) =>
      bookedLines(
        queries,
        lines.map(({ lineKey }) => lineKey),
      ),
    );
    const fresh = [...new Map(lines.filter(({ lineKey }) => !booked.has(lineKey)).map((line) => [line.lineKey, line])).values()];
    if (fresh.length === 0) return;
    const owned = await owners.of(fresh.map(({ endToEndId }) => endToEndId));
    const payments = await this.payments([...owned.values()]);
    const kept: Line[] = [];
    const told: Promise<unknown>[] = [];
    for (const line of fresh) {
      const owner = line.endToEndId === null ? undefined : owned.get(line.endToEndId);
      const payment = owner && payments.get(owner.objectId);
      const matched = matchOf(line, payment);
      const verdict = verdictOf(line, matched);
      if (owner && verdict) told.push(this.tell(owner, line.lineKey, verdict));
      kept.push(lineOf(line, matched, payment && owner));
    }
    await Promise.all(told);
    await db.lookup((queries) => storeLines(queries, kept, file, clock.now()));
  }

  private tell({ merchant, objectId }: Owner, dedupeKey: string, verdict: Verdict): Promise<Effect> {
    return this.o.outcomes.submit(merchant, { payoutId: objectId, verdict, source: 'statement', callback: { processor: BANK_FILES, dedupeKey } });
  }

  private async payments(owners: Owner[]): Promise<Map<string, Outgoing>> {
    const merchants = [...new Set(owners.map(({ merchant }) => merchant))];
    const rows = await Promise.all(
      merchants.map((merchant) =>
        this.o.db.merchant(merchant, (tx) =>
          this.o.kind.byId(
            tx,
            owners.filter((owner) => owner.merchant === merchant).map(({ objectId }) => objectId),
          ),
        ),
      ),
    );
    return new Map(rows.flat().map((row) => [row.id, row]));
  }
}

function matchOf(line: StatementLine, payment: Outgoing | undefined): Match {
  if (line.entry.status !== 'BOOK') return 'pending';
  if (line.endToEndId === null) return 'unmatched';
  if (!payment || payment.state === 'new') return 'unknown_reference';
  if (payment.amount !== line.amount || payment.currency !== line.currency) return 'amount_differs';
  return line.direction === 'debit' ? 'payment' : 'return';
}

/** Money that went is a payment that was executed; money that came back under the same reference is its return. */
function verdictOf(line: StatementLine, matched: Match): Verdict | undefined {
  if (matched === 'payment') return { kind: 'executed', rrn: line.bankReference, executedAt: null };
  if (matched === 'return') return { kind: 'returned', rrn: line.bankReference, code: line.returned?.code ?? null };
  return undefined;
}
