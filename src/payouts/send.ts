import type { Connector, ProcessorLimits, Transfer, Verdict } from '../connectors/connector.ts';
import type { Tx } from '../db/db.ts';
import { assert } from '../errors.ts';
import type { Groups } from '../groups.ts';
import type { Ids } from '../ids.ts';
import { advance } from '../machine.ts';
import type { Clock, Random } from '../ports.ts';
import type { OpenCard } from '../vault/vault.ts';
import type { Hand, Telling } from '../webhooks/events.ts';
import type { Heard } from './decide.ts';
import { payoutMachine, type Payout, tryLockPayouts } from './payout.ts';
import type { Effect } from './resolve.ts';
import { lockDue, storeSubmissions, type Submission } from './submission.ts';

/** A submission that this process took, with what it is to do now. */
export interface Claimed {
  payout: Payout;
  submission: Submission;
  task: 'send' | 'ask' | 'cancel';
  /** this is the first send of the reference */
  first: boolean;
  /** monotonic milliseconds: later than this, somebody else may have taken it */
  until: number;
}

/**
 * Takes submissions that are due and commits the intent before anybody is asked: the payout is `processing`, the reference
 * and the time of sending are on record, and a crash from here on leaves `ask` behind.
 *
 * @param leaseMs for how long nobody else takes them; a call is never begun later
 */
export async function claim(
  tx: Tx,
  clock: Clock,
  ids: Ids,
  limits: (connector: string) => ProcessorLimits,
  leaseMs: number,
  limit: number,
  hand?: Hand,
): Promise<Claimed[]> {
  const until = clock.monotonic() + leaseMs;
  const now = clock.now();
  const due = await lockDue(tx, now, limit);
  if (due.length === 0) return [];
  const payouts = new Map(
    (
      await tryLockPayouts(
        tx,
        due.map(({ payoutId }) => payoutId),
      )
    ).map((payout) => [payout.id, payout]),
  );
  const claimed = due.flatMap((submission): Claimed[] => {
    const payout = payouts.get(submission.payoutId);
    return payout ? [{ payout, ...take(submission, payout, now, leaseMs, limits(submission.connector)), until }] : []; // somebody resolves it at this moment
  });
  if (claimed.length === 0) return [];
  const starting = claimed.filter(({ payout }) => payout.state === 'new');
  const [stored, moved] = await Promise.all([
    storeSubmissions(
      tx,
      claimed.map(({ submission }) => submission),
    ),
    advance(
      tx,
      payoutMachine,
      starting.map(({ payout }) => ({ row: payout, move: 'send' as const, cause: 'send' })),
      now,
      ids,
      hand,
    ),
  ]);
  assert(stored === claimed.length, 'every claim was stored');
  const processing = new Map(moved.map((payout) => [payout.id, payout]));
  return claimed.map((one) => ({ ...one, payout: processing.get(one.payout.id) ?? one.payout }));
}

function take(submission: Submission, payout: Payout, now: Date, leaseMs: number, limits: ProcessorLimits): Pick<Claimed, 'submission' | 'task' | 'first'> {
  const first = submission.phase === 'prepared';
  const margin = limits.maxInFlightSeconds * 1000;
  const mayPayTwice = submission.resendUntil !== null && now.getTime() + margin >= submission.resendUntil.getTime();
  const task = submission.action === 'send' && mayPayTwice ? 'ask' : submission.action;
  const taken: Submission = { ...submission, tries: submission.tries + 1, nextAt: new Date(now.getTime() + leaseMs) };
  if (task !== 'send') return { submission: { ...taken, action: task }, task, first: false };
  assert(first || payout.state === 'processing', 'a payout that is new was never sent');
  const sentAt = now > submission.preparedAt ? now : submission.preparedAt;
  return {
    submission: {
      ...taken,
      ...{ action: 'ask', phase: 'sent', sentAt },
      resendUntil: submission.resendUntil ?? new Date(sentAt.getTime() + limits.retentionSeconds * 1000),
      absentAfter: new Date(sentAt.getTime() + leaseMs + limits.maxInFlightSeconds * 1000),
    },
    task,
    first,
  };
}

export interface SenderOptions {
  clock: Clock;
  random: Random;
  ids: Ids;
  connectors: Map<string, Connector>;
  openCards(merchantId: string, tokenIds: string[]): Promise<Map<string, OpenCard>>;
  outcomes: Groups<Heard, Effect>;
  leaseMs: number;
  /** a transaction whose events this process delivers, or leaves to others */
  telling: Telling;
}

/** Sends and asks: takes what is due of a merchant, makes the calls with no transaction open, and hands in what was heard. */
export class Sender {
  private readonly o: SenderOptions;

  constructor(options: SenderOptions) {
    this.o = options;
  }

  /** @returns the calls that were begun, each to be awaited or not */
  async takeDue(merchantId: string, limit: number): Promise<Promise<Verdict>[]> {
    const claimed = await this.o.telling(merchantId, (tx, hand) =>
      claim(tx, this.o.clock, this.o.ids, (name) => this.connector(name).limits(), this.o.leaseMs, limit, hand),
    );
    const tokens = claimed.filter(({ task }) => task === 'send').map(({ payout }) => payout.cardTokenId);
    // A vault that cannot be read ends this here: what was taken is asked about when its lease ends, not found, and sent then.
    const cards = tokens.length > 0 ? await this.o.openCards(merchantId, [...new Set(tokens)]) : new Map<string, OpenCard>();
    return claimed.map((one) => this.work(merchantId, one, cards.get(one.payout.cardTokenId)));
  }

  private async work(merchantId: string, { payout, submission, task, first, until }: Claimed, card: OpenCard | undefined): Promise<Verdict> {
    const verdict = await this.call(payout, submission, task, until, card);
    const source = task === 'send' ? 'call' : task === 'ask' ? 'inquiry' : 'cancel';
    await this.o.outcomes.submit(merchantId, { payoutId: payout.id, verdict, source, tries: submission.tries, first });
    return verdict;
  }

  private async call(payout: Payout, submission: Submission, task: Claimed['task'], until: number, card: OpenCard | undefined): Promise<Verdict> {
    const connector = this.connector(submission.connector);
    // Frozen between the commit and here, this process may no longer be the one that holds the lease.
    if (this.o.clock.monotonic() >= until - this.o.leaseMs / 2)
      return { kind: 'unsent', why: 'the lease was about to end before the call began', untried: true };
    if (task === 'ask') return connector.inquire(submission.reference);
    if (task === 'cancel') return connector.cancel(submission.reference);
    if (!card) return { kind: 'unsent', why: 'the saved card cannot be opened', untried: true };
    return card.use((destination) => connector.send(transferOf(payout, submission.reference, destination)));
  }

  private connector(name: string): Connector {
    const connector = this.o.connectors.get(name);
    assert(connector, `connector ${name} is configured`);
    return connector;
  }
}

const transferOf = (payout: Payout, reference: string, destination: Transfer['destination']): Transfer => ({
  ...{ reference, kind: 'card', amount: payout.amount, currency: payout.currency, destination },
  description: payout.description ?? '',
});
