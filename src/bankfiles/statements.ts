import type { StatementLine } from '../connectors/iso20022/camt.ts';
import type { Verdict } from '../connectors/connector.ts';
import { type Db, isUniqueViolation } from '../db/db.ts';
import type { Groups } from '../groups.ts';
import type { Credit, CreditMatch, Invoices } from '../invoices/invoices.ts';
import { merchantCodeIn, numberIn } from '../invoices/reference.ts';
import type { Clock } from '../ports.ts';
import type { Heard } from '../sending/decide.ts';
import type { OutgoingKind, Standing } from '../sending/outgoing.ts';
import type { Effect } from '../sending/resolve.ts';
import { sentBy } from '../sending/submission.ts';
import { BANK_FILES } from './batcher.ts';
import { bookedLines, type Line, lineOf, type Match, movementsOf, storeLines } from './lines.ts';
import type { Owner, Owners } from './owners.ts';

export interface StatementsOptions {
  db: Db;
  clock: Clock;
  kind: OutgoingKind;
  owners: Owners;
  invoices: Invoices;
  outcomes: Groups<Heard, Effect>;
}

/** Matches movements on the operator's account with the payments and the invoices that they are, and closes these by it. */
export class Statements {
  private readonly o: StatementsOptions;

  constructor(options: StatementsOptions) {
    this.o = options;
  }

  /** Applies lines, each once. First what follows from them, then that they were seen: a crash between the two tells it again, to no effect. */
  async apply(lines: StatementLine[], file: Buffer): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.applyOnce(lines, file);
      } catch (error) {
        if (!isUniqueViolation(error) || attempt >= 3) throw error; // else somebody else kept the first movement of a payment meanwhile: this one is another
      }
    }
  }

  private async applyOnce(lines: StatementLine[], file: Buffer): Promise<void> {
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
    const others = new Map<StatementLine, Match>();
    for (const line of fresh) {
      const owner = line.endToEndId === null ? undefined : owned.get(line.endToEndId);
      const payment = owner && payments.get(owner.objectId);
      const matched = matchOf(line, payment, moved);
      // What is closed as paid learns nothing from being paid: a whole file may tell of payments that a pain.002 has closed.
      const verdict = matched === 'payment' && payment?.state === 'settled' ? undefined : verdictOf(line, matched);
      if (owner && verdict) told.push(this.tell(owner, line.lineKey, verdict));
      if (isStrangers(line, matched)) others.set(line, matched);
      else kept.push(lineOf(line, matched, payment && owner));
    }
    const [received] = await Promise.all([this.receive(others), ...told]);
    await db.lookup((queries) => storeLines(queries, [...kept, ...received], file, clock.now()));
  }

  /** Money that others sent: for an invoice, where it names one; else it is what it was taken for. */
  private async receive(others: Map<StatementLine, Match>): Promise<Line[]> {
    const lines = [...others.keys()];
    const numbers = new Map(lines.flatMap((line) => pairOf(line, numberIn(line.remittance))));
    const merchants = await this.o.owners.ofCodes([...numbers.values()].map(merchantCodeIn));
    const merchantOf = (line: StatementLine) => merchants.get(merchantCodeIn(numbers.get(line) ?? ''));
    const matched = new Map<StatementLine, CreditMatch & { merchant: string }>();
    for (const merchant of new Set(lines.flatMap((line) => merchantOf(line) ?? []))) {
      const own = lines.filter((line) => merchantOf(line) === merchant);
      const credits = own.map(({ lineKey, amount, currency, bankReference }, i): Credit => {
        return { number: numbers.get(own[i] as StatementLine) as string, lineKey, amount, currency, bankReference };
      });
      const matches = await this.o.db.merchant(merchant, (tx) => this.o.invoices.pay(tx, credits, BANK_FILES));
      for (const [i, match] of matches.entries()) matched.set(own[i] as StatementLine, { ...match, merchant });
    }
    return [...others].map(([line, before]) => {
      const { match, invoiceId, merchant } = matched.get(line) ?? {};
      return lineOf(line, match === undefined || match === 'unmatched' ? before : match, merchant && invoiceId ? { merchant, objectId: invoiceId } : undefined);
    });
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

  /** Payments that left in files: what a processor was asked to pay is not this account's. */
  private async payments(owners: Owner[]): Promise<Map<string, Standing>> {
    const merchants = [...new Set(owners.map(({ merchant }) => merchant))];
    const rows = await Promise.all(
      merchants.map((merchant) => {
        const ids = owners.filter((owner) => owner.merchant === merchant).map(({ objectId }) => objectId);
        return this.o.db.merchant(merchant, async (tx) => {
          const [standing, ours] = await Promise.all([this.o.kind.standing(tx, ids), sentBy(tx, BANK_FILES, ids)]);
          return standing.filter(({ id }) => ours.has(id));
        });
      }),
    );
    return new Map(rows.flat().map((row) => [row.id, row]));
  }
}

/** A credit that is nothing of ours, as far as its reference says. */
const isStrangers = ({ direction, returned, entry }: StatementLine, matched: Match): boolean =>
  direction === 'credit' && !returned && !entry.isReversal && (matched === 'unmatched' || matched === 'unknown_reference');

const pairOf = <K, V>(key: K, value: V | undefined): [K, V][] => (value === undefined ? [] : [[key, value]]);

/** How often something was matched so far, by payment and match. */
type Moved = Map<string, number>;

function matchOf(line: StatementLine, payment: Standing | undefined, moved: Moved): Match {
  if (line.entry.status !== 'BOOK') return 'pending';
  if (!payment && isFee(line)) return 'fee';
  if (line.endToEndId === null) return 'unmatched';
  if (!payment || payment.state === 'new') return 'unknown_reference';
  if (payment.amount !== line.amount || payment.currency !== line.currency) return 'amount_differs';
  const of = (match: Match) => moved.get(`${payment.id} ${match}`) ?? 0;
  const matched = line.direction === 'debit' ? debitOf(line, of) : creditOf(line, of);
  moved.set(`${payment.id} ${matched}`, of(matched) + 1);
  return matched;
}

/** What the bank takes for itself. @source ISO 20022 bank transaction codes: the sub-families charges, fees and commissions */
const isFee = ({ direction, bankCode }: StatementLine): boolean => direction === 'debit' && /[/.](CHRG|FEES|COMM)$/.test(bankCode ?? '');

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
