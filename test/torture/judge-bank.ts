/** judge-bank.ts: the bank's own journal against the books: nothing executed twice, nothing lost, and never without a word before. */
import { NOBODYS } from '../../src/connectors/http.ts';
import { fingerprintOf } from '../../src/sandbox/fingerprint.ts';
import type { Entry } from '../../src/sandbox/journal.ts';
import { type Evidence, grouped, isOpen, type PayoutRow, sum } from './judge.ts';
import { liars, pans } from './mix.ts';

type Executed = Extract<Entry, { type: 'executed' }>;
type Referred = Extract<Entry, { ref: string }>;

export interface BankFigures {
  executed: number;
  /** executed more than once */
  twice: number;
  /** payouts whose final state is the bank's own lie: it was heard before the truth */
  deceived: number;
  /** POSTs of a reference that came again without the bank having said that it does not know it */
  sentAgain: number;
  scenarios: number;
}

export function judgeBank(evidence: Evidence): BankFigures {
  const { bank, findings } = evidence;
  const referred = bank.filter((entry): entry is Referred => 'ref' in entry);
  const byRef = grouped(referred, ({ ref }) => ref);
  for (const entry of bank)
    findings.check('INV-35', entry.type !== 'malformed' && entry.type !== 'conflicted', () => `the bank could not take a request: ${JSON.stringify(entry)}`);

  for (const entry of bank)
    if (entry.type === 'callback_answered') findings.check('INV-89', entry.status !== 500, () => `a callback was answered 500: ${JSON.stringify(entry)}`);

  const executed = grouped(
    referred.filter((entry): entry is Executed => entry.type === 'executed'),
    ({ ref }) => ref,
  );
  for (const [ref, all] of executed) findings.check('INV-23', all.length === 1, () => `${ref} was executed ${all.length} times: ${JSON.stringify(all)}`);
  for (const [ref, entries] of byRef) known(evidence, ref, entries);

  const deceived = evidence.payouts.filter((payout) => isDeceived(payout, byRef, executed));
  const honest = evidence.payouts.filter((payout) => !deceived.includes(payout));
  for (const payout of honest) agree(evidence, payout, executed.get(payout.ref ?? '')?.[0]);
  sums(evidence, executed, new Set(deceived.map(({ ref }) => ref)));
  aftermath(evidence, byRef, deceived);
  return {
    executed: executed.size,
    twice: [...executed.values()].filter(({ length }) => length > 1).length,
    deceived: deceived.length,
    sentAgain: sentAgain(byRef),
    scenarios: new Set(bank.flatMap((entry) => (entry.type === 'requested' ? [entry.scenario] : []))).size,
  };
}

/** INV-24: what the bank has ever heard of was written down, and committed, before. */
function known({ byRef, findings }: Evidence, ref: string, entries: Referred[]): void {
  if (ref === NOBODYS && entries.every(({ type }) => type === 'inquired')) return;
  const payout = byRef.get(ref);
  findings.check('INV-24', payout !== undefined, () => `the bank saw ${ref}, which is in no submission: ${JSON.stringify(entries[0])}`);
  const first = entries.find(({ type }) => type === 'requested' || type === 'turned_away');
  if (!payout || !first) return;
  findings.check('INV-24', payout.phase === 'sent', () => `the bank was asked for ${ref}, and its submission is ${payout.phase}`);
  const late = payout.intentAt === null || payout.intentAt.getTime() > Date.parse(first.at);
  findings.check('INV-24', !late, () => `the bank was asked for ${ref} at ${first.at}, and the intent was committed at ${payout.intentAt?.toISOString()}`);
}

/** A callback that lied and was believed: the final state came from a callback, and the bank itself had said the opposite to nobody yet. */
function isDeceived({ ref, state, cause }: PayoutRow, byRef: Map<string, Referred[]>, executed: Map<string, Executed[]>): boolean {
  if (!ref || cause !== 'callback') return false;
  const lies = byRef.get(ref)?.some((entry) => entry.type === 'requested' && liars.includes(entry.scenario)) ?? false;
  return lies && (state === 'settled') !== executed.has(ref);
}

