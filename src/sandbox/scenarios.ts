/**
 * Every scenario of the sandbox bank, in one table: documents, the command line and the tests are made from it. Cards
 * 4000 0012 3456 NNNc are the bank's own (NNN the number of the scenario, c the check digit), any expiry; each has an account
 * too, KZcc 999 TOLEM 00000NNN, and so has each code that a card is declined with, KZcc 999 TOLEM 000010RR. In the words of the table a POST is *taken* when the bank puts the transfer in its books.
 */
import { kazakhIban, passesLuhn } from './card.ts';
import { badNumberCode, codeInAmount, messageOf, responseCodes } from './codes.ts';
import type { TransferRequest } from './request.ts';
import { declinesAtOnce, executesAtOnce, type CallbackPlan, type Scenario, type Script } from './script.ts';

const now = executesAtOnce.steps;
const executedAfter = (afterMs: number): Script['steps'] => [{ afterMs, to: 'executed' }];
const once = (line: NonNullable<Script['answers']>['line']) => ({ line, times: 1 });
const callback = (afterMs: number, says: CallbackPlan['says'], more: Partial<CallbackPlan> = {}): CallbackPlan => ({ afterMs, says, ...more });

/** The card numbers that are scenarios of their own, and the script of each. */
const own: readonly Scenario[] = [
  { id: 'executed', card: '4000001234560019', does: 'executed at once', outcome: 'executed', script: executesAtOnce },

  {
    id: 'pending-executed',
    card: '4000001234560100',
    does: '202; executed after 1.5 s, with a callback',
    outcome: 'executed',
    script: { steps: executedAfter(1500), callbacks: [callback(1500, 'executed')] },
  },
  {
    id: 'pending-declined',
    card: '4000001234560118',
    does: '202; declined after 1.5 s, with a callback',
    outcome: 'declined',
    code: '51',
    script: { steps: [{ afterMs: 1500, to: 'declined', code: '51' }], callbacks: [callback(1500, 'declined')] },
  },
  { id: 'pending-stuck', card: '4000001234560126', does: '202; pending until it is cancelled', outcome: 'pending', script: { steps: [] } },
  {
    id: 'callback-never',
    card: '4000001234560779',
    does: '202; executed after 1.5 s, and nobody is told: only an inquiry shows it',
    outcome: 'executed',
    script: { steps: executedAfter(1500) },
  },

  {
    id: 'timeout-before',
    card: '4000001234560209',
    does: 'the first POST is never answered and not taken; the next is executed',
    outcome: 'executed',
    script: { turnsAway: once({ way: 'silent' }), steps: now },
  },
  {
    id: 'timeout-after',
    card: '4000001234560217',
    does: 'executed, but the first POST is never answered',
    outcome: 'executed',
    script: { steps: now, answers: once({ way: 'silent' }) },
  },
  {
    id: 'timeout-always-before',
    card: '4000001234560225',
    does: 'no POST is ever answered, and none taken',
    outcome: 'nothing',
    script: { turnsAway: { line: { way: 'silent' } }, steps: [] },
  },
  {
    id: 'timeout-always-after',
    card: '4000001234560233',
    does: 'executed, but no POST is ever answered: only an inquiry shows it',
    outcome: 'executed',
    script: { steps: now, answers: { line: { way: 'silent' } } },
  },

  {
    id: 'error-before',
    card: '4000001234560308',
    does: 'the first POST is answered 500 and not taken; the next is executed',
    outcome: 'executed',
    script: { turnsAway: once({ way: 'status', status: 500 }), steps: now },
  },
  {
    id: 'error-after',
    card: '4000001234560316',
    does: 'executed, but the first POST is answered 500',
    outcome: 'executed',
    script: { steps: now, answers: once({ way: 'status', status: 500 }) },
  },
  {
    id: 'late-execution',
    card: '4000001234560324',
    does: '500 although taken; inquiries answer 404 until it is executed after 3 s',
    outcome: 'executed',
    script: { steps: executedAfter(3000), hiddenMs: 3000, answers: once({ way: 'status', status: 500 }) },
  },
  {
    id: 'not-found-yet',
    card: '4000001234560332',
    does: 'executed, the answer lost; inquiries answer 404 for 2 s',
    outcome: 'executed',
    script: { steps: now, hiddenMs: 2000, answers: once({ way: 'dropped' }) },
  },
  {
    id: 'error-always',
    card: '4000001234560340',
    does: 'every POST is answered 500, and none taken',
    outcome: 'nothing',
    script: { turnsAway: { line: { way: 'status', status: 500 } }, steps: [] },
  },

  {
    id: 'cut-before',
    card: '4000001234560407',
    does: 'the first POST gets half an answer and is not taken; the next is executed',
    outcome: 'executed',
    script: { turnsAway: once({ way: 'cut' }), steps: now },
  },
  {
    id: 'cut-after',
    card: '4000001234560415',
    does: 'executed, but the first answer breaks off half-way',
    outcome: 'executed',
    script: { steps: now, answers: once({ way: 'cut' }) },
  },
  {
    id: 'dropped-before',
    card: '4000001234560423',
    does: 'the first connection is destroyed, the POST not taken; the next is executed',
    outcome: 'executed',
    script: { turnsAway: once({ way: 'dropped' }), steps: now },
  },
  {
    id: 'dropped-after',
    card: '4000001234560431',
    does: 'executed, then the first connection is destroyed without an answer',
    outcome: 'executed',
    script: { steps: now, answers: once({ way: 'dropped' }) },
  },

  {
    id: 'slow',
    card: '4000001234560506',
    does: 'executed; the answer comes after 3 s',
    outcome: 'executed',
    script: { steps: now, answers: { line: { way: 'whole', delayMs: 3000 } } },
  },
  {
    id: 'dripped',
    card: '4000001234560514',
    does: 'executed; the first answer comes at a byte a second',
    outcome: 'executed',
    script: { steps: now, answers: once({ way: 'dripped' }) },
  },
  {
    id: 'html-before',
    card: '4000001234560522',
    does: 'the first POST is answered 200 with HTML and not taken; the next is executed',
    outcome: 'executed',
    script: { turnsAway: once({ way: 'html' }), steps: now },
  },
  {
    id: 'html-after',
    card: '4000001234560530',
    does: 'executed; the first answer is 200 with HTML',
    outcome: 'executed',
    script: { steps: now, answers: once({ way: 'html' }) },
  },
  {
    id: 'huge',
    card: '4000001234560548',
    does: 'executed; the first answer has 10 MB',
    outcome: 'executed',
    script: { steps: now, answers: once({ way: 'huge' }) },
  },

  {
    id: 'rate-limited',
    card: '4000001234560605',
    does: 'the first two POSTs are answered 429 and not taken; the next is executed',
    outcome: 'executed',
    script: { turnsAway: { line: { way: 'status', status: 429 }, times: 2 }, steps: now },
  },
  {
    id: 'maintenance',
    card: '4000001234560613',
    does: 'the first two POSTs are answered 503 and not taken; the next is executed',
    outcome: 'executed',
    script: { turnsAway: { line: { way: 'status', status: 503 }, times: 2 }, steps: now },
  },

  {
    id: 'callback-too',
    card: '4000001234560704',
    does: 'executed at once, with a callback beside the answer',
    outcome: 'executed',
    script: { steps: now, callbacks: [callback(0, 'executed')] },
  },
  {
    id: 'callback-twice',
    card: '4000001234560712',
    does: '202; executed after 1 s; the same callback twice',
    outcome: 'executed',
    script: { steps: executedAfter(1000), callbacks: [callback(1000, 'executed', { copies: 2 })] },
  },
  {
    id: 'callback-many',
    card: '4000001234560720',
    does: '202; executed after 1 s; 20 callbacks, each with an id of its own',
    outcome: 'executed',
    script: { steps: executedAfter(1000), callbacks: [callback(1000, 'executed', { copies: 20, ownIds: true })] },
  },
  {
    id: 'callback-late',
    card: '4000001234560738',
    does: '202; executed after 1 s; the callback comes after 5 s',
    outcome: 'executed',
    script: { steps: executedAfter(1000), callbacks: [callback(5000, 'executed')] },
  },
  {
    id: 'callback-first',
    card: '4000001234560746',
    does: 'executed; the callback comes before the answer',
    outcome: 'executed',
    script: { steps: now, callbacks: [callback(0, 'executed')], answers: once({ way: 'whole', afterCallback: true }) },
  },
  {
    id: 'callback-denies',
    card: '4000001234560753',
    does: 'executed and answered so; a callback after 1 s says declined, which is not so',
    outcome: 'executed',
    script: { steps: now, callbacks: [callback(1000, 'declined', { lie: true })] },
  },
  {
    id: 'callback-claims',
    card: '4000001234560761',
    does: 'declined (05) and answered so; a callback after 1 s says executed, which is not so',
    outcome: 'declined',
    code: '05',
    script: { steps: [{ afterMs: 0, to: 'declined', code: '05' }], callbacks: [callback(1000, 'executed', { lie: true })] },
  },
  {
    id: 'callback-forged',
    card: '4000001234560787',
    does: '202; pending; a callback after 1 s says declined with a wrong signature; executed after 2 s, with a callback',
    outcome: 'executed',
    script: { steps: executedAfter(2000), callbacks: [callback(1000, 'declined', { lie: true, forged: true }), callback(2000, 'executed')] },
  },
  {
    id: 'callback-stranger',
    card: '4000001234560795',
    does: 'executed at once; a callback about a ref that nobody sent',
    outcome: 'executed',
    script: { steps: now, callbacks: [callback(0, 'executed', { lie: true, stranger: true })] },
  },

  {
    id: 'returned',
    card: '4000001234560803',
    does: 'executed at once; returned after 5 s, with a callback',
    outcome: 'returned',
    script: { steps: [...now, { afterMs: 5000, to: 'returned' }], callbacks: [callback(5000, 'returned')] },
  },
  {
    id: 'returned-quietly',
    card: '4000001234560811',
    does: 'executed at once; returned after 5 s: only an inquiry shows it',
    outcome: 'returned',
    script: { steps: [...now, { afterMs: 5000, to: 'returned' }] },
  },
  {
    id: 'callbacks-reordered',
    card: '4000001234560829',
    does: '202; executed after 1 s, returned after 2 s; the callback of the return comes first',
    outcome: 'returned',
    script: {
      steps: [
        { afterMs: 1000, to: 'executed' },
        { afterMs: 2000, to: 'returned' },
      ],
      callbacks: [callback(2000, 'returned'), callback(3000, 'executed')],
    },
  },

  {
    id: 'inquiry-stale',
    card: '4000001234560902',
    does: 'executed, the answer lost; inquiries answer pending for 2 s',
    outcome: 'executed',
    script: { steps: now, staleMs: 2000, answers: once({ way: 'dropped' }) },
  },
  {
    id: 'inquiry-error',
    card: '4000001234560910',
    does: 'executed, the answer lost; the first two inquiries are answered 500',
    outcome: 'executed',
    script: { steps: now, answers: once({ way: 'dropped' }), inquiries: { line: { way: 'status', status: 500 }, times: 2 } },
  },
  {
    id: 'cancel-timeout',
    card: '4000001234560928',
    does: '202; pending until it is cancelled; the first cancel acts and is never answered',
    outcome: 'pending',
    script: { steps: [], cancels: once({ way: 'silent' }) },
  },
];

