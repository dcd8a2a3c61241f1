/**
 * schedule.ts: two parties over one database, and who of them goes next. A party's statement is either answered or proven to
 * wait for the other's lock, before anything else is decided: no schedule depends on how fast anything is.
 */
import pg from 'pg';
import { Gate, type Statement, type Wire } from './wire.ts';

export type Name = 'A' | 'B';
/** What may be done at a point: a party's next statement runs; its session is ended instead; its commit runs and the answer is lost. */
export type Choice = `run ${Name}` | `kill ${Name}` | `lose ${Name}`;

export type Result<T = unknown> = { ok: true; value: T } | { ok: false; error: unknown };

/** A statement that ran, as a schedule is told. */
export interface Ran {
  party: Name;
  label: string;
  text: string;
  waited: boolean;
  readonly failed?: string | undefined;
}

/** Nothing but begins: no snapshot is taken and nothing is seen, so it does not matter when. */
const isOpening = (text: string): boolean => /^begin( read only)?(; set local (tolem\.merchant = '[0-9a-f-]+'|role \w+))?$/.test(text);
const isCommit = (text: string): boolean => text === 'commit';

/** The same text is read once. */
export function remembered<V>(read: (text: string) => V): (text: string) => V {
  const known = new Map<string, V>();
  return (text) => {
    if (!known.has(text)) known.set(text, read(text));
    return known.get(text) as V;
  };
}

