import { noTerms, type Terms } from '../../src/merchants/merchants.ts';
import type { DialPlan } from './dial.ts';
import type { Dice } from './dice.ts';
import type { Rates } from './faults.ts';
import type { Way } from './bank.ts';

/** Something that is away for a while. */
export interface Outage {
  at: number;
  ms: number;
}

/** What a seed is to be like. */
export interface Plan {
  merchants: number;
  payouts: number;
  /** for how long merchants ask for payouts, in milliseconds */
  span: number;
  groupSize: number;
  workers: number;
  skewMs: number;
  rates: Rates;
  dial: DialPlan;
  bankOutages: (Outage & { way: Way })[];
  bankRestarts: number[];
  databaseRestarts: Outage[];
  /** a process stands still, its leases running out */
  freezes: Outage[];
  /** a process is stopped in good order, and another takes its place */
  deployments: number[];
  /** some endpoints never come back */
  deadEndpoints: boolean;
}

const hour = 3_600_000;

export function drawPlan(dice: Dice): Plan {
  const span = Math.round(dice.spread(5_000, 2 * hour));
  const retentionSeconds = dice.weighed([
    [4, 3600],
    [3, 1200],
    [1, 24 * 3600],
  ]);
  const deadEndpoints = dice.chance(0.12);
  const outage = (longest: number): Outage => ({ at: dice.int(0, span), ms: Math.round(dice.spread(500, longest)) });
  const several = (most: number) => Array.from({ length: dice.int(0, most) });
  // Each class of faults is absent from some seeds and heavy in others: what a rare one does must not drown in a common one.
  const mood = () =>
    dice.weighed([
      [1, 0],
      [2, 0.3],
      [4, 1],
      [2, 3],
    ]);
  return {
    ...{ merchants: dice.int(1, 3), payouts: deadEndpoints ? dice.int(30, 50) : dice.int(90, 150), span, workers: dice.int(1, 2), deadEndpoints },
    groupSize: dice.weighed([
      [1, 1],
      [2, 4],
      [5, 256],
    ]),
    skewMs: dice.weighed([
      [2, 0],
      [2, 300],
      [1, 3_000],
    ]),
    rates: {
      ...{
        crash: 0.0015 * mood(),
        connect: 0.001 * mood(),
        statementLost: 0.0006 * mood(),
        deadlock: 0.0015 * mood(),
        lockTimeout: 0.0006 * mood(),
      },
      ...{ commitUnknown: 0.012 * mood(), http: 0.05 * mood(), bank: 0.02 * mood(), callback: 0.1 * mood(), webhook: 0.04 * mood() },
    },
    dial: {
      retentionSeconds,
      maxInFlightSeconds: dice.pick([30, 60]),
      stuck: !deadEndpoints && retentionSeconds < 24 * 3600,
      plain: dice.pick([0.1, 0.3, 0.6]),
    },
    bankOutages: several(3).map(() => ({
      ...outage(dice.chance(0.2) ? retentionSeconds * 1500 : 600_000),
      way: dice.pick(['refused', 'silent', 'reset'] as const),
    })),
    bankRestarts: several(2).map(() => dice.int(0, span)),
    databaseRestarts: several(2).map(() => outage(20_000)),
    freezes: several(6).map(() => outage(180_000)),
    deployments: several(2).map(() => dice.int(0, span)),
  };
}

/** What a merchant may do, and what it costs: limits that are reached, fees of both kinds, currencies of no, two and three decimals. */
export function drawTerms(dice: Dice): Terms[] {
  const limit = (chance: number, least: number, most: number) => (dice.chance(chance) ? BigInt(Math.round(dice.spread(least, most))) : null);
  const currencies = ['KZT', ...dice.shuffled(['EUR', 'JPY', 'KWD', 'USD']).slice(0, dice.int(0, 2))];
  return currencies.map((currency) => ({
    ...noTerms(currency),
    minAmount: dice.chance(0.3) ? 100n : 1n,
    maxAmount: limit(0.3, 500_000, 50_000_000),
    dailyLimit: limit(0.4, 1_000_000, 100_000_000),
    cardDailyLimit: limit(0.3, 500_000, 50_000_000),
    feeFixed: dice.chance(0.4) ? BigInt(dice.int(1, 5_000)) : 0n,
    feeBasisPoints: dice.chance(0.4) ? dice.int(1, 500) : 0,
  }));
}
