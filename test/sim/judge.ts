import { checks } from '../../src/audit/checks.ts';
import type { Config } from '../../src/config.ts';
import { isConnectionLost, CommitUnknown } from '../../src/db/db.ts';
import { ApiError } from '../../src/errors.ts';
import { BankFacts, type Facts } from './bank-facts.ts';
import type { SimulatedBank } from './bank.ts';
import type { Server } from './database.ts';
import { checkBank, checkClients, checkFeed, checkIncidents, checkReceivers } from './ending.ts';
import type { Faults } from './faults.ts';
import type { Merchant } from './merchant.ts';
import type { Plan } from './plan.ts';
import type { Process } from './process.ts';
import type { Receivers } from './receivers.ts';
import { DatabaseError } from './store.ts';
import type { Verdict } from './verdict.ts';
import { NEVER, type World } from './world.ts';

export interface Scene {
  world: World;
  server: Server;
  bank: SimulatedBank;
  faults: Faults;
  verdict: Verdict;
  merchants: Merchant[];
  receivers: Receivers;
  plan: Plan;
  config: Config;
}

/** A payout as it stands in the store, with what was asked of the bank for it. */
export interface StoredPayout {
  id: string;
  merchantId: string;
  state: string;
  amount: bigint;
  fee: bigint;
  currency: string;
  cardTokenId: string;
  orderReference: string | null;
  errorCode: string | null;
  createdAt: Date;
  cause: string;
  reference: string | null;
  outcome: string | null;
  phase: string | null;
  evidence: string | null;
  nextAt: Date | null;
  resendUntil: Date | null;
  /** the bank's memory ended before anybody was heard, and an incident says so */
  isForgotten: boolean;
}

/** A line of the merchant's list of payouts, as the API shows it. */
export interface Listed {
  id: string;
  orderReference: string;
  amount: number;
  currency: string;
  status: string;
  errorCode: string | null;
}

/** Watches the store, the bank's journal and the clients', and says what does not fit. */
export class Judge {
  payouts = 0;
  readonly seen = new Map<string, number>();
  readonly facts: BankFacts;
  readonly lists = new Map<string, Listed[]>();
  private readonly o: Scene;
  private readonly history = new Map<string, Set<string>>();
  private due = { changes: -1, at: new Map<string, number>() };

  constructor(scene: Scene) {
    this.o = scene;
    this.facts = new BankFacts(scene.bank.journal);
  }

  /**
   * When a look into a queue may find something next. What was due at the last look and is still there cannot be taken, for
   * the calls that hold it end in a write; so until something is written, only what becomes due later is worth a look.
   */
  dueAt(kind: string, process: Process): number {
    const { server, world } = this.o;
    const looked = process.looked.get(kind);
    const isStill = looked !== undefined && looked.changes === server.changes && kind === 'webhooks';
    const after = isStill ? looked.at + process.skewMs : Number.NEGATIVE_INFINITY;
    if (this.due.changes !== server.changes) this.due = { changes: server.changes, at: new Map() };
    const name = `${kind} ${after}`;
    let at = this.due.at.get(name);
    if (at === undefined) {
      if (!server.isQuiet) return world.time; // who knows
      const [row] = server.store.run({
        name: `sim-due-${kind}`,
        text: DUE[kind] as string,
        values: [after === Number.NEGATIVE_INFINITY ? '-infinity' : world.date(after)],
      }).rows as [{ at: Date | null }];
      at = row.at ? row.at.getTime() - world.date(0).getTime() : NEVER;
      this.due.at.set(name, at);
    }
    return Math.min(at - Math.max(0, process.skewMs), isStill ? looked.at + 60_000 : NEVER);
  }

  /** What a process has to say. A broken rule of its own, or of the database's, is a mistake whatever else goes wrong. */
  heardLog(process: Process, level: string, { error, ...fields }: Record<string, unknown>, message: string): void {
    const { world, verdict } = this.o;
    const said = error instanceof Error ? `${error.name} ${(error as { code?: string }).code ?? ''} ${error.message}` : '';
    world.note(process, `log ${level} ${message} ${JSON.stringify(fields)} ${said}`);
    for (let cause = error; cause instanceof Error; cause = cause.cause)
      if (isMistake(cause)) verdict.wrong('mistake', `${process.name} says: ${message}: ${cause.stack}`);
  }

