import { type Db, CommitUnknown, isConnectionLost, isRetryable, type Queries, type Tx } from '../../src/db/db.ts';
import type { Sql } from '../../src/db/sql.ts';
import { assert, AssertionError } from '../../src/errors.ts';
import type { Dice } from './dice.ts';
import type { Faults } from './faults.ts';
import type { Process } from './process.ts';
import { DatabaseError, type Result, type Store } from './store.ts';
import type { World } from './world.ts';

interface Session {
  process: Process;
  /** set when the connection broke, or the server ended it */
  broken?: Error;
  /** when the last statement that was sent is done */
  tail: number;
  /** what the transaction does, in a word or two, by its first write */
  label: string;
  wrote: boolean;
}

/** The database server of the simulated world: one connection's worth of PostgreSQL, which transactions take in turns. */
export class Server {
  readonly store: Store;
  private readonly world: World;
  private readonly faults: Faults;
  private readonly dice: Dice;
  private current: Session | undefined;
  private waiting: { process: Process; opening: string; granted(session: Session): void; refused(error: Error): void }[] = [];
  private downUntil = 0;
  /** statements that were sent after their transaction had ended: they would run outside of any */
  readonly strays: string[] = [];
  /** counts commits that changed something: what was read before the last one may be old */
  changes = 0;

  constructor(store: Store, world: World, faults: Faults, dice: Dice) {
    this.store = store;
    this.world = world;
    this.faults = faults;
    this.dice = dice;
  }

  /** Nobody is in a transaction: what is read now is what is committed. */
  get isQuiet(): boolean {
    return this.current === undefined;
  }

  isTurnOf(session: Session): boolean {
    return this.current === session;
  }

  get isDown(): boolean {
    return this.world.time < this.downUntil;
  }

  /** Restarts: whatever was not committed is gone, and nobody gets a connection for a while. */
  restart(ms: number): void {
    this.world.note(undefined, `the database restarts, ${Math.round(ms)} ms`);
    this.downUntil = this.world.time + ms;
    if (this.current) this.breakOff(this.current, this.faults.brokenConnection());
    for (const { refused } of this.waiting.splice(0)) refused(this.faults.refusedConnection());
  }

  /** Waits for a turn and begins. @throws when there is no connection to be had */
  begin(process: Process, opening: string): Promise<Session> {
    return new Promise((granted, refused) => {
      if (this.isDown || this.faults.hit('connect', 'connection refused')) return refused(this.faults.refusedConnection());
      this.waiting.push({ process, opening, granted, refused });
      this.grant();
    });
  }

  /** The transaction's turn is over; what it did not commit is undone. */
  end(session: Session): void {
    if (this.current !== session) return;
    this.store.exec('rollback');
    this.release();
  }

  commit(session: Session): Result {
    assert(this.current === session, 'only the transaction whose turn it is commits');
    try {
      const result = this.store.exec('commit');
      if (session.wrote) this.changes++;
      return result;
    } finally {
      this.release();
    }
  }

  /** The server ends the connection: the transaction is undone, and its process finds out when it uses it next. */
  breakOff(session: Session, error: Error): void {
    session.broken ??= error;
    this.end(session);
  }

  /** A process died, or stands still for so long that its transactions are ended for it. */
  leave(process: Process, error: Error): void {
    this.waiting = this.waiting.filter((one) => one.process !== process || process.alive);
    if (this.current?.process === process) this.breakOff(this.current, error);
  }

  private release(): void {
    this.current = undefined;
    this.grant();
  }

  private grant(): void {
    if (this.current || this.waiting.length === 0) return;
    const [next] = this.waiting.splice(this.dice.int(0, this.waiting.length - 1), 1);
    if (!next) return;
    this.store.exec(next.opening);
    const session: Session = { process: next.process, tail: this.world.time, label: '', wrote: false };
    this.current = session;
    next.process.pass('db begin', 0.05 + this.dice.fraction() * 0.2, () => next.granted(session));
  }
}

/** The database as a process has it, with the same meaning as src/db/postgres.ts to the letter; what breaks is the seed's choice. */
export class SimulatedDb implements Db {
  private readonly server: Server;
  private readonly process: Process;
  private readonly world: World;
  private readonly faults: Faults;
  private readonly dice: Dice;
  private readonly role: string;

  constructor(server: Server, process: Process, role: 'tolem_app' | 'tolem_vault', world: World, faults: Faults, dice: Dice) {
    this.server = server;
    this.process = process;
    this.role = role;
    this.world = world;
    this.faults = faults;
    this.dice = dice;
  }

  merchant<T>(merchantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    assert(/^[0-9a-f-]{36}$/.test(merchantId), 'a merchant id is a UUID');
    return this.transaction(`begin; set local role ${this.role}; set local tolem.merchant = '${merchantId}'`, (queries) => work({ merchantId, ...queries }));
  }

