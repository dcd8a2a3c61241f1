/** judge-books.ts: the books against what merchants put in and were told, worked out anew; and that nothing is left in the middle. */
import type { Entry as BankEntry } from '../../src/sandbox/journal.ts';
import { type Evidence, feeOf, isOpen, type PayoutRow, sum } from './judge.ts';
import { endless } from './mix.ts';
import { type Merchant, terms } from './platform.ts';

export interface BookFigures {
  settled: number;
  rejected: number;
  failed: number;
  /** not final, and listed for the operator with a reason */
  unknown: number;
  returns: number;
  incidents: number;
}

interface Incident {
  object: string;
  kind: string;
  amount: string | null;
}

/** @param toppedUp what each merchant was given by the clients and the furnishing, by currency, in minor units */
export async function judgeBooks(evidence: Evidence, toppedUp: Map<string, bigint>): Promise<BookFigures> {
  const { payouts, platform } = evidence;
  const returns = await platform.database.ask<{ payout: string; amount: string }>(
    `select payout_id::text as payout, amount::text as amount from tolem.payout_return`,
  );
  const incidents = await platform.database.ask<Incident>(`
    select i.object_id::text as object, i.kind, (select sum(t.amount)::text from tolem.transfer t where t.merchant_id = i.merchant_id and t.object_id = i.id::text and t.kind = 'suspense') as amount from tolem.incident i`);
  await stuck(evidence);
  returned(evidence, returns);
  contradicted(evidence, incidents);
  for (const merchant of platform.merchants) await balances(evidence, merchant, returns, toppedUp);
  await limits(evidence);
  await verified(evidence);
  const count = (state: string) => payouts.filter((payout) => payout.state === state).length;
  return {
    settled: count('settled'),
    rejected: count('rejected'),
    failed: count('failed'),
    unknown: payouts.filter(isOpen).length,
    returns: returns.length,
    incidents: incidents.length,
  };
}

/** INV-32: everything is final; or nobody can know, and the operator is told so. */
async function stuck({ payouts, platform, findings }: Evidence): Promise<void> {
  const listed = JSON.parse(await platform.command('unknown', '--json')) as { payouts: { payout: string; note: string | null }[] };
  const shown = new Map(listed.payouts.map((one) => [one.payout, one.note]));
  const never = new Set(platform.merchants.flatMap(({ tokens }) => endless.map((scenario) => tokens.get(scenario))));
  for (const payout of payouts) {
    const expected = isOpen(payout) && never.has(payout.tokenId) && Boolean(shown.get(payout.id));
    findings.check(
      'INV-32',
      !isOpen(payout) || expected,
      () => `${payout.id} is still ${payout.state} (submission ${payout.outcome}, ${payout.note}); the operator is shown: ${shown.get(payout.id) ?? 'nothing'}`,
    );
  }
  for (const id of shown.keys())
    findings.check(
      'INV-32',
      payouts.some((payout) => payout.id === id && isOpen(payout)),
      () => `the operator is shown ${id}, which is not open`,
    );
}

/** Each return that the bank told of is in the books once, with the amount of its payout. */
function returned({ bank, byRef, byId, findings }: Evidence, returns: { payout: string; amount: string }[]): void {
  const told = new Set(
    bank.flatMap((entry) =>
      entry.type === 'callback_sent' && entry.says === 'returned' && answeredWell(bank, entry.callback) ? [byRef.get(entry.ref)?.id] : [],
    ),
  );
  for (const id of told)
    findings.check(
      'INV-15',
      returns.filter(({ payout }) => payout === id).length === 1,
      () => `${id} was returned by the bank, and has ${returns.filter(({ payout }) => payout === id).length} returns`,
    );
  for (const { payout, amount } of returns) {
    const whole = byId.get(payout);
    findings.check(
      'INV-15',
      whole?.state === 'settled' && String(whole.amount) === amount && bank.some((entry) => entry.type === 'returned' && entry.ref === whole.ref),
      () => `the return of ${payout} (${amount}) has no cause`,
    );
  }
}

const answered = new WeakMap<BankEntry[], Set<string>>();
function answeredWell(bank: BankEntry[], callback: string): boolean {
  let good = answered.get(bank);
  if (!good)
    answered.set(
      bank,
      (good = new Set(bank.flatMap((entry) => (entry.type === 'callback_answered' && entry.status >= 200 && entry.status < 300 ? [entry.callback] : [])))),
    );
  return good.has(callback);
}

