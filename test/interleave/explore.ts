/** explore.ts: all schedules of a pair, one after the other, each judged by the rules of the books and by the pair itself. */
import assert, { AssertionError } from 'node:assert/strict';
import { seededRandom } from './seed.ts';
import { type Choice, remembered, type Options, type Point, type Result, writtenBy } from './schedule.ts';
import type { Founder, Line, Scene, Side, World } from './world.ts';

export interface Pair<T extends Record<string, string> = Record<string, string>> {
  name: string;
  /** What the merchant of every schedule begins with. */
  found?(founder: Founder): Promise<T>;
  /** Before the two begin, with nobody's statements held back. */
  begin?(scene: Scene<T>): Promise<void> | void;
  a(side: Side, scene: Scene<T>): Promise<unknown>;
  b(side: Side, scene: Scene<T>): Promise<unknown>;
  /** Between any two statements. */
  between?(scene: Scene<T>): Promise<void>;
  /**
   * @throws {AssertionError} when the two did what they must not
   * @param crashed one of the two was interrupted, and tried again as its client, or the next worker, would
   */
  judge(scene: Scene<T>, a: Result<any>, b: Result<any>, seen: Seen): Promise<void> | void;
  /** Tables that neither writes: reading them commutes with everything. */
  still?: string[];
  /** What is tried again after an interruption, where it is not the script itself. */
  again?: (side: Side, scene: Scene<T>, name: 'A' | 'B') => Promise<unknown>;
  /** a and b are one script: schedules that differ by their names alone are one. */
  alike?: boolean;
}

export interface Seen {
  crashed: boolean;
  /** the statements that ran, in order */
  ran: { party: 'A' | 'B'; text: string; failed?: string | undefined }[];
}

export interface Violation {
  pair: string;
  schedule: string;
  why: string;
}

export interface Report {
  pair: string;
  /** that were played to their end and judged, without a crash */
  schedules: number;
  /** every merge of the statements; every one but for the order of statements that have nothing to do with each other; or a sample */
  kind: 'all' | 'classes' | 'sample';
  /** with a session that was ended at some point */
  crashes: number;
  violations: Violation[];
  /** of schedules: the fewest and the most points of decision */
  points: [number, number];
  waits: number;
  ms: number;
}

export interface Limits {
  /** every merge is played where there are no more than so many */
  all: number;
  /** one of each class is played where there are no more than so many */
  classes: number;
  /** schedules with a crash that are drawn by chance, beside the systematic ones; negative: no crashes at all */
  crashes: number;
  /** false: only those */
  systematic?: boolean;
  seed: number;
}

const STILL = ['merchant', 'card_token', 'terms', 'key_owner', 'merchant_code', 'organisation', 'store', 'terminal', 'customer'];

/** Whether a statement reads nothing but what nobody writes meanwhile. */
function readsOnly(text: string, still: readonly string[]): boolean {
  if (!/^\s*select\b/.test(text) || /\bfor\s+(no key )?(update|key share|share)\b/.test(text)) return false;
  const tables = [...text.matchAll(/\b(?:from|join)\s+([a-z_.]+)/g)].map(([, table]) => table as string);
  return tables.length > 0 && tables.every((table) => still.includes(table));
}

export async function explore<T extends Record<string, string>>(world: World, pair: Pair<T>, limits: Limits): Promise<Report> {
  const from = performance.now();
  const report: Report = { pair: pair.name, schedules: 0, crashes: 0, kind: 'all', violations: [], points: [Infinity, 0], waits: 0, ms: 0 };
  const player = new Player(await world.found<T>(pair.found ?? (async () => ({}) as T)), pair, report);
  await plain(player, limits, report);
  if (limits.crashes >= 0) await crashing(player, limits, report);
  await player.audit();
  report.ms = Math.round(performance.now() - from);
  return report;
}

/** Every merge of the two sequences where they are few; one of each class where they are more; else as chance has it. */
async function plain<T extends Record<string, string>>(player: Player<T>, limits: Limits, report: Report): Promise<void> {
  if (limits.all > 0 && (await all(player, {}, limits.all, () => report.schedules++))) return;
  report.kind = 'classes';
  report.schedules = 0;
  const commuting = await player.line.world.references();
  if (await all(player, { commuting }, limits.classes, () => (report.schedules += player.redundant ? 0 : 1))) return;
  report.kind = 'sample';
  const random = seededRandom(limits.seed);
  for (let n = 0; n < limits.classes; n++, report.schedules++) await player.play([], {}, (choices) => Math.floor(random() * choices.length));
}

/** A session that ends at each point, first where nobody had to wait for his turn before, then anywhere, as chance has it. */
async function crashing<T extends Record<string, string>>(player: Player<T>, limits: Limits, report: Report): Promise<void> {
  const isCrash = ({ choices, taken }: Point): boolean => !(choices[taken] as Choice).startsWith('run');
  const count = (points: Point[]): void => void (report.crashes += points.some(isCrash) ? 1 : 0);
  if (limits.systematic !== false) await all(player, { crashes: true, switches: 0 }, Infinity, count);
  const random = seededRandom(limits.seed);
  for (let n = 0; n < limits.crashes; n++) {
    const calm = Math.floor(random() * 24); // as many decisions before there may be a crash
    let made = 0;
    count(
      await player.play([], { crashes: true }, (choices) => {
        const runs = choices.filter((choice) => choice.startsWith('run')).length;
        return made++ < calm && runs > 0 ? Math.floor(random() * runs) : Math.floor(random() * choices.length);
      }),
    );
  }
}

