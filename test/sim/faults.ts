import type { Dice } from './dice.ts';

/** How often each fault happens, of the calls that it can happen to. */
export interface Rates {
  /** a process dies at an await of a port */
  crash: number;
  connect: number;
  statementLost: number;
  deadlock: number;
  lockTimeout: number;
  /** COMMIT is not answered: it happened, or it did not */
  commitUnknown: number;
  /** between a client and the API: the request, or its answer, is lost */
  http: number;
  /** between the platform and the bank, beyond what the bank's own scenarios do */
  bank: number;
  /** between the bank and the API */
  callback: number;
  webhook: number;
}

export type FaultKind = keyof Rates;

/** What a commit meets. */
export type CommitFate = 'done' | 'crash before' | 'crash after' | 'unknown, done' | 'unknown, not done';

/** Decides by the seed what goes wrong, and counts it. */
export class Faults {
  /** nothing goes wrong while this is false */
  on = false;
  readonly counts = new Map<string, number>();
  /** how often a process died at each await */
  readonly crashes = new Map<string, number>();
  /** every await of a port that was passed while it could have been the last */
  readonly passed = new Map<string, number>();
  private readonly rates: Rates;
  private readonly dice: Dice;

  constructor(rates: Rates, dice: Dice) {
    this.rates = rates;
    this.dice = dice;
  }

  /** Whether this happens now. */
  hit(kind: FaultKind, name: string = kind): boolean {
    if (!this.on || !this.dice.chance(this.rates[kind])) return false;
    this.count(name);
    return true;
  }

  /** Whether the process dies at this await. Places that were passed seldom are likelier, so that a run sees many. */
  diesAt(site: string): boolean {
    if (!this.on) return false;
    const times = (this.passed.get(site) ?? 0) + 1;
    this.passed.set(site, times);
    if (!this.dice.chance(Math.min(0.25, this.rates.crash * (1 + 60 / times)))) return false;
    this.count('crash');
    this.crashes.set(site, (this.crashes.get(site) ?? 0) + 1);
    return true;
  }

  commitFate(site: string): CommitFate {
    if (this.diesAt(`${site}, before`)) return 'crash before';
    if (this.diesAt(`${site}, after`)) return 'crash after';
    if (!this.hit('commitUnknown', 'commit not answered')) return 'done';
    const done = this.dice.chance(0.5);
    this.count(done ? 'commit not answered, done' : 'commit not answered, not done');
    return done ? 'unknown, done' : 'unknown, not done';
  }

  count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  /** A connection that broke, in the words in which node-postgres says it. */
  brokenConnection(): Error {
    const [message, code] = this.dice.pick(BROKEN);
    return Object.assign(new Error(message), code ? { code } : {});
  }

  refusedConnection(): Error {
    const [message, code] = this.dice.pick(REFUSED);
    return Object.assign(new Error(message), code ? { code } : {});
  }

  pick<T>(items: readonly T[]): T {
    return this.dice.pick(items);
  }
}

const BROKEN: [string, string?][] = [
  ['Connection terminated unexpectedly'],
  ['read ECONNRESET', 'ECONNRESET'],
  ['write EPIPE', 'EPIPE'],
  ['read ETIMEDOUT', 'ETIMEDOUT'],
  ['Client has encountered a connection error and is not queryable'],
  ['terminating connection due to administrator command', '57P01'],
  ['terminating connection because of crash of another server process', '57P02'],
];
const REFUSED: [string, string?][] = [
  ['connect ECONNREFUSED 127.0.0.1:5432', 'ECONNREFUSED'],
  ['timeout exceeded when trying to connect'],
  ['the database system is starting up', '57P03'],
  ['sorry, too many clients already', '53300'],
];
