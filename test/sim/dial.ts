import type { TransferRequest } from '../../src/sandbox/request.ts';
import { scenarios } from '../../src/sandbox/scenarios.ts';
import type { CallbackPlan, Line, Scenario, Script } from '../../src/sandbox/script.ts';
import type { Dice } from './dice.ts';

const named = scenarios.filter(({ id }) => !/^(card|amount)-/.test(id));
const executed = named.find(({ id }) => id === 'executed') as Scenario;
const isStuck = ({ outcome }: Scenario): boolean => outcome === 'pending';
const takesRetention = ({ outcome }: Scenario): boolean => outcome === 'nothing';

export interface DialPlan {
  retentionSeconds: number;
  maxInFlightSeconds: number;
  /** transfers may stay pending for ever */
  stuck: boolean;
  /** how many transfers are simply executed */
  plain: number;
}

/** Every name that a scenario of this dial can have. */
export const scenarioNames = (): string[] => [...named.map(({ id }) => id), ...DECLINES.map((code) => `declined-${code}`), ...COMPOSED];

const DECLINES = ['05', '14', '41', '51', '54', '61', '91', '96'];
const COMPOSED = ['composed-at-once', 'composed-pending', 'composed-returned', 'composed-declined-later'];

/** The dial of the bank: for each transfer a scenario by the seed, of the sandbox's table or composed of what a bank may do. */
export class Dial {
  private readonly plan: DialPlan;
  private readonly dice: Dice;
  /** by reference */
  readonly given = new Map<string, Scenario>();
  /** the table as this seed shuffles it: gone through again and again, so that none is left out for long */
  private readonly order: Scenario[];
  private drawn = 0;

  constructor(plan: DialPlan, dice: Dice) {
    this.plan = plan;
    this.dice = dice;
    this.order = dice.shuffled(named);
  }

  /** The same for the same reference, however often it is sent. */
  readonly turn = ({ ref }: TransferRequest): Scenario => {
    let scenario = this.given.get(ref);
    if (!scenario) this.given.set(ref, (scenario = this.draw()));
    return scenario;
  };

  private draw(): Scenario {
    const { dice, plan } = this;
    if (dice.chance(plan.plain)) return executed;
    return dice.weighed<() => Scenario>([
      [8, () => this.fromTable()],
      [2, () => this.declined(dice.pick(DECLINES))],
      [1, () => this.composed('composed-at-once')],
      [2, () => this.composed('composed-pending')],
      [1, () => this.composed('composed-returned')],
      [1, () => this.composed('composed-declined-later')],
    ])();
  }

  private fromTable(): Scenario {
    const scenario = this.order[this.drawn++ % this.order.length] as Scenario;
    if (isStuck(scenario) && (!this.plan.stuck || this.dice.chance(0.6))) return executed;
    if (takesRetention(scenario) && this.plan.retentionSeconds > 7200 && this.dice.chance(0.9)) return executed;
    return scenario;
  }

  private declined(code: string): Scenario {
    return { id: `declined-${code}`, does: 'declined at once', outcome: 'declined', code, script: { steps: [{ afterMs: 0, to: 'declined', code }] } };
  }

  private composed(id: string): Scenario {
    const { dice } = this;
    const longest = this.plan.retentionSeconds * 900;
    const later = () => Math.round(dice.spread(200, longest / 2));
    const bad: Pick<Script, 'answers' | 'inquiries' | 'turnsAway' | 'hiddenMs' | 'staleMs'> = {
      ...(dice.chance(0.5) ? { answers: { line: this.badLine(), times: dice.int(1, 3) } } : {}),
      ...(dice.chance(0.3) ? { inquiries: { line: this.badLine(), times: dice.int(1, 4) } } : {}),
      ...(dice.chance(0.3) ? { turnsAway: { line: this.badLine(), times: dice.int(1, 3) } } : {}),
      ...(dice.chance(0.3) ? { hiddenMs: Math.round(dice.spread(100, this.plan.maxInFlightSeconds * 950)) } : {}),
      ...(dice.chance(0.3) ? { staleMs: Math.round(dice.spread(100, 120_000)) } : {}),
    };
    if (id === 'composed-at-once')
      return {
        id,
        does: 'executed at once',
        outcome: 'executed',
        script: { steps: [{ afterMs: 0, to: 'executed' }], ...bad, callbacks: this.callbacks(0, 'executed', longest) },
      };
    if (id === 'composed-returned') {
      const [first, second] = [later(), later()];
      return {
        id,
        does: 'executed, and returned',
        outcome: 'returned',
        script: {
          steps: [
            { afterMs: first, to: 'executed' },
            { afterMs: first + second, to: 'returned' },
          ],
          ...bad,
          callbacks: [...this.callbacks(first, 'executed', longest), { afterMs: first + second, says: 'returned' }],
        },
      };
    }
    const at = later();
    if (id === 'composed-pending')
      return {
        id,
        does: 'pending, then executed',
        outcome: 'executed',
        script: { steps: [{ afterMs: at, to: 'executed' }], ...bad, callbacks: this.callbacks(at, 'executed', longest) },
      };
    const code = dice.pick(DECLINES);
    return {
      id,
      does: 'pending, then declined',
      outcome: 'declined',
      code,
      script: { steps: [{ afterMs: at, to: 'declined', code }], ...bad, callbacks: this.callbacks(at, 'declined', longest) },
    };
  }

  /** Missing, once, often, with one id or many, soon or late. */
  private callbacks(at: number, says: 'executed' | 'declined', longest: number): CallbackPlan[] {
    const { dice } = this;
    if (dice.chance(0.3)) return [];
    const late = dice.chance(0.5) ? 0 : dice.spread(100, longest / 3);
    return [
      {
        afterMs: Math.round(at + late),
        says,
        copies: dice.weighed([
          [5, 1],
          [2, 2],
          [1, dice.int(3, 50)],
        ]),
        ...(dice.chance(0.5) ? { ownIds: true as const } : {}),
      },
    ];
  }

  private badLine(): Line {
    const { dice } = this;
    return dice.weighed<Line>([
      [3, { way: 'silent' }],
      [2, { way: 'dropped' }],
      [2, { way: 'cut' }],
      [1, { way: 'dripped' }],
      [1, { way: 'html' }],
      [3, { way: 'status', status: dice.pick([429, 500, 503] as const) }],
      [2, { way: 'whole', delayMs: dice.int(10, 8_000) }],
    ]);
  }
}
