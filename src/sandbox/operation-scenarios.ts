/**
 * What may become of a capture, a cancellation or a refund, in one table. An amount of 22NN0 asks for number NN with any
 * authorization (220.30 is 03), as 20RR0 asks for a decline with code RR; a wallet may have one for a kind of operation.
 */
import type { OperationRequest } from './authorization-request.ts';
import { codeInAmount, operationMessageOf } from './codes.ts';
import { declinesAtOnce, executesAtOnce, type Scenario, type Script } from './script.ts';

export interface OperationScenario extends Scenario {
  /** two digits */
  number?: string;
}

const now = executesAtOnce.steps;
const once = (line: NonNullable<Script['answers']>['line']) => ({ line, times: 1 });
/** A change after so long, with a callback. */
const later = (afterMs: number, to: 'executed' | 'declined', code?: string): Script => ({ steps: [{ afterMs, to, code }], callbacks: [{ afterMs, says: to }] });

const table = {
  'timeout-before': { number: '01', does: 'the first POST is never answered and not taken', script: { turnsAway: once({ way: 'silent' }), steps: now } },
  'timeout-after': { number: '02', does: 'executed, but the first POST is never answered', script: { steps: now, answers: once({ way: 'silent' }) } },
  'pending-executed': { number: '03', does: '202; executed after 2 s, with a callback', script: later(2000, 'executed') },
  'pending-declined': { number: '04', does: '202; declined (05) after 2 s, with a callback', script: later(2000, 'declined', '05') },
  declined: { number: '05', does: 'declined (05)', script: declinesAtOnce('05') },
  'error-before': {
    number: '06',
    does: 'the first POST is answered 500 and not taken',
    script: { turnsAway: once({ way: 'status', status: 500 }), steps: now },
  },
  'error-after': { number: '07', does: 'executed, but the first POST is answered 500', script: { steps: now, answers: once({ way: 'status', status: 500 }) } },
  late: { number: '08', does: '202; executed after 60 s, with a callback', script: later(60_000, 'executed') },
  'callback-twice': {
    number: '09',
    does: 'executed at once; the same callback twice',
    script: { steps: now, callbacks: [{ afterMs: 0, says: 'executed', copies: 2 }] },
  },
  'not-found-yet': {
    number: '10',
    does: 'executed, the answer lost; inquiries answer 404 for 2 s',
    script: { steps: now, hiddenMs: 2000, answers: once({ way: 'dropped' }) },
  },
} as const satisfies Record<string, { number: string; does: string; script: Script }>;

export type OperationScenarioName = keyof typeof table;

const outcomeOf = ({ steps }: Script) => (steps.some(({ to }) => to === 'declined') ? 'declined' : 'executed');

export const operationScenarios: readonly OperationScenario[] = Object.entries(table).map(([name, { number, does, script }]) => {
  const outcome = outcomeOf(script);
  return { id: `operation-${name}`, number, does, outcome, script, ...(outcome === 'declined' && { code: '05' }) };
});

export const operationScenario = (name: OperationScenarioName): OperationScenario => operationScenarios.find(({ id }) => id === `operation-${name}`)!;

export const executedOperation: OperationScenario = { id: 'operation-executed', does: 'executed at once', outcome: 'executed', script: executesAtOnce };

export const declinedOperation = (code: string, id = `operation-${code}`): OperationScenario => ({
  id,
  does: `declined: ${operationMessageOf(code)}`,
  outcome: 'declined',
  code,
  script: declinesAtOnce(code),
});

/** The scenario that an amount asks for, if it does. */
export function scenarioInAmount({ amount }: Pick<OperationRequest, 'amount'>): OperationScenario | undefined {
  const code = codeInAmount(amount);
  if (code !== undefined) return code === '00' ? executedOperation : declinedOperation(code);
  const number = /^22(\d\d)0(?:00)?$/.exec(amount)?.[1];
  return operationScenarios.find((one) => one.number === number);
}
