/** quiet.ts: when the faults have stopped: doubts are cleared up as clients would, and everything that is on its way arrives. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Entry as BankEntry } from '../../src/sandbox/journal.ts';
import type { Asker, Common, Request } from './clients.ts';
import type { Dice } from './dice.ts';
import type { Findings } from './findings.ts';
import { isOpen, readPayouts } from './judge.ts';
import { endless } from './mix.ts';
import type { Platform } from './platform.ts';

/** Requests that nobody has an answer to are asked again, save some: those must be whole or not there at all. */
export async function clearUp(asker: Asker, { open }: Common, dice: Dice): Promise<void> {
  const again = open.filter(({ path }) => path.endsWith('/topup') || dice.chance(0.6));
  await inTurns(again, 8, async (request) => {
    for (let attempt = 1; attempt <= 20; attempt++) {
      if ((await asker.ask('resolve', request, 10_000)).kind === 'answer') return;
      await sleep(300);
    }
  });
}

/** What was done is asked for again, long after: the answer must be the first one. */
export async function prove(asker: Asker, { done }: Common, dice: Dice, most: number): Promise<void> {
  const sample = done.length <= most ? done : done.filter(() => dice.chance(most / done.length));
  await inTurns(sample, 16, async (request: Request) => {
    for (let attempt = 1; attempt <= 5; attempt++) if ((await asker.ask('proof', request, 20_000)).kind === 'answer') return;
  });
}

async function inTurns<T>(list: T[], atOnce: number, work: (one: T) => Promise<void>): Promise<void> {
  const waiting = list[Symbol.iterator]();
  const worker = async () => {
    for (const one of waiting) await work(one);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

export interface Quiet {
  seconds: number;
  /** what is not over, in words; empty when all is */
  left: string[];
  /** deliveries that the merchants asked for again, since their next try was too far away */
  asked: number;
}

/**
 * A payout that has had bad luck often is asked about less and less often: minutes may pass although all is well. Such a one is late, not stuck,
 * if the operator is shown it with a reason. That it does end is seen by moving the platform's clock.
 * @returns how many were late
 */
export async function hurry(platform: Platform, findings: Findings): Promise<number> {
  const listed = JSON.parse(await platform.command('unknown', '--json')) as { payouts: { payout: string; note: string | null; nextAt: string | null }[] };
  const late = (await readPayouts(platform)).filter((payout) => isOpen(payout) && !isEndless(platform, payout.tokenId));
  for (const { id, state, outcome, note } of late) {
    const shown = listed.payouts.find(({ payout }) => payout === id);
    findings.check(
      'INV-32',
      Boolean(shown?.note && shown.nextAt),
      () => `${id} is ${state} (${outcome}, ${note}) two minutes after the last fault; the operator is shown ${JSON.stringify(shown)}`,
    );
  }
  for (const { apiKey } of platform.merchants.slice(0, 1))
    await platform.call(0, 'POST', '/v1/sandbox/clock', { apiKey, body: '{"advanceSeconds":2400}', timeoutMs: 10_000 });
  return late.length;
}

const isEndless = ({ merchants }: Platform, tokenId: string): boolean =>
  merchants.some(({ tokens }) => endless.some((scenario) => tokens.get(scenario) === tokenId));

/** Waits until every payout is final, every callback was taken and every webhook has arrived; no longer than the limit. */
export async function untilQuiet(platform: Platform, limitMs: number): Promise<Quiet> {
  const began = performance.now();
  const replayed = new Set<string>();
  for (;;) {
    const passed = performance.now() - began;
    const left = await whatIsLeft(platform);
    if (left.length === 0 || passed > limitMs) return { seconds: Math.round(passed / 100) / 10, left, asked: replayed.size };
    await askForLate(platform, replayed);
    await sleep(500);
  }
}

async function whatIsLeft(platform: Platform): Promise<string[]> {
  const open = (await readPayouts(platform)).filter((payout) => isOpen(payout) && !isEndless(platform, payout.tokenId));
  if (open.length > 0) return open.map(({ id, state, outcome, note }) => `${id} is ${state}: ${outcome}, ${note}`);
  const callbacks = callbacksOnTheirWay(await platform.bankJournal<BankEntry>());
  if (callbacks.length > 0) return callbacks.map((callback) => `the callback ${callback}`);
  const deliveries = await platform.database.ask<{ object: string; state: string; next: Date | null }>(
    `select object_id::text as object, state, next_at as next from tolem.delivery where state <> 'delivered'`,
  );
  return deliveries.map(({ object, state, next }) => `a delivery of ${object} is ${state}, due ${next?.toISOString() ?? 'never'}`);
}

/** Sent, and neither taken nor given up; of transfers that are not over, those that are still to come. */
function callbacksOnTheirWay(bank: BankEntry[]): string[] {
  const open = new Set<string>();
  for (const entry of bank) {
    if (entry.type === 'requested')
      entry.script?.callbacks?.forEach((plan, i) => Array.from({ length: plan.copies ?? 1 }, (_, copy) => open.add(`${entry.n}.${i}.${copy}`)));
    if (entry.type === 'callback_given_up' || (entry.type === 'callback_answered' && entry.status >= 200 && entry.status < 300)) open.delete(entry.callback);
  }
  return [...open];
}

/** A try that failed twice waits five minutes for the next: a merchant who wants it sooner asks for a replay. */
async function askForLate(platform: Platform, replayed: Set<string>): Promise<void> {
  const late = await platform.database.ask<{ endpoint: string; merchant: string; event: string }>(`
    select d.endpoint_id::text as endpoint, d.merchant_id as merchant, e.id::text as event from tolem.delivery d join tolem.event e on e.merchant_id = d.merchant_id and e.number = d.event_number
    where d.state = 'parked' or (d.state = 'pending' and d.next_at > now() + interval '60 seconds') limit 100`);
  for (const { endpoint, merchant, event } of late) {
    if (replayed.has(`${endpoint} ${event}`)) continue;
    const { apiKey = '' } = platform.merchants.find(({ id }) => id === merchant) ?? {};
    const answer = await platform.call(0, 'POST', `/v1/webhook-endpoints/${endpoint}/deliveries/${event}/resend`, { apiKey, timeoutMs: 10_000 });
    if (answer.status === 202) replayed.add(`${endpoint} ${event}`);
  }
}
