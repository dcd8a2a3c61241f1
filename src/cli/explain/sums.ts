import { type Minor, toDecimal } from '../../money.ts';
import { moneyOf, type Posting } from './story.ts';

export type Term = readonly [what: string, amount: Minor];

/** Accounts whose money is on its way, at a processor, ours or everybody else's. In any other it is the merchant's, or its partners'. */
const NOT_ITS_BALANCE = new Set(['held', 'clearing', 'fees', 'suspense', 'world']);
const kindOf = (account: string): string => account.split(/[:/]/)[0] as string;

/** What a posting of a kind did, for a person. */
const WORDS: Record<string, string> = { reserve: 'reserved', release: 'released', capture: 'captured', return: 'returned', topup: 'topped up' };
const wordOf = (kind: string): string => WORDS[kind] ?? kind;

/** How the numbers of one thing sum, by its postings. What does not hold is kept apart. */
export class Sums {
  readonly lines: string[] = [];
  readonly broken: string[] = [];
  private readonly postings: Posting[];
  private readonly currency: string;

  constructor(postings: Posting[], currency: string) {
    this.postings = postings;
    this.currency = currency;
  }

  /** All that the postings of a kind moved. */
  of(kind: string): Minor {
    return total(this.postings.filter((one) => one.kind === kind));
  }

  /** What is held still: what came into that account less what went out of it. */
  held(): Minor {
    return this.postings.reduce((sum, { from, to, amount }) => sum + (kindOf(to) === 'held' ? amount : 0n) - (kindOf(from) === 'held' ? amount : 0n), 0n);
  }

  /** "reserved 1515.00 = settled 1500.00 + fee 15.00". What is zero on the right is left out. @returns whether it holds */
  equation(left: Term, right: Term[]): boolean {
    const shown = right.filter(([, amount]) => amount !== 0n);
    const sum = right.reduce((all, [, amount]) => all + amount, 0n);
    const terms = shown.map((term) => this.term(term)).join(' + ') || '0';
    this.lines.push(`sum      ${this.term(left)} ${left[1] === sum ? '=' : '≠'} ${terms}`);
    return left[1] === sum;
  }

  must(holds: boolean, what: string): void {
    if (!holds) this.broken.push(what);
  }

  money(amount: Minor): string {
    return moneyOf(amount, this.currency);
  }

  /** @param settled what money that has left is called here; @param said kinds of postings that were told of before */
  tellPostings(settled: string, ...said: string[]): void {
    if (this.postings.length === 0) this.lines.push('sum      no money was moved');
    const toFees = total(this.postings.filter(({ kind, to }) => kind === 'settle' && kindOf(to) === 'fees'));
    const reserved = this.of('reserve');
    const became: Term[] = [
      [settled, this.of('settle') - toFees],
      ['fee', toFees],
      ['released', this.of('release')],
      ['still held', this.held()],
    ];
    if (reserved > 0n || became.some(([, amount]) => amount !== 0n))
      this.must(this.equation(['reserved', reserved], became), `${this.money(reserved)} were reserved; that is not what became of it and what is held still`);
    for (const kind of new Set(this.postings.map((one) => one.kind)))
      if (kind === 'suspense') this.lines.push(`sum      in suspense ${this.amount(this.of(kind))}, for a person to settle`);
      else if (!['reserve', 'settle', 'release', ...said].includes(kind)) this.lines.push(`sum      ${wordOf(kind)} ${this.amount(this.of(kind))}`);
  }

  /** What each balance of the merchant, or of whomever it keeps money for, lost or gained by all of it. */
  tellBalances(): void {
    const accounts = new Set(this.postings.flatMap(({ from, to }) => [from, to]).filter((id) => !NOT_ITS_BALANCE.has(kindOf(id))));
    for (const account of accounts) {
      const byKind = new Map<string, Minor>();
      for (const { kind, from, to, amount } of this.postings)
        if (account === from || account === to) byKind.set(kind, (byKind.get(kind) ?? 0n) + (account === to ? amount : -amount));
      const net = [...byKind.values()].reduce((sum, amount) => sum + amount, 0n);
      const parts = [...byKind].map(([kind, amount]) => `${wordOf(kind)} ${this.signed(amount)}`).join(', ');
      const inAll = net === 0n ? 'neither lost nor gained in all' : `${net < 0n ? 'lost' : 'gained'} ${this.money(net < 0n ? -net : net)} in all`;
      this.lines.push(`balance  ${account}: ${parts}; ${inAll}`);
    }
  }

  private amount(amount: Minor): string {
    return toDecimal(amount, this.currency);
  }

  private term([what, amount]: Term): string {
    return `${what} ${this.amount(amount)}`;
  }

  private signed(amount: Minor): string {
    return `${amount > 0n ? '+' : ''}${this.amount(amount)}`;
  }
}

const total = (postings: Posting[]): Minor => postings.reduce((sum, { amount }) => sum + amount, 0n);