/** @param iban of the account that is declined so, where it is this card's to have one */
const declinedCard = (card: string, code: string, iban: string | undefined = kazakhIban('999', `TOLEM000010${code}`)): Scenario => ({
  id: `card-${card.slice(-4)}`,
  card,
  ...(iban && { iban }),
  does: `declined: ${messageOf(code)}`,
  outcome: 'declined',
  code,
  script: declinesAtOnce(code),
});
const executedCard = (card: string): Scenario => ({
  id: `card-${card.slice(-4)}`,
  card,
  does: 'executed at once',
  outcome: 'executed',
  script: executesAtOnce,
});

const published: readonly Scenario[] = [
  ...['4111111111111111', '4200000000000000', '5555555555554444', '4242424242424242', '378282246310005'].map(executedCard),
  declinedCard('5105105105105100', badNumberCode), // it passes Luhn: refused by number
  declinedCard('4000000000000002', '05'),
  declinedCard('4000000000009995', '51'),
  declinedCard('4000000000009987', '41'),
  declinedCard('4000000000009979', '43'),
  declinedCard('4000000000000069', '54'),
  declinedCard('4000000000000127', '82'),
  declinedCard('4000000000000119', '96'),
  declinedCard('4000000000000101', badNumberCode, ''),
  declinedCard('4000000000004954', '59'),
];