/** A statement in a few words, for people. */
export const labelOf = remembered((text: string): string => {
  const flat = text.replaceAll(/--.*$/gm, '').replaceAll(/\s+/g, ' ').trim();
  const writes = [...flat.matchAll(/\b(insert into|delete from|(?<!for |no key |do )update) ([a-z_.]+)/g)].map(([, verb, table]) => `${verb} ${table}`);
  if (writes.length > 0) return writes.join(', ');
  if (!flat.startsWith('select') && !flat.startsWith('with')) return flat.split(/[ ;]/)[0] as string;
  const tables = [...flat.matchAll(/\b(?:from|join) ([a-z_.]+)(?! *\()/g)].map(([, table]) => table);
  const [, lock = '', skip = ''] = /\bfor ((?:no key )?update|share)\b(?:.*?( skip locked))?/.exec(flat) ?? [];
  return `select ${[...new Set(tables)].join(', ')}${lock && ` for ${lock}${skip}`}`;
});

export class Party {
  readonly name: Name;
  gate!: Gate;
  /** The script has ended, or its process has. */
  done = true;
  dead = false;
  result: Result | undefined;
  waited = false;

  constructor(name: Name) {
    this.name = name;
  }

  /** The next statement that may run: those of a connection go in their order. */
  get held(): Statement | undefined {
    for (const wire of this.gate.wires) {
      const [first] = wire.statements;
      if (first?.state === 'held') return first;
    }
    return undefined;
  }

  get running(): Statement | undefined {
    for (const wire of this.gate.wires) if (wire.inFlight) return wire.inFlight;
    return undefined;
  }

  get pids(): number[] {
    return [...this.gate.wires].flatMap(({ pid }) => (pid ? [pid] : []));
  }
}

export interface Options {
  /** Statements that cannot matter to the other party, whenever they run: they are no points of decision. */
  still(text: string): boolean;
  /** Called between any two statements, when nothing is running. */
  between?(): Promise<void>;
  /** Ending a session is a choice too, once in a schedule. What follows it is not varied. */
  crashes?: boolean;
  /**
   * Schedules that differ only by the order of statements which have nothing to do with each other are played once (sleep
   * sets). Given are the tables that a table refers to; unset: every schedule is played.
   */
  commuting?: References | undefined;
  /** How often a party that could go on may be made to wait for the other; unset: as often as there are ways to. */
  switches?: number | undefined;
}

/** Foreign keys: a write of the one locks rows of the others. */
export type References = Map<string, string[]>;

/** What a statement touches, table by table. Locking is writing. */
interface Footprint {
  reads: Set<string>;
  writes: Set<string>;
}

const touched = remembered((text: string) => {
  const writes = [...text.matchAll(/\b(?:insert into|delete from|(?<!for |no key |do )update)\s+([a-z_.]+)/g)].map(([, table]) => table as string);
  const reads = [...text.matchAll(/\b(?:from|join)\s+([a-z_.]+)/g)].map(([, table]) => table as string);
  return { writes, reads, locks: /\bfor\s+(?:no key )?(?:update|key share|share)\b/.test(text) };
});

/** The tables that a statement writes, or locks rows of. */
export const writtenBy = (text: string): string[] => {
  const { writes, reads, locks } = touched(text);
  return locks ? [...writes, ...reads] : writes;
};

/** Read from the text: an unknown word in it makes two statements depend on each other sooner than not. */
function footprint(text: string, references: References): Footprint {
  const { writes, reads } = touched(text);
  return { writes: new Set(writtenBy(text)), reads: new Set([...reads, ...writes.flatMap((table) => references.get(table) ?? [])]) };
}

const meet = (a: Set<string>, b: Set<string>): boolean => [...a].some((table) => b.has(table));
const independent = (a: Footprint, b: Footprint): boolean => !meet(a.writes, b.writes) && !meet(a.writes, b.reads) && !meet(a.reads, b.writes);

/** A point where something was decided. */
export interface Point {
  choices: Choice[];
  taken: number;
}

/** How a schedule has gone so far. */
interface Turn {
  /** Whose next statement was tried here, or earlier and nothing since has had to do with it: whatever begins with it was played. */
  asleep: Map<Name, Footprint>;
  redundant: boolean;
  last: Name | undefined;
  switches: number;
  crashed: Name | undefined;
}

function note(turn: Turn, choice: Choice, choices: Choice[]): void {
  const [what, name] = choice.split(' ') as [string, Name];
  if (what !== 'run') turn.crashed = name;
  else {
    if (turn.last && turn.last !== name && choices.includes(`run ${turn.last}`)) turn.switches++;
    turn.last = name;
  }
}

export class Stage {
  readonly parties: [Party, Party] = [new Party('A'), new Party('B')];
  readonly trace: Ran[] = [];
  /** The last schedule was one that had been played in another order. */
  redundant = false;
  private readonly observer: pg.Client;
  private readonly ranAs = new WeakMap<Statement, Ran>();
  private wake: () => void = () => undefined;
  /** how often something has happened */
  private changes = 0;

  private constructor(observer: pg.Client) {
    this.observer = observer;
  }

  /** @param owner URL of a superuser of the database; @param app of the product's role */
  static async open(owner: string, app: string): Promise<Stage> {
    const observer = new pg.Client({ connectionString: owner, application_name: 'interleave observer' });
    await observer.connect();
    const stage = new Stage(observer);
    for (const party of stage.parties) party.gate = await Gate.open(app, { changed: () => stage.changed() });
    return stage;
  }

  async close(): Promise<void> {
    await Promise.all(this.parties.map(({ gate }) => gate.close()));
    await this.observer.end();
  }

  /**
   * Plays one schedule: what was decided before is decided again, and beyond that what `beyond` says.
   * @returns the points where there was something to decide
   */
  async play(
    scripts: [() => Promise<unknown>, () => Promise<unknown>],
    prefix: number[],
    options: Options,
    beyond: (choices: Choice[]) => number = () => 0,
  ): Promise<Point[]> {
    this.trace.length = 0;
    const points: Point[] = [];
    const turn: Turn = { asleep: new Map(), redundant: false, last: undefined, switches: 0, crashed: undefined };
    this.redundant = false;
    this.parties.forEach((party, i) => this.start(party, scripts[i as 0 | 1]));
    for (;;) {
      await this.settle(options);
      await options.between?.();
      const choices = this.choices(options, turn);
      if (choices.length === 0) {
        if (this.parties.every(({ done }) => done)) {
          this.redundant = turn.redundant;
          return points;
        }
        await this.event(); // both wait, each for the other: PostgreSQL finds out, and ends one
        continue;
      }
      const taken = choices.length === 1 || turn.redundant ? 0 : (prefix[points.length] ?? beyond(choices));
      const choice = choices[taken];
      if (!choice) throw new Error(`the schedule ${prefix.join(' ')} cannot be played again: ${choices.length} choices at point ${points.length}`);
      if (choices.length > 1 && !turn.redundant) points.push({ choices, taken });
      if (options.commuting) this.sleep(turn, choices, taken, options.commuting);
      note(turn, choice, choices);
      await this.act(choice);
    }
  }

  /** What ran, in a line for each turn. */
  told(): string {
    return this.trace.map(({ party, label, waited, failed }) => `${party} ${label}${waited ? ' (waited)' : ''}${failed ? ` → ${failed}` : ''}`).join('\n');
  }

  private start(party: Party, script: () => Promise<unknown>): void {
    party.done = party.dead = party.waited = party.gate.shut = false;
    party.result = undefined;
    const end = (result: Result): void => {
      if (party.dead) return;
      [party.result, party.done] = [result, true];
      this.changed();
    };
    void script().then(
      (value) => end({ ok: true, value }),
      (error: unknown) => end({ ok: false, error }),
    );
  }

  private choices(options: Options, turn: Turn): Choice[] {
    const { crashes, switches = Infinity } = options;
    const able = this.parties.filter((party) => !party.done && party.held && !party.running).map(({ name }) => name);
    if (turn.crashed)
      return able
        .toSorted((a) => (a === turn.crashed ? 1 : -1))
        .slice(0, 1)
        .map((name): Choice => `run ${name}`);
    const awake = able.filter((name) => !turn.asleep.has(name));
    if (awake.length === 0 && able.length > 0) turn.redundant = true; // all that may follow was played in another order
    if (turn.redundant) return able.slice(0, 1).map((name): Choice => `run ${name}`);
    if (options.commuting) return awake.map((name): Choice => `run ${name}`);
    const mayGo = turn.switches >= switches && turn.last && able.includes(turn.last) ? [turn.last] : able;
    const runs = mayGo.map((name): Choice => `run ${name}`);
    if (!crashes) return runs;
    const kills = this.parties.flatMap((party): Choice[] => {
      const statement = party.running ?? party.held;
      if (party.done || statement?.wire.status !== 'T') return [];
      return statement.state === 'held' && isCommit(statement.text) ? [`kill ${party.name}`, `lose ${party.name}`] : [`kill ${party.name}`];
    });
    return [...runs, ...kills];
  }

  private sleep(turn: Turn, choices: Choice[], taken: number, references: References): void {
    const next = (choice: Choice): [Name, Footprint] => {
      const party = this.parties[choice.endsWith('A') ? 0 : 1];
      return [party.name, this.printOf(party, references)];
    };
    const [, ran] = next(choices[taken] as Choice);
    for (const [name, print] of choices.slice(0, taken).map(next)) turn.asleep.set(name, print);
    for (const [name, print] of turn.asleep) if (!independent(print, ran)) turn.asleep.delete(name);
  }

  /** Of the statement that a party holds; the end of a transaction touches all that it wrote. */
  private printOf(party: Party, references: References): Footprint {
    const { text, wire } = party.held as Statement;
    if (text === 'commit' || text === 'rollback') return { reads: new Set(), writes: wire.wrote };
    return footprint(text, references);
  }

  private async act(choice: Choice): Promise<void> {
    const [what, name] = choice.split(' ') as [string, Name];
    const party = this.parties[name === 'A' ? 0 : 1];
    if (what === 'run') return this.letGo(party);
    const statement = (party.running ?? party.held) as Statement;
    const { wire } = statement;
    this.trace.push({
      party: name,
      label: what === 'kill' ? `session ended before: ${labelOf(statement.text)}` : 'commit, whose answer is lost',
      text: '',
      waited: false,
    });
    if (what === 'lose') {
      wire.muted = true;
      wire.letGo(statement);
      while (statement.state === 'running') await this.event();
      wire.cut();
      return;
    }
    await this.terminate(wire);
  }

  /** Ends a session as an administrator or a crash would; the product hears what PostgreSQL says last. */
  private async terminate(wire: Wire): Promise<void> {
    await this.observer.query('select pg_terminate_backend($1)', [wire.pid]);
    while (wire.open) await this.event(); // its locks are gone before its end of the line is
  }

  private letGo(party: Party): void {
    const statement = party.held as Statement;
    party.waited = false;
    if (statement.text.startsWith('begin')) statement.wire.wrote = new Set();
    else for (const table of writtenBy(statement.text)) statement.wire.wrote.add(table);
    statement.wire.letGo(statement);
    const ran: Ran = {
      party: party.name,
      label: labelOf(statement.text),
      text: statement.text,
      waited: false,
      get failed() {
        return statement.failed;
      },
    };
    this.trace.push(ran);
    this.ranAs.set(statement, ran);
  }

  /** Resolves when each party has ended, holds a statement that waits to be let go, or is proven to wait for the other. */
  private async settle(options: Options): Promise<void> {
    let soon = true;
    for (;;) {
      for (const party of this.parties) {
        const statement = party.running ? undefined : party.held;
        if (statement && this.cannotMatter(statement, options)) this.letGo(party);
      }
      const open = this.parties.filter((party) => !party.done && !(party.held && !party.running));
      if (open.length === 0) return;
      const running = open.filter((party) => party.running);
      if (running.length < open.length || soon) {
        // Most statements are answered at once; who thinks between two statements says so when done.
        const heard = await this.event(running.length < open.length ? undefined : 1);
        soon = heard;
        continue;
      }
      const before = this.changes;
      const states = await Promise.all(running.map(async (party) => [party, party.running, await this.isBlocked(party)] as const));
      if (this.changes !== before || states.some(([, , blocked]) => !blocked)) {
        soon = true; // what was seen may be the past
        continue;
      }
      for (const [party, statement] of states) {
        party.waited = true;
        const ran = this.ranAs.get(statement as Statement);
        if (ran) ran.waited = true;
      }
      return;
    }
  }

  private cannotMatter(statement: Statement, options: Options): boolean {
    const { wire, text } = statement;
    if (wire.status === 'E') return text !== 'rollback'; // refused without being looked at
    return isOpening(text) || options.still(text);
  }

  private async isBlocked(party: Party): Promise<boolean> {
    const statement = party.running;
    const other = this.parties.find((one) => one !== party) as Party;
    if (!statement || other.pids.length === 0) return false;
    const { rows } = await this.observer.query('select pg_isolation_test_session_is_blocked($1, $2::int[]) as blocked', [statement.pid, other.pids]);
    return rows[0].blocked as boolean;
  }

  private changed(): void {
    this.changes++;
    this.wake();
  }

  /** Waits until something happens. @returns false when nothing did for `ms` */
  private event(ms?: number): Promise<boolean> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const done = (heard: boolean): void => {
        clearTimeout(timer);
        this.wake = () => undefined;
        resolve(heard);
      };
      this.wake = () => done(true);
      if (ms !== undefined) timer = setTimeout(() => done(false), ms);
    });
  }
}