/** INV-34: a lie that came after the end opened one incident with one posting to suspense; and there are no others. */
function contradicted({ bank, byRef, byId, findings }: Evidence, incidents: Incident[]): void {
  const opposite: Record<string, string> = { settled: 'declined_after_settlement', rejected: 'executed_after_refusal', failed: 'executed_after_refusal' };
  const expected = new Set<string>();
  for (const entry of bank) {
    const payout = entry.type === 'callback_sent' && answeredWell(bank, entry.callback) ? byRef.get(entry.ref) : undefined;
    if (!payout || isOpen(payout) || entry.type !== 'callback_sent' || (entry.says === 'declined') !== (payout.state === 'settled')) continue;
    expected.add(payout.id);
    const found = incidents.filter(({ object, kind }) => object === payout.id && kind === opposite[payout.state]);
    findings.check(
      'INV-34',
      found.length === 1 && found[0]?.amount === String(payout.amount),
      () => `${payout.id} is ${payout.state}, the bank said ${entry.says}, and its incidents are ${JSON.stringify(found)}`,
    );
  }
  // What the books heard otherwise than by callback (the answer to a question, after a lie was believed) may open one too.
  for (const { object, kind } of incidents) {
    const payout = byId.get(object);
    const contrary = bank.some(
      (entry) => 'ref' in entry && entry.ref === payout?.ref && entry.type === (kind === 'executed_after_refusal' ? 'executed' : 'declined'),
    );
    findings.check('INV-34', expected.has(object) || contrary, () => `the incident ${kind} of ${object} has no cause`);
  }
}

/** What is left is what came in, less what was paid and its fees, with what came back: to the last minor unit. */
async function balances(
  { payouts, platform, findings }: Evidence,
  merchant: Merchant,
  returns: { payout: string; amount: string }[],
  toppedUp: Map<string, bigint>,
): Promise<void> {
  const mine = payouts.filter((payout) => payout.merchant === merchant.id);
  for (const { id, amount, fee, currency } of mine)
    findings.check(
      'INV-14',
      fee === feeOf(merchant, amount, currency),
      () => `the fee of ${id} (${amount} ${currency}) is ${fee}, and should be ${feeOf(merchant, amount, currency)}`,
    );
  const answer = await platform.call(0, 'GET', '/v1/merchants/me', { apiKey: merchant.apiKey, timeoutMs: 10_000 });
  const shown = (JSON.parse(answer.body) as { balance: { currency: string; available: number; pending: number }[] }).balance;
  const books = await platform.database.ask<{ kind: string; currency: string; balance: string }>(
    `select kind, currency, balance::text as balance from tolem.account where merchant_id = $1`,
    [merchant.id],
  );
  for (const { currency, available, pending } of shown) {
    const of = (test: (payout: PayoutRow) => boolean) => mine.filter((payout) => payout.currency === currency && test(payout));
    const cost = (list: PayoutRow[]) => sum(list.map(({ amount, fee }) => amount + fee));
    const settled = of(({ state }) => state === 'settled');
    const back = sum(returns.filter(({ payout }) => settled.some(({ id }) => id === payout)).map(({ amount }) => BigInt(amount)));
    const left = (toppedUp.get(`${merchant.name} ${currency}`) ?? 0n) - cost(settled) - cost(of(isOpen)) + back;
    findings.check('INV-05', BigInt(available) === left, () => `${merchant.name} has ${available} ${currency}, and should have ${left}`);
    findings.check(
      'INV-06',
      BigInt(pending) === cost(of(isOpen)),
      () => `${merchant.name} has ${pending} ${currency} held, and should have ${cost(of(isOpen))}`,
    );
    const fees = sum(books.filter((row) => row.kind === 'fees' && row.currency === currency).map(({ balance }) => BigInt(balance)));
    findings.check(
      'INV-14',
      fees === sum(settled.map(({ fee }) => fee)),
      () => `the fees of ${merchant.name} are ${fees} ${currency}, and should be ${sum(settled.map(({ fee }) => fee))}`,
    );
  }
}

/** INV-36: what was accepted in a day and not given back stays within the limit, whoever asked at the same moment. */
async function limits({ platform, findings }: Evidence): Promise<void> {
  for (const merchant of platform.merchants) {
    const days = await platform.database.ask<{ currency: string; day: string; used: string }>(
      `select currency, ((created_at at time zone 'Asia/Almaty')::date)::text as day, sum(amount)::text as used from tolem.payout where merchant_id = $1 and state not in ('rejected', 'failed') group by 1, 2`,
      [merchant.id],
    );
    for (const { currency, day, used } of days) {
      const { daily } = (terms[merchant.name] as Record<string, { daily?: bigint }>)[currency] ?? {};
      if (daily !== undefined)
        findings.check('INV-36', BigInt(used) <= daily, () => `${merchant.name} paid out ${used} ${currency} on ${day}; the limit is ${daily}`);
    }
  }
}

/** INV-92: the product's own check of its books says the same as ours. */
async function verified({ platform, findings }: Evidence): Promise<void> {
  const said = await platform.command('verify', '--json').catch((error: { stdout?: string }) => error.stdout || '{"rules":0,"broken":[]}');
  const { rules, broken } = JSON.parse(said) as { rules: number; broken: { id: string }[] };
  findings.check('INV-92', rules > 30 && broken.length === 0, () => `tolem verify: ${rules} rules, broken: ${JSON.stringify(broken)}`);
}
