/**
 * Which scenario an authorization asks for. Cards mean what they mean for transfers (scenarios.ts), with "authorized" for
 * "executed"; wallets have a table of their own.
 */
import type { AuthorizationRequest, CardInstrument, OperationRequest } from './authorization-request.ts';
import { badCvvCode, codeInAmount, expiredCardCode, messageOf } from './codes.ts';
import { executedOperation, scenarioInAmount, type OperationScenario } from './operation-scenarios.ts';
import { scenarioFor } from './scenarios.ts';
import { authorizesAtOnce, declinesAtOnce, type CallbackPlan, type Scenario, type Script, type Step } from './script.ts';
import { operationOfWallet, walletScenarioFor } from './wallet-scenarios.ts';

const refusal = (id: string, code: string): Scenario => ({
  id,
  does: `declined: ${messageOf(code)}`,
  outcome: 'declined',
  code,
  script: declinesAtOnce(code),
});

/** A CVV that no card has here. */
const badCvvs = ['000', '444'];

/**
 * Cards whose customer cannot be authenticated, so that nothing is asked of the issuer. This is the place of 3-D Secure: a card
 * with a challenge will answer `action_required` here and wait for its page; until then such cards are authorized.
 */
const unauthenticated = ['4907639999990022', '4907630099999922', '5283901906612672', '5283901901266672', '5168159443230322'];

const asStep = (step: Step): Step[] => (step.to === 'returned' ? [] : [{ ...step, to: step.to === 'executed' ? 'authorized' : step.to }]);
const asCallback = (plan: CallbackPlan): CallbackPlan[] =>
  plan.says === 'returned' ? [] : [{ ...plan, says: plan.says === 'executed' ? 'authorized' : plan.says }];

/** A script of a transfer, played by an authorization; nothing of it comes back by itself. */
const authorizing = ({ steps, callbacks, ...lines }: Script): Script => ({
  ...lines,
  steps: steps.flatMap(asStep),
  ...(callbacks && { callbacks: callbacks.flatMap(asCallback) }),
});

function asAuthorization(scenario: Scenario): Scenario {
  const { outcome, does, script } = scenario;
  const granted = outcome === 'executed' || outcome === 'returned';
  return { ...scenario, does: does.replaceAll('executed', 'authorized'), outcome: granted ? 'authorized' : outcome, script: authorizing(script) };
}

/** A card is good to the last day of its month, everywhere on earth. */
function isPast({ expiryMonth, expiryYear }: CardInstrument, now: Date): boolean {
  return now.getTime() >= Date.UTC(expiryYear, expiryMonth, 1, 12);
}

function cardScenario({ amount, initiator }: AuthorizationRequest, card: CardInstrument, now: Date): Scenario {
  const { pan, cvv } = card;
  const table = scenarioFor({ amount, destination: card });
  if (table.outcome === 'declined' && table.card === undefined) return table; // a wrong check digit, or the amount
  if (isPast(card, now)) return refusal('card-past', expiredCardCode);
  if (cvv !== undefined && badCvvs.includes(cvv)) return refusal('card-cvv', badCvvCode);
  if (initiator === 'customer' && unauthenticated.includes(pan)) return refusal('card-unauthenticated', '05');
  return asAuthorization(table);
}

/** @param now decides whether a card is past its date */
export function authorizationScenarioFor(request: AuthorizationRequest, now: Date): Scenario {
  const { amount, instrument } = request;
  if ('pan' in instrument) return cardScenario(request, instrument, now);
  const code = codeInAmount(amount);
  if (code === undefined) return walletScenarioFor(instrument.phone);
  return code === '00' ? { id: 'amount-00', does: 'authorized at once', outcome: 'authorized', script: authorizesAtOnce } : refusal(`amount-${code}`, code);
}

/** The amount decides first, then the wallet. @param scenario id of the authorization's */
export const operationScenarioFor = (request: OperationRequest, scenario: string | undefined): OperationScenario =>
  scenarioInAmount(request) ?? (scenario === undefined ? undefined : operationOfWallet(scenario, request.kind)) ?? executedOperation;

/** With the end that every authorization has: the bank lets go of what was not taken, and says so. */
export function withExpiry(script: Script, afterMs: number): Script {
  if (script.steps.some(({ to }) => to === 'expired')) return script;
  return { ...script, steps: [...script.steps, { afterMs, to: 'expired' }], callbacks: [...(script.callbacks ?? []), { afterMs, says: 'cancelled' }] };
}
