import type { Authorizer } from '../connectors/authorizer.ts';
import type { ProcessorLimits } from '../connectors/connector.ts';
import type { Tx } from '../db/db.ts';
import { assert } from '../errors.ts';
import type { Groups } from '../groups.ts';
import type { Ids } from '../ids.ts';
import { advance } from '../machine.ts';
import type { Clock } from '../ports.ts';
import type { Sealer } from '../sealing.ts';
import type { Hand, Telling } from '../webhooks/events.ts';
import { type Authorization, authorizationMachine, tryLockAuthorizations } from './authorization.ts';
import type { Heard, WalletVerdict } from './decide.ts';
import { openPerson } from './person.ts';
import type { Effect } from './resolve.ts';
import { lockDue, storeSubmissions, type Submission } from './submission.ts';

/** A submission that this process took, with what it is to do now. */
interface Claimed {
  authorization: Authorization;
  submission: Submission;
  task: 'send' | 'ask';
  /** this is the first send of the reference */
  first: boolean;
  /** monotonic milliseconds: later than this, somebody else may have taken it */
  until: number;
}

export interface SenderOptions {
  clock: Clock;
  ids: Ids;
  authorizer: Authorizer;
  sealer: Sealer;
  outcomes: Groups<Heard, Effect>;
  /** for how long nobody else takes what was taken; a call is never begun later */
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
  async takeDue(merchantId: string, limit: number): Promise<Promise<WalletVerdict>[]> {
    const claimed = await this.o.telling(merchantId, (tx, hand) => this.claim(tx, limit, hand));
    return claimed.map((one) => this.work(merchantId, one));
  }

  /**
   * Takes what is due and commits the intent before anybody is asked: the authorization is `processing`, the reference and the
   * time of sending are on record, and a crash from here on leaves `ask` behind.
   */
  private async claim(tx: Tx, limit: number, hand?: Hand): Promise<Claimed[]> {
    const { clock, ids, leaseMs, authorizer } = this.o;
    const until = clock.monotonic() + leaseMs;
    const now = clock.now();
    const due = await lockDue(tx, now, limit);
    if (due.length === 0) return [];
    const locked = await tryLockAuthorizations(tx, [...new Set(due.map(({ authorizationId }) => authorizationId))]);
    const authorizations = new Map(locked.map((one) => [one.id, one]));
    const claimed = due.flatMap((submission): Claimed[] => {
      const authorization = authorizations.get(submission.authorizationId);
      return authorization ? [{ authorization, ...take(submission, now, leaseMs, authorizer.limits()), until }] : []; // somebody changes it at this moment
    });
    if (claimed.length === 0) return [];
    const starting = claimed.filter(({ authorization }) => authorization.state === 'new').map(({ authorization }) => authorization);
    const stored = storeSubmissions(
      tx,
      claimed.map(({ submission }) => submission),
    );
    const moves = starting.map((row) => ({ row, move: 'send' as const, cause: 'send' }));
    const [count] = await Promise.all([stored, advance(tx, authorizationMachine, moves, now, ids, hand)]);
    assert(count === claimed.length, 'every claim was stored');
    return claimed;
  }

  private async work(merchantId: string, claimed: Claimed): Promise<WalletVerdict> {
    const { submission, task, first } = claimed;
    const verdict = await this.call(claimed);
    await this.o.outcomes.submit(merchantId, {
      ...{ id: submission.id, authorizationId: submission.authorizationId, verdict },
      ...{ source: task === 'send' ? 'call' : 'inquiry', tries: submission.tries, first },
    });
    return verdict;
  }

  private async call({ authorization, submission, task, until }: Claimed): Promise<WalletVerdict> {
    const { authorizer, clock, leaseMs } = this.o;
    const { kind, amount, reference } = submission;
    assert(submission.connector === authorizer.name, `connector ${submission.connector} is configured`);
    // Frozen between the commit and here, this process may no longer be the one that holds the lease.
    if (clock.monotonic() >= until - leaseMs / 2) return untried('the lease was about to end before the call began');
    if (task === 'ask') return kind === 'authorize' ? authorizer.inquireAuthorization(reference) : authorizer.inquireOperation(reference);
    if (kind !== 'authorize') return authorizer.operate({ kind, reference, authorization: authorization.reference, amount });
    const person = this.personOf(authorization);
    if (!person) return untried('whose wallet it is cannot be read: it was sealed under another master key');
    const instrument = { kind: 'wallet', ...person } as const;
    return authorizer.authorize({ reference, amount, currency: authorization.currency, instrument, initiator: 'customer' });
  }

  private personOf({ id, person }: Authorization) {
    try {
      return person && openPerson(this.o.sealer, person, id);
    } catch {
      return undefined;
    }
  }
}

const untried = (why: string) => ({ kind: 'unsent', why, untried: true }) as const;

function take(submission: Submission, now: Date, leaseMs: number, limits: ProcessorLimits): Pick<Claimed, 'submission' | 'task' | 'first'> {
  const first = submission.phase === 'prepared';
  const margin = limits.maxInFlightSeconds * 1000;
  const mayDoTwice = submission.resendUntil !== null && now.getTime() + margin >= submission.resendUntil.getTime();
  const task = submission.action === 'send' && !mayDoTwice ? 'send' : 'ask';
  const taken: Submission = { ...submission, tries: submission.tries + 1, nextAt: new Date(now.getTime() + leaseMs), action: 'ask' };
  if (task === 'ask') return { submission: taken, task, first: false };
  const sentAt = now > submission.preparedAt ? now : submission.preparedAt;
  return {
    submission: {
      ...taken,
      ...{ phase: 'sent', sentAt },
      resendUntil: submission.resendUntil ?? new Date(sentAt.getTime() + limits.retentionSeconds * 1000),
      absentAfter: new Date(sentAt.getTime() + leaseMs + limits.maxInFlightSeconds * 1000),
    },
    task,
    first,
  };
}
