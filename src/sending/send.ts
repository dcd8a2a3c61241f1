import type { Connector, ProcessorLimits, Verdict } from '../connectors/connector.ts';
import type { Tx } from '../db/db.ts';
import { column } from '../db/sql.ts';
import { assert } from '../errors.ts';
import type { Groups } from '../groups.ts';
import type { Ids } from '../ids.ts';
import { advance } from '../machine.ts';
import type { Clock, Random } from '../ports.ts';
import type { Hand, Telling } from '../webhooks/events.ts';
import type { Heard } from './decide.ts';
import { byKind, type OpenDestination, type Outgoing, type OutgoingKind } from './outgoing.ts';
import type { Effect } from './resolve.ts';
import { lockDue, storeSubmissions, type Submission } from './submission.ts';

/** A submission that this process took, with what it is to do now. */
export interface Claimed {
  payout: Outgoing;
  kind: OutgoingKind;
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
  kinds: OutgoingKind[],
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
  const payouts = await tryLockAll(tx, kinds, column(due, 'payoutId'));
  const claimed = due.flatMap((submission): Claimed[] => {
    const subject = payouts.get(submission.payoutId);
    return subject ? [{ ...subject, ...take(submission, subject.payout, now, leaseMs, limits(submission.connector)), until }] : []; // somebody resolves it at this moment
  });
  if (claimed.length === 0) return [];
  const starting = claimed.filter(({ payout }) => payout.state === 'new');
  const begin = (kind: OutgoingKind, own: Claimed[]) =>
    advance(
      tx,
      kind.machine,
      own.map(({ payout }) => ({ row: payout, move: 'send' as const, cause: 'send' })),
      now,
      ids,
      hand,
    );
  const [stored, ...moved] = await Promise.all([
    storeSubmissions(tx, column(claimed, 'submission')),
    ...byKind(starting).map(([kind, own]) => begin(kind, own)),
  ]);
  assert(stored === claimed.length, 'every claim was stored');
  const processing = new Map(moved.flat().map((payout) => [payout.id, payout]));
  return claimed.map((one) => ({ ...one, payout: processing.get(one.payout.id) ?? one.payout }));
}

async function tryLockAll(tx: Tx, kinds: OutgoingKind[], ids: string[]): Promise<Map<string, { payout: Outgoing; kind: OutgoingKind }>> {
  const rows = await Promise.all(kinds.map(async (kind) => (await kind.tryLock(tx, ids)).map((payout) => [payout.id, { payout, kind }] as const)));
  return new Map(rows.flat());
}

function take(submission: Submission, payout: Outgoing, now: Date, leaseMs: number, limits: ProcessorLimits): Pick<Claimed, 'submission' | 'task' | 'first'> {
  const first = submission.phase === 'prepared';
  const margin = limits.maxInFlightSeconds * 1000;
  const mayPayTwice = submission.resendUntil !== null && now.getTime() + margin >= submission.resendUntil.getTime();
  const task = submission.action === 'send' && mayPayTwice ? 'ask' : submission.action;
  const taken: Submission = { ...submission, tries: submission.tries + 1, nextAt: new Date(now.getTime() + leaseMs) };
  assert(task !== 'batch', 'what goes into a file is not called for');
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
  kinds: OutgoingKind[];
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
      claim(tx, this.o.kinds, this.o.clock, this.o.ids, (name) => this.connector(name).limits(), this.o.leaseMs, limit, hand),
    );
    // A vault that cannot be read ends this here: what was taken is asked about when its lease ends, not found, and sent then.
    const destinations = await this.destinations(
      merchantId,
      claimed.filter(({ task }) => task === 'send'),
    );
    return claimed.map((one) => this.work(merchantId, one, destinations.get(one.payout.id)));
  }

  private async destinations(merchantId: string, sending: Claimed[]): Promise<Map<string, OpenDestination>> {
    const opened = byKind(sending).map(([kind, own]) => kind.destinations(merchantId, column(own, 'payout')));
    return new Map((await Promise.all(opened)).flatMap((some) => [...some]));
  }

  private async work(merchantId: string, { payout, submission, task, first, until }: Claimed, destination: OpenDestination | undefined): Promise<Verdict> {
    const verdict = await this.call(payout, submission, task, until, destination);
    const source = task === 'send' ? 'call' : task === 'ask' ? 'inquiry' : 'cancel';
    await this.o.outcomes.submit(merchantId, { payoutId: payout.id, verdict, source, tries: submission.tries, first });
    return verdict;
  }

  private async call(
    payout: Outgoing,
    submission: Submission,
    task: Claimed['task'],
    until: number,
    destination: OpenDestination | undefined,
  ): Promise<Verdict> {
    const connector = this.connector(submission.connector);
    // Frozen between the commit and here, this process may no longer be the one that holds the lease.
    if (this.o.clock.monotonic() >= until - this.o.leaseMs / 2)
      return { kind: 'unsent', why: 'the lease was about to end before the call began', untried: true };
    if (task === 'ask') return connector.inquire(submission.reference);
    if (task === 'cancel') return connector.cancel(submission.reference);
    if (!destination) return { kind: 'unsent', why: 'its destination cannot be opened', untried: true };
    const { amount, currency, description } = payout;
    return destination((open) => connector.send({ reference: submission.reference, amount, currency, description: description ?? '', ...open }));
  }

  private connector(name: string): Connector {
    const connector = this.o.connectors.get(name);
    assert(connector, `connector ${name} is configured`);
    return connector;
  }
}