  /** Every rule that can be asked of the store at any instant, and that no limit is passed. */
  checkBooks(): void {
    const { server, verdict } = this.o;
    for (const { id, rule, query } of [...checks, ...limits]) {
      const { rows } = server.store.run({ name: `sim-${id}`, text: query, values: [] });
      if (rows.length > 0) verdict.wrong(id, `${rule}: ${rows.length} rows, the first ${show(rows[0])}`);
    }
    this.checkHistory();
    for (const stray of server.strays.splice(0)) verdict.wrong('mistake', `a statement came after its transaction had ended: ${stray}`);
    this.o.faults.count('books checked');
  }

  /** INV-09: what a journal has, it has for ever, as it was. */
  private checkHistory(): void {
    for (const journal of JOURNALS) {
      const rows = new Set(
        this.o.server.store
          .run({ name: `sim-${journal}`, text: `select md5(j::text) as row from tolem.${journal} j`, values: [] })
          .rows.map((one) => (one as { row: string }).row),
      );
      const before = this.history.get(journal) ?? new Set();
      const lost = [...before].filter((row) => !rows.has(row)).length;
      this.o.verdict.expect(lost === 0, 'INV-09', () => `${lost} rows of ${journal} have gone or changed`);
      this.history.set(journal, rows);
    }
  }

  stored(): StoredPayout[] {
    return this.o.server.store.run({ name: 'sim-stored', text: STORED, values: [] }).rows as StoredPayout[];
  }

  /** How many payouts are neither final nor explained. */
  openPayouts(): number {
    return this.stored().filter((payout) => this.isOpen(payout) && !this.explained(payout)).length;
  }

  checkLiveness(): void {
    const { verdict, world } = this.o;
    for (const payout of this.stored().filter((one) => this.isOpen(one))) {
      const why = this.explained(payout);
      if (why) this.saw(why);
      else
        verdict.wrong(
          'INV-32',
          `payout ${payout.id} is ${payout.state}, its submission ${payout.outcome}, looked after ${payout.nextAt?.toISOString()}, now it is ${world.date().toISOString()}; the bank: ${show(this.factsOf(payout))}`,
        );
    }
  }

  private isOpen({ state }: StoredPayout): boolean {
    return state === 'new' || state === 'processing';
  }

  /** Why a payout is still open, where that is as it should be. */
  private explained(payout: StoredPayout): string | undefined {
    const facts = this.factsOf(payout);
    if (!facts || payout.nextAt === null) return undefined;
    const isPending = facts.executed.length + facts.declined.length + facts.cancelled.length === 0;
    if (isPending && payout.outcome === 'accepted') return 'open: pending at the bank';
    // So much befell it that nobody was heard within the bank's memory: the product has said so itself, and looks on.
    const remembered = (payout.resendUntil?.getTime() ?? 0) - payout.createdAt.getTime() + SKEW_MS >= this.o.plan.dial.retentionSeconds * 1000;
    if (payout.outcome === 'unknown' && payout.isForgotten && remembered) return 'open: forgotten by the bank';
    return undefined;
  }

  private factsOf({ reference }: StoredPayout): Facts | undefined {
    return reference === null ? undefined : this.facts.update().get(reference);
  }

  openDeliveries(): number {
    const [row] = this.o.server.store.all<{ open: bigint }>(`select count(*) as open from tolem.delivery where state = 'pending'`);
    return Number(row?.open);
  }

  checkDeliveries(): void {
    const { verdict, world } = this.o;
    const open = this.o.server.store.all(
      `select d.*, e.type from tolem.delivery d join tolem.event e on e.merchant_id = d.merchant_id and e.number = d.event_number where d.state = 'pending' order by d.next_at`,
    );
    if (open.length > 0)
      verdict.wrong('INV-57', `${open.length} deliveries are still on their way at ${world.date().toISOString()}, the first ${show(open[0])}`);
  }

  async readLists(merchant: Merchant): Promise<void> {
    const listed: Listed[] = [];
    for (let page = 1; ; page++) {
      const answer = await merchant.insist('GET', `/v1/payout?size=100&page=${page}`);
      const { data } = JSON.parse(answer?.text ?? '{}') as { data: Listed[] };
      listed.push(...data);
      if (data.length < 100) break;
    }
    this.lists.set(merchant.account.merchantId, listed);
  }