const amountScenario = (id: string, code: string, amountMinor: number): Scenario =>
  code === '00'
    ? { id, amountMinor, does: 'executed at once with any card', outcome: 'executed', script: executesAtOnce }
    : { id, amountMinor, does: `declined with any card: ${messageOf(code)}`, outcome: 'declined', code, script: declinesAtOnce(code) };

/** Any code RR works in 20RR0; the table lists those that have a message. */
const amounts: readonly Scenario[] = ['00', ...Object.keys(responseCodes).sort()].flatMap((code) => [
  amountScenario(`amount-${code}`, code, Number(`20${code}0`)),
  amountScenario(`amount-${code}-major`, code, Number(`20${code}000`)),
]);

const accountOf = (card: string) => kazakhIban('999', `TOLEM00000${card.slice(12, 15)}`);

export const scenarios: readonly Scenario[] = [...own.map((scenario) => ({ ...scenario, iban: accountOf(scenario.card!) })), ...published, ...amounts];

const byDestination = new Map(scenarios.flatMap((scenario) => [scenario.card, scenario.iban].flatMap((key) => (key ? [[key, scenario] as const] : []))));
const plain = scenarios.find(({ id }) => id === 'executed')!;
const badNumber: Scenario = {
  id: 'card-bad-number',
  does: 'declined: the check digit is wrong',
  outcome: 'declined',
  code: badNumberCode,
  script: declinesAtOnce(badNumberCode),
};

/** The scenario that a transfer asks for: a wrong check digit first, then its amount, then its card or account; else executed at once. */
export function scenarioFor({ amount, destination }: Pick<TransferRequest, 'amount' | 'destination'>): Scenario {
  if ('pan' in destination && !passesLuhn(destination.pan)) return badNumber;
  const code = codeInAmount(amount);
  if (code !== undefined) return amountScenario(`amount-${code}`, code, Number(amount));
  return byDestination.get('pan' in destination ? destination.pan : destination.iban) ?? plain;
}