  lookup<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.transaction(`begin; set local role ${this.role}`, work);
  }

  scan<R>(query: Sql): Promise<R[]> {
    return this.transaction('begin read only; set local role tolem_scan', (queries) => queries.rows(query));
  }

  async close(): Promise<void> {}

  private async transaction<T>(opening: string, work: (queries: Queries) => Promise<T>): Promise<T> {
    for (let run = 1; ; run++) {
      await this.process.passed('db connect', 0.05);
      const session = await this.server.begin(this.process, opening);
      try {
        return await this.once(session, work);
      } catch (error) {
        if (run < 5 && isRetryable(error)) continue;
        throw error;
      } finally {
        this.server.end(session);
      }
    }
  }

  private async once<T>(session: Session, work: (queries: Queries) => Promise<T>): Promise<T> {
    let result: T;
    try {
      const rows = async <R>(query: Sql) => (await this.run(session, query)).rows as R[];
      result = await work({
        rows,
        one: async <R>(query: Sql) => exactlyOne(await rows<R>(query)),
        maybe: async <R>(query: Sql) => (await rows<R>(query))[0],
        run: async (query) => (await this.run(session, query)).rowCount,
      });
    } catch (error) {
      await this.pass(session, 'db rollback');
      throw error;
    }
    let command: string;
    try {
      command = await this.commit(session);
    } catch (error) {
      throw isConnectionLost(error) ? new CommitUnknown(error) : error;
    }
    if (command !== 'COMMIT') throw new AssertionError(`the database answered COMMIT with ${command}`);
    return result;
  }

  /** One statement, after those that were sent before it. */
  private run(session: Session, query: Sql): Promise<Result> {
    const label = labelOf(query.text);
    if (session.label === '' || (isRead(session.label) && !isRead(label))) session.label = label;
    return new Promise((resolve, reject) => {
      this.process.pass(`db ${label}`, this.turnOf(session), () => {
        if (!session.broken && this.faults.hit('statementLost', 'connection lost')) this.server.breakOff(session, this.faults.brokenConnection());
        if (session.broken) return reject(brokenNow(session));
        if (!this.server.isTurnOf(session)) {
          this.server.strays.push(`${this.process.name}: ${label}`);
          return reject(new AssertionError('a statement came after its transaction had ended'));
        }
        try {
          this.spoil(label);
          const result = this.server.store.run(query);
          session.wrote ||= !isRead(label);
          this.world.note(this.process, `${label}: ${result.rowCount} rows, ${result.crc.toString(16)}`);
          resolve(result);
        } catch (error) {
          this.world.note(this.process, `${label}: ${(error as DatabaseError).code} ${(error as Error).message}`);
          reject(error as Error);
        }
      });
    });
  }

  /** What another transaction's locks do to a statement, where there is only one transaction at a time. */
  private spoil(label: string): void {
    const fault = !/^(update|insert)|for (update|share)$/.test(label)
      ? undefined
      : this.faults.hit('deadlock')
        ? DEADLOCK
        : this.faults.hit('lockTimeout', 'lock timeout')
          ? LOCK_TIMEOUT
          : undefined;
    if (!fault) return;
    try {
      this.server.store.exec(`do $$ begin raise exception '${fault[0]}' using errcode = '${fault[1]}'; end $$`); // the transaction is failed now
    } catch {
      throw new DatabaseError(...fault);
    }
  }

  private commit(session: Session): Promise<string> {
    const site = `db commit (${session.label})`;
    return new Promise((resolve, reject) => {
      this.world.after(this.turnOf(session), this.process, () => {
        const fate = session.broken ? 'done' : this.faults.commitFate(`${this.process.role} ${site}`);
        if (fate === 'crash before') return this.process.kill(`${site}, before`);
        if (fate === 'unknown, not done') this.server.breakOff(session, this.faults.brokenConnection());
        if (session.broken) return reject(brokenNow(session));
        try {
          const { command } = this.server.commit(session);
          this.world.note(this.process, `${site}: ${command}${fate === 'done' ? '' : `, ${fate}`}`);
          if (fate === 'crash after') return this.process.kill(`${site}, after`);
          if (fate === 'unknown, done') return reject(this.faults.brokenConnection());
          resolve(command);
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  }

  private pass(session: Session, site: string): Promise<void> {
    return this.process.passed(site, this.turnOf(session));
  }

  /** Milliseconds until a statement that is sent now is done: each after the one before. */
  private turnOf(session: Session): number {
    session.tail = Math.max(session.tail, this.world.time) + 0.05 + this.dice.fraction() * 0.3;
    return session.tail - this.world.time;
  }
}

/** The driver says what broke once, and then only that it is broken. */
function brokenNow(session: Session): Error {
  const { broken } = session;
  session.broken = new Error('Client has encountered a connection error and is not queryable');
  return broken as Error;
}

const DEADLOCK: [string, string] = ['deadlock detected', '40P01'];
const LOCK_TIMEOUT: [string, string] = ['canceling statement due to lock timeout', '55P03'];

function exactlyOne<R>(rows: R[]): R {
  assert(rows.length === 1, `one row must be there, found ${rows.length}`);
  return rows[0] as R;
}

const labels = new Map<string, string>();

/** A statement in a few words: what it does, and to which table. */
function labelOf(text: string): string {
  let label = labels.get(text);
  if (label) return label;
  const told = /^\s*with counter/.test(text) ? 'insert event' : undefined;
  const words = text.replace(/\s+/g, ' ').trim();
  const verb = /^(?:with .*?\) )?(select|insert into|update|delete from)/.exec(words)?.[1] ?? words.slice(0, 12);
  const pattern = verb === 'select' ? / from (?:\()?\s*(?:select .*? from )?([a-z_.]+)/ : new RegExp(`${verb} ([a-z_.]+)`);
  const table = pattern.exec(words)?.[1] ?? '';
  label = told ?? `${verb.replace(/ (into|from)$/, '')} ${table}${/ for update/.test(words) ? ' for update' : / for share/.test(words) ? ' for share' : ''}`;
  labels.set(text, label);
  return label;
}

const isRead = (label: string): boolean => label.startsWith('select');