/** Depth first, from the start each time. @returns whether it was all of them */
async function all<T extends Record<string, string>>(
  player: Player<T>,
  options: Partial<Options>,
  most: number,
  count: (points: Point[]) => void,
): Promise<boolean> {
  let prefix: number[] | undefined = [];
  let before: Point[] = [];
  for (let n = 0; prefix; n++) {
    if (n >= most) return false;
    const points: Point[] = await player.play(prefix, options);
    const changed = prefix.slice(0, -1).findIndex((_, i) => points[i]?.choices.join() !== before[i]?.choices.join());
    if (changed >= 0) throw new Error(`${player.pair.name}: what was played before went otherwise, at point ${changed} of ${prefix.join('')}`);
    before = points;
    count(points);
    prefix = next(points, player.pair.alike === true);
  }
  return true;
}

/** The next schedule in the tree. */
function next(points: Point[], alike: boolean): number[] | undefined {
  for (let i = points.length - 1; i >= 0; i--) {
    const { choices, taken } = points[i] as Point;
    const mirrored = alike && i === 0 ? choices.map((choice) => choice.endsWith('B')) : []; // who begins is only a name
    const other = choices.findIndex((_, at) => at > taken && !mirrored[at]);
    if (other >= 0) return [...points.slice(0, i).map((point) => point.taken), other];
  }
  return undefined;
}

/** Schedules whose merchants are audited together: no later one touches them. */
const AT_ONCE = 64;

class Player<T extends Record<string, string>> {
  readonly pair: Pair<T>;
  readonly line: Line<T>;
  /** The last schedule was one that had been played in another order. */
  redundant = false;
  private readonly report: Report;
  /** merchants of schedules, with how these went */
  private readonly unaudited = new Map<string, string>();

  constructor(line: Line<T>, pair: Pair<T>, report: Report) {
    this.line = line;
    this.pair = pair;
    this.report = report;
  }

  async play(prefix: number[], options: Partial<Options>, beyond?: (choices: Choice[]) => number): Promise<Point[]> {
    const { line, pair, report } = this;
    const { world } = line;
    const scene = await line.scene();
    await pair.begin?.(scene);
    const [first, second] = world.sides;
    const still = pair.still ?? STILL;
    const between = pair.between && (() => (pair.between as NonNullable<typeof pair.between>)(scene));
    const points = await world.stage.play(
      [() => pair.a(first, scene), () => pair.b(second, scene)],
      prefix,
      { ...options, still: remembered((text) => readsOnly(text, still)), ...(between ? { between } : {}) },
      beyond,
    );
    this.redundant = world.stage.redundant;
    const ran = [...world.stage.trace];
    const told = world.stage.told();
    const crash = points.find(({ choices, taken }) => !(choices[taken] as Choice).startsWith('run'));
    const written = new Set(ran.flatMap(({ text }) => writtenBy(text)));
    assert.deepEqual(
      still.filter((table) => written.has(table)),
      [],
      `${pair.name}: these tables are not still`,
    );
    const why = await this.judge(scene, crash ? ((crash.choices[crash.taken] as Choice).slice(-1) as 'A' | 'B') : undefined, ran);
    if (why) report.violations.push({ pair: pair.name, schedule: told, why });
    this.unaudited.set(scene.merchantId, told);
    if (this.unaudited.size >= AT_ONCE) await this.audit();
    report.points = [Math.min(report.points[0], points.length), Math.max(report.points[1], points.length)];
    report.waits += ran.filter(({ waited }) => waited).length;
    return points;
  }

  /** The rules of the books, of the merchants of the last schedules together; where one is broken, of each. */
  async audit(): Promise<void> {
    const {
      line: { world },
      pair,
      report,
    } = this;
    const schedules = [...this.unaudited];
    this.unaudited.clear();
    if (schedules.length === 0 || (await world.broken(schedules.map(([id]) => id))).length === 0) return;
    for (const [id, schedule] of schedules) {
      const broken = await world.broken([id]);
      if (broken.length > 0) report.violations.push({ pair: pair.name, schedule, why: broken.join(', ') });
    }
  }

  /** @returns what was wrong */
  private async judge(scene: Scene<T>, crashed: 'A' | 'B' | undefined, ran: Seen['ran']): Promise<string | undefined> {
    const {
      line: { world },
      pair,
    } = this;
    const results = world.stage.parties.map(({ result }) => result) as [Result, Result];
    try {
      if (crashed) {
        const value = await (pair.again ? pair.again(scene.free, scene, crashed) : pair[crashed === 'A' ? 'a' : 'b'](scene.free, scene));
        results[crashed === 'A' ? 0 : 1] = { ok: true, value };
      }
      await pair.judge(scene, results[0], results[1], { crashed: crashed !== undefined, ran });
      return undefined;
    } catch (error) {
      return error instanceof AssertionError ? error.message : ((error as Error).stack ?? String(error));
    }
  }
}
