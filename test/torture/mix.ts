/** mix.ts: what is asked for: cards, amounts and currencies in their proportions. */
import { scenarios } from '../../src/sandbox/scenarios.ts';
import type { Dice } from './dice.ts';

/** Which of the bank's scenarios a payout meets, by weight: those that are over within seconds. */
const weights = {
  ...{ executed: 40, 'pending-executed': 8, 'pending-declined': 6, 'callback-never': 3 },
  ...{ 'timeout-before': 2, 'timeout-after': 2, 'timeout-always-after': 1, 'error-before': 3, 'error-after': 3, 'late-execution': 2, 'not-found-yet': 3 },
  ...{ 'cut-before': 2, 'cut-after': 2, 'dropped-before': 3, 'dropped-after': 3, slow: 1, dripped: 1, 'html-before': 2, 'html-after': 2, huge: 1 },
  ...{ 'rate-limited': 2, maintenance: 2, 'callback-too': 3, 'callback-twice': 3, 'callback-many': 1, 'callback-late': 2, 'callback-first': 2 },
  ...{ 'callback-denies': 1, 'callback-claims': 1, 'callback-forged': 2, 'callback-stranger': 1, returned: 2, 'callbacks-reordered': 1 },
  ...{ 'inquiry-stale': 2, 'inquiry-error': 2, 'card-0002': 4, 'card-9995': 2, 'card-0119': 4 },
} as const;

/** Never over: what the operator is shown as unknown. A run asks for one of each. */
export const endless = ['timeout-always-before', 'error-always'] as const;
/** The bank tells a lie in a callback. Whoever hears it before the truth may believe it. */
export const liars: readonly string[] = ['callback-denies', 'callback-claims'];

/** The cards that are saved for each merchant, by scenario. */
export const pans: ReadonlyMap<string, string> = new Map(
  [...Object.keys(weights), ...endless].map((id) => {
    const card = scenarios.find((scenario) => scenario.id === id)?.card;
    if (!card) throw new Error(`the bank has no card for the scenario ${id}`);
    return [id, card];
  }),
);

export const wantedScenarios: readonly string[] = Object.keys(weights);

/** Amounts that decide by themselves what the bank says, whatever the card: 20RR0. */
const speaking = [200_00, 205_00, 205_10, 209_10, 209_60, 203_00];
const speaks = (minor: number): boolean => /^20\d\d0(?:00)?$/.test(String(minor));

export interface Wish {
  scenario: string;
  currency: 'KZT' | 'USD' | 'JPY';
  minor: number;
}

export function wishOf(dice: Dice, most: number): Wish {
  if (dice.chance(0.04)) return { scenario: 'executed', currency: 'KZT', minor: dice.pick(speaking) };
  const currency = dice.weighted({ KZT: 84, USD: 10, JPY: 6 });
  let minor = dice.between(1, most);
  if (speaks(minor)) minor++;
  return { scenario: dice.weighted(weights), currency, minor };
}

/** Minor units as the JSON number of major units that the API takes: no arithmetic, so nothing is rounded. */
export function major(minor: number | bigint, currency: string): string {
  if (currency === 'JPY') return String(minor);
  const digits = String(minor).padStart(3, '0');
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
