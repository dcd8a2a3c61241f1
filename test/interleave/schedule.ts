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
  failed?: string;
}

/** Nothing but begins: no snapshot is taken and nothing is seen, so it does not matter when. */
const isOpening = (text: string): boolean => /^begin( read only)?(; set local (tolem\.merchant = '[0-9a-f-]+'|role \w+))?$/.test(text);
const isCommit = (text: string): boolean => text === 'commit';

/** The head of a statement, for people. */
export function labelOf(text: string): string {
  const flat = text.replaceAll(/\s+/g, ' ').trim();
  const [, verb = '', table = ''] = /^(?:with .*?\b)?(insert into|update|delete from|select)(?: .*?\bfrom| )? ?([a-z_.]+)?/.exec(flat) ?? [];
  const suffix = /\bfor (update|share|no key update)\b(?:.* (skip locked))?/.exec(flat);
  return verb ? `${verb} ${table}${suffix ? ` for ${suffix[1]}${suffix[2] ? ` ${suffix[2]}` : ''}` : ''}` : flat.slice(0, 40);
}

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
  /** How often a party that could go on may be made to wait for the other; unset: as often as there are ways to. */
  switches?: number | undefined;
}

/** A point where something was decided. */
export interface Point {
  choices: Choice[];
  taken: number;
}

/** How a schedule has gone so far. */
interface Turn {
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
  private readonly observer: pg.Client;
  private wake: () => void = () => undefined;

  private constructor(observer: pg.Client) {
    this.observer = observer;
  }

  /** @param owner URL of a superuser of the database; @param app of the product's role */
  static async open(owner: string, app: string): Promise<Stage> {
    const observer = new pg.Client({ connectionString: owner, application_name: 'interleave observer' });
    await observer.connect();
    const stage = new Stage(observer);
    for (const party of stage.parties) party.gate = await Gate.open(app, { changed: () => stage.wake() });
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
  async play(scripts: [() => Promise<unknown>, () => Promise<unknown>], prefix: number[], options: Options, beyond: (choices: Choice[]) => number = () => 0): Promise<Point[]> {
    this.trace.length = 0;
    const points: Point[] = [];
    const turn: Turn = { last: undefined, switches: 0, crashed: undefined };
    this.parties.forEach((party, i) => this.start(party, scripts[i as 0 | 1]));
    for (;;) {
      await this.settle(options);
      await options.between?.();
      const choices = this.choices(options, turn);
      if (choices.length === 0) {
        if (this.parties.every(({ done }) => done)) return points;
        await this.event(); // both wait, each for the other: PostgreSQL finds out, and ends one
        continue;
      }
      const taken = choices.length === 1 ? 0 : (prefix[points.length] ?? beyond(choices));
      const choice = choices[taken];
      if (!choice) throw new Error(`the schedule ${prefix.join(' ')} cannot be played again: ${choices.length} choices at point ${points.length}`);
      if (choices.length > 1) points.push({ choices, taken });
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
      this.wake();
    };
    void script().then(
      (value) => end({ ok: true, value }),
      (error: unknown) => end({ ok: false, error }),
    );
  }

  private choices({ crashes, switches = Infinity }: Options, turn: Turn): Choice[] {
    const able = this.parties.filter((party) => !party.done && party.held && !party.running).map(({ name }) => name);
    if (turn.crashed) return able.toSorted((a) => (a === turn.crashed ? 1 : -1)).slice(0, 1).map((name): Choice => `run ${name}`);
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

  private async act(choice: Choice): Promise<void> {
    const [what, name] = choice.split(' ') as [string, Name];
    const party = this.parties[name === 'A' ? 0 : 1];
    if (what === 'run') return this.letGo(party);
    const statement = (party.running ?? party.held) as Statement;
    const { wire } = statement;
    this.trace.push({ party: name, label: what === 'kill' ? `session ended before: ${labelOf(statement.text)}` : 'commit, whose answer is lost', text: '', waited: false });
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
    await this.observer.query('select pg_terminate_backend($1, 10000)', [wire.pid]);
    while (wire.open) await this.event();
  }

  private letGo(party: Party): void {
    const statement = party.held as Statement;
    party.waited = false;
    statement.wire.letGo(statement);
    this.trace.push({ party: party.name, label: labelOf(statement.text), text: statement.text, waited: false });
    this.told_.set(statement, this.trace.at(-1) as Ran);
  }
  private readonly told_ = new WeakMap<Statement, Ran>();

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
      const states = await Promise.all(running.map(async (party) => [party, party.running, await this.isBlocked(party)] as const));
      const waiting = states.filter(([party, statement, blocked]) => blocked && party.running === statement);
      for (const [party, statement] of waiting) {
        party.waited = true;
        const ran = this.told_.get(statement as Statement);
        if (ran) ran.waited = true;
      }
      if (waiting.length === this.parties.filter((party) => !party.done && !(party.held && !party.running)).length) return;
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
