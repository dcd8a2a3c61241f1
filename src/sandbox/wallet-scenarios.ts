/**
 * The wallets of the sandbox, by the last two digits of the phone; every other one is `wallet`. Any personal number will do. In
 * the words of the table a POST is *taken* when the bank puts the authorization in its books.
 */
import type { OperationKind } from './authorization-request.ts';
import { messageOf } from './codes.ts';
import { operationScenario, type OperationScenarioName } from './operation-scenarios.ts';
import { authorizesAtOnce, declinesAtOnce, type CallbackPlan, type Line, type Scenario, type Script } from './script.ts';

export interface WalletScenario extends Scenario {
  /** how the phone ends; nothing for the one of all others */
  phone?: string;
  /** what an operation of this kind meets */
  operations?: Partial<Record<OperationKind, OperationScenarioName>>;
}

const now = authorizesAtOnce.steps;
const once = (line: Line) => ({ line, times: 1 });
const tells = (afterMs: number, says: CallbackPlan['says'], more: Partial<CallbackPlan> = {}): Pick<Script, 'callbacks'> => ({
  callbacks: [{ afterMs, says, ...more }],
});
const grantedAfter = (afterMs: number) => [{ afterMs, to: 'authorized' }] as const;
/** The customer is asked, and says yes after 2 s. */
const asked: Script = { steps: grantedAfter(2000), ...tells(2000, 'authorized') };
const refusedCode = '17';

const grants = (id: string, phone: string | undefined, does: string, script: Script, more: Partial<WalletScenario> = {}): WalletScenario => ({
  ...{ id, phone, does, outcome: 'authorized', script },
  ...more,
});
const refuses = (id: string, phone: string, code: string, does: string, script: Script) => grants(id, phone, does, script, { outcome: 'declined', code });
/** An ordinary wallet, of which one kind of operation goes otherwise. */
const operating = (phone: string, kind: OperationKind, name: OperationScenarioName): WalletScenario =>
  grants(`wallet-${kind}-${name}`, phone, `as any other; its ${kind}: ${operationScenario(name).does}`, asked, { operations: { [kind]: name } });

export const anyWallet = grants('wallet', undefined, '202; authorized after 2 s, with a callback', asked);

export const walletScenarios: readonly WalletScenario[] = [
  anyWallet,
  refuses('wallet-refused', '00', refusedCode, `202; after 2 s declined (${refusedCode}, ${messageOf(refusedCode)}), with a callback`, {
    steps: [{ afterMs: 2000, to: 'declined', code: refusedCode }],
    ...tells(2000, 'declined'),
  }),
  refuses('wallet-declined', '01', '05', 'declined at once (05)', declinesAtOnce('05')),
  grants('wallet-timeout-before', '02', 'the first POST is never answered and not taken; the next as any other', {
    ...asked,
    turnsAway: once({ way: 'silent' }),
  }),
  grants('wallet-timeout-after', '03', 'authorized, but the first POST is never answered', { steps: now, answers: once({ way: 'silent' }) }),
  grants('wallet-late', '04', '202; authorized after 60 s, with a callback', { steps: grantedAfter(60_000), ...tells(60_000, 'authorized') }),
  grants('wallet-callback-twice', '05', 'authorized at once; the same callback twice', { steps: now, ...tells(0, 'authorized', { copies: 2 }) }),
  grants('wallet-error-before', '06', 'the first POST is answered 500 and not taken; the next as any other', {
    ...asked,
    turnsAway: once({ way: 'status', status: 500 }),
  }),
  grants('wallet-error-after', '07', 'taken, but the first POST is answered 500; authorized after 2 s, with a callback', {
    ...asked,
    answers: once({ way: 'status', status: 500 }),
  }),
  grants('wallet-stuck', '08', '202; pending until it is cancelled', { steps: [] }, { outcome: 'pending' }),
  grants('wallet-callback-never', '09', '202; authorized after 2 s, and nobody is told: only an inquiry shows it', { steps: grantedAfter(2000) }),
  grants(
    'wallet-expires',
    '10',
    'authorized at once; after 5 s the bank lets go of what was not taken, with a callback',
    { steps: [...now, { afterMs: 5000, to: 'expired' }], ...tells(5000, 'cancelled') },
    { outcome: 'cancelled' },
  ),
  operating('11', 'capture', 'timeout-after'),
  operating('12', 'capture', 'declined'),
  operating('13', 'refund', 'declined'),
  operating('14', 'capture', 'pending-executed'),
  operating('15', 'capture', 'pending-declined'),
  operating('16', 'cancellation', 'timeout-after'),
  operating('17', 'refund', 'timeout-after'),
  operating('18', 'refund', 'pending-executed'),
  operating('19', 'cancellation', 'declined'),
  grants('wallet-at-once', '20', 'authorized at once', authorizesAtOnce),
  grants('wallet-not-found-yet', '21', 'authorized, the answer lost; inquiries answer 404 for 2 s', {
    steps: now,
    hiddenMs: 2000,
    answers: once({ way: 'dropped' }),
  }),
  grants('wallet-callback-first', '22', 'authorized; the callback comes before the answer', {
    steps: now,
    ...tells(0, 'authorized'),
    answers: once({ way: 'whole', afterCallback: true }),
  }),
  operating('23', 'capture', 'timeout-before'),
  grants('wallet-callback-denies', '24', 'authorized and answered so; a callback after 1 s says declined, which is not so', {
    steps: now,
    ...tells(1000, 'declined', { lie: true }),
  }),
];

const byPhone = new Map(walletScenarios.map((one) => [one.phone, one]));
const byId = new Map(walletScenarios.map((one) => [one.id, one]));

export const walletScenarioFor = (phone: string): WalletScenario => byPhone.get(phone.slice(-2)) ?? anyWallet;

/** What an operation on an authorization of this scenario meets, if not the ordinary. @param id of the authorization's scenario */
export function operationOfWallet(id: string, kind: OperationKind) {
  const name = byId.get(id)?.operations?.[kind];
  return name && operationScenario(name);
}