  checkEverything(): void {
    const stored = this.stored();
    this.payouts = stored.length;
    const facts = this.facts.update();
    checkBank(this.o, this, stored, facts);
    checkIncidents(this.o, this, stored, facts);
    checkClients(this.o, this, stored);
    checkReceivers(this.o, this);
    checkFeed(this.o);
  }

  saw(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }
}

/** The clocks of two processes differ by no more. */
const SKEW_MS = 6_000;

const JOURNALS = ['transfer', 'event', 'attempt', 'idempotency', 'callback'];

const DUE: Record<string, string> = {
  sending: `select min(next_at) as at from tolem.submission where next_at > $1::timestamptz`,
  webhooks: `select min(next_at) as at from tolem.delivery where state = 'pending' and next_at > $1::timestamptz`,
};

const STORED = `
  select p.id, p.merchant_id as "merchantId", p.state, p.amount, p.fee, p.currency, p.card_token_id as "cardTokenId", p.order_reference as "orderReference", p.error_code as "errorCode", p.created_at as "createdAt",
    (select e.cause from tolem.event e where e.merchant_id = p.merchant_id and e.object_id = p.id order by e.object_seq desc limit 1) as cause,
    s.reference, s.outcome, s.phase, s.evidence, s.next_at as "nextAt", s.resend_until as "resendUntil",
    exists (select 1 from tolem.incident i where i.merchant_id = p.merchant_id and i.object_id = p.id and i.kind = 'reference_forgotten' and i.opened_at > s.resend_until - interval '60 seconds') as "isForgotten"
  from tolem.payout p left join tolem.submission s on s.merchant_id = p.merchant_id and s.payout_id = p.id order by p.id`;

const day = `(p.created_at at time zone 'Asia/Almaty')::date`;
const counts = `p.state not in ('rejected', 'failed')`;

/** INV-36: what was accepted in a day and not given back, against the limits; and against what the product keeps of it. */
const limits = [
  {
    id: 'INV-36',
    rule: 'the usage of a day is what was accepted in it and not given back',
    query: `
    select coalesce(u.merchant_id, x.merchant_id), coalesce(u.day, x.day), u.amount as kept, x.amount as counted from tolem.usage u
    full join (select p.merchant_id, p.currency, ${day} as day, sum(p.amount) as amount from tolem.payout p join tolem.terms t using (merchant_id, currency) where ${counts} and t.daily_limit is not null group by 1, 2, 3) x using (merchant_id, currency, day)
    where coalesce(u.amount, 0) <> coalesce(x.amount, 0)`,
  },
  {
    id: 'INV-36b',
    rule: 'no daily limit is passed',
    query: `
    select p.merchant_id, p.currency, ${day}, sum(p.amount), t.daily_limit from tolem.payout p join tolem.terms t using (merchant_id, currency) where ${counts} group by 1, 2, 3, 5 having sum(p.amount) > t.daily_limit`,
  },
  {
    id: 'INV-36c',
    rule: 'no daily limit of a card is passed',
    query: `
    select p.merchant_id, p.card_token_id, ${day}, sum(p.amount), t.card_daily_limit from tolem.payout p join tolem.terms t using (merchant_id, currency) where ${counts} group by 1, 2, p.currency, 3, 5 having sum(p.amount) > t.card_daily_limit`,
  },
  {
    id: 'INV-36d',
    rule: 'no payout is larger or smaller than may be',
    query: `
    select p.id from tolem.payout p join tolem.terms t using (merchant_id, currency) where ${counts} and (p.amount > t.max_amount or p.amount < t.min_amount)`,
  },
];

/** Not something that the world did to us. */
function isMistake(error: Error): boolean {
  if (error instanceof ApiError || error instanceof CommitUnknown || isConnectionLost(error)) return false;
  return (
    error.name === 'AssertionError' ||
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError ||
    (error instanceof DatabaseError && /^(22|23|42)/.test(error.code))
  );
}

export const show = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'bigint' ? member.toString() : member instanceof Map ? Object.fromEntries(member) : member,
  ) ?? 'nothing';
