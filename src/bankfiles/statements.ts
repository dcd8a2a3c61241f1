import type { StatementLine } from '../connectors/iso20022/camt.ts';
import type { Verdict } from '../connectors/connector.ts';
import type { Db } from '../db/db.ts';
import type { Groups } from '../groups.ts';
import type { Clock } from '../ports.ts';
import type { Heard } from '../sending/decide.ts';
import type { OutgoingKind, Standing } from '../sending/outgoing.ts';
import type { Effect } from '../sending/resolve.ts';
import { BANK_FILES } from './batcher.ts';
import { bookedLines, type Line, lineOf, type Match, movementsOf, storeLines } from './lines.ts';
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
    const [payments, moved] = await Promise.all([this.payments([...owned.values()]), this.moved([...owned.values()])]);
    const kept: Line[] = [];
    const told: Promise<unknown>[] = [];
    for (const line of fresh) {
      const owner = line.endToEndId === null ? undefined : owned.get(line.endToEndId);
      const payment = owner && payments.get(owner.objectId);
      const matched = matchOf(line, payment, moved);
      // What is closed as paid learns nothing from being paid: a whole file may tell of payments that a pain.002 has closed.
      const verdict = matched === 'payment' && payment?.state === 'settled' ? undefined : verdictOf(line, matched);
      if (owner && verdict) told.push(this.tell(owner, line.lineKey, verdict));
      kept.push(lineOf(line, matched, payment && owner));
    }
    await Promise.all(told);
    await db.lookup((queries) => storeLines(queries, kept, file, clock.now()));
  }

  private async moved(owners: Owner[]): Promise<Moved> {
    const rows = await this.o.db.lookup((queries) =>
      movementsOf(
        queries,
        owners.map(({ objectId }) => objectId),
      ),
    );
    return new Map(rows.map(({ objectId, matched, count }) => [`${objectId} ${matched}`, Number(count)]));
  }

  private tell({ merchant, objectId }: Owner, dedupeKey: string, verdict: Verdict): Promise<Effect> {
    return this.o.outcomes.submit(merchant, { payoutId: objectId, verdict, source: 'statement', callback: { processor: BANK_FILES, dedupeKey } });
  }

  private async payments(owners: Owner[]): Promise<Map<string, Standing>> {
    const merchants = [...new Set(owners.map(({ merchant }) => merchant))];
    const rows = await Promise.all(
      merchants.map((merchant) =>
        this.o.db.merchant(merchant, (tx) =>
          this.o.kind.standing(
            tx,
            owners.filter((owner) => owner.merchant === merchant).map(({ objectId }) => objectId),
          ),
        ),
      ),
    );
    return new Map(rows.flat().map((row) => [row.id, row]));
  }
}

/** How often something was matched so far, by payment and match. */
type Moved = Map<string, number>;

function matchOf(line: StatementLine, payment: Standing | undefined, moved: Moved): Match {
  if (line.entry.status !== 'BOOK') return 'pending';
  if (line.endToEndId === null) return 'unmatched';
  if (!payment || payment.state === 'new') return 'unknown_reference';
  if (payment.amount !== line.amount || payment.currency !== line.currency) return 'amount_differs';
  const of = (match: Match) => moved.get(`${payment.id} ${match}`) ?? 0;
  const matched = line.direction === 'debit' ? debitOf(line, of) : creditOf(line, of);
  moved.set(`${payment.id} ${matched}`, of(matched) + 1);
  return matched;
}

/** The first debit is the payment. A second one is the bank's mistake or ours, and one that reverses something takes money that had come back. */
const debitOf = (line: StatementLine, of: (match: Match) => number): Match =>
  line.entry.isReversal ? 'reversal' : of('payment') > 0 ? 'paid_again' : 'payment';

/** Money comes back when the bank says that it does, once; what takes back a payment that was made twice is not the return of the payment. */
function creditOf(line: StatementLine, of: (match: Match) => number): Match {
  if (!line.returned && !line.entry.isReversal) return 'credit';
  return of('return') > 0 || of('paid_again') > of('back_again') ? 'back_again' : 'return';
}

/** Money that went is a payment that was executed; money that came back under the same reference is its return. */
function verdictOf(line: StatementLine, matched: Match): Verdict | undefined {
  if (matched === 'payment') return { kind: 'executed', rrn: line.bankReference, executedAt: null };
  if (matched === 'return') return { kind: 'returned', rrn: line.bankReference, code: line.returned?.code ?? null };
  return undefined;
}