/** INV-29: settled is executed, with the same amount to the same card; refused is not, and never will be. */
function agree({ findings, platform, bankKey }: Evidence, payout: PayoutRow, executed: Executed | undefined): void {
  const { id, ref, state, amount, currency, merchant, tokenId } = payout;
  if (isOpen(payout)) return findings.check('INV-29', !executed, () => `${id} is ${state}, and the bank executed it`);
  findings.check(
    'INV-29',
    (state === 'settled') === (executed !== undefined),
    () => `${id} (${ref}) is ${state}, and the bank ${executed ? 'executed it' : 'did not execute it'}`,
  );
  if (!executed) return;
  const tokens = platform.merchants.find((one) => one.id === merchant)?.tokens ?? new Map<string, string>();
  const scenario = [...tokens].find(([, token]) => token === tokenId)?.[0] ?? '';
  const fingerprint = fingerprintOf(bankKey, { pan: pans.get(scenario) ?? '' });
  const same = executed.amount === String(amount) && executed.currency === currency && executed.destination.fingerprint === fingerprint;
  findings.check(
    'INV-29',
    same,
    () =>
      `${id} is ${amount} ${currency} to the card of ${scenario}; the bank executed ${executed.amount} ${executed.currency} to …${executed.destination.last4}`,
  );
}

/** INV-23, the sums: what the bank paid is what the books say was settled, by merchant and currency. */
function sums({ payouts, byRef, findings }: Evidence, executed: Map<string, Executed[]>, deceived: Set<string | null>): void {
  const name = ({ merchant, currency }: PayoutRow) => `${merchant} ${currency}`;
  const counted = payouts.filter(({ ref }) => !deceived.has(ref));
  const ours = grouped(
    counted.filter(({ state }) => state === 'settled'),
    name,
  );
  const theirs = grouped(
    [...executed.values()].flat().filter(({ ref }) => byRef.has(ref) && !deceived.has(ref)),
    ({ ref }) => name(byRef.get(ref) as PayoutRow),
  );
  for (const book of new Set([...ours.keys(), ...theirs.keys()])) {
    const [settled, paid] = [sum((ours.get(book) ?? []).map(({ amount }) => amount)), sum((theirs.get(book) ?? []).map(({ amount }) => BigInt(amount)))];
    findings.check('INV-23', settled === paid, () => `${book}: settled ${settled}, executed ${paid}`);
  }
}

/** INV-34: a lie that came after the truth opened one incident and changed nothing. INV-33: none of the callbacks had two effects. */
function aftermath({ findings, byRef: payouts }: Evidence, byRef: Map<string, Referred[]>, deceived: PayoutRow[]): void {
  for (const [ref, entries] of byRef) {
    const payout = payouts.get(ref);
    if (!payout || deceived.includes(payout) || isOpen(payout)) continue;
    const scenario = entries.find((entry) => entry.type === 'requested')?.scenario;
    if (scenario === 'callback-denies') findings.check('INV-34', payout.state === 'settled', () => `${payout.id} is ${payout.state}: a late lie was believed`);
    if (scenario === 'callback-claims') findings.check('INV-34', payout.state === 'rejected', () => `${payout.id} is ${payout.state}: a late lie was believed`);
  }
}

/**
 * INV-38: a reference is sent again only after the bank was asked and did not know it (or its answer to that was lost). One
 * that a worker sends while another one holds it shows here, although the bank recognises it and pays once.
 */
function sentAgain(byRef: Map<string, Referred[]>): number {
  let count = 0;
  for (const entries of byRef.values()) {
    let asked = true;
    for (const entry of entries) {
      if (entry.type === 'inquired' && (entry.answer === 'unknown' || entry.answer === 'error')) asked = true;
      if (entry.type !== 'requested' && entry.type !== 'repeated' && entry.type !== 'turned_away') continue;
      if (!asked) count++;
      asked = false;
    }
  }
  return count;
}
