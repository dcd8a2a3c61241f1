import type { ProcessorLimits, Verdict } from '../connectors/connector.ts';
import type { Outgoing, OutgoingMove } from './outgoing.ts';
import type { Action, Evidence, Submission, SubmissionOutcome } from './submission.ts';

/** Who says it. A callback, a bank's statement or an operator may speak at any time; the others speak for the try they began. */
export type Source = 'call' | 'inquiry' | 'cancel' | 'callback' | 'statement' | 'operator';

/** Something that was heard of a payout. */
export interface Heard {
  payoutId: string;
  verdict: Verdict;
  source: Source;
  /** the try of the submission that asked; unset where nobody of ours asked */
  tries?: number;
  /** that try was the first send of its reference: if it did not leave, nothing ever did */
  first?: boolean;
  /** the callback that says so, by its sender's id: applied once */
  callback?: { processor: string; dedupeKey: string };
}

/** What follows from what was heard. */
export interface Decision {
  /** the payout's move, where it is final now */
  move?: { move: OutgoingMove; rrn?: string | null; errorCode?: string; errorMessage?: string };
  /** the submission as it stands from now on */
  submission?: Partial<Submission>;
  /** the bank gave the money back after it had paid */
  returned?: { code: string | null };
  /** only a person can settle this */
  incident?: {
    kind: 'executed_after_refusal' | 'declined_after_settlement' | 'reference_conflict' | 'reference_forgotten' | 'answer_before_send';
    detail: string;
  };
}

/** Response codes that prove a technical failure without execution: the payout failed and may be asked for again. @source design, §8 */
const TECHNICAL = new Set(['91', '96']);

/** Seconds until an outcome is asked for again; the last one repeats. Spread by up to a quarter, so that questions do not come in waves. */
const ASK_AFTER = [1, 2, 4, 8, 15, 30, 60, 120, 300, 600, 1800];

/**
 * What a payout and its submission become when something is heard of them. Pure, and total: every verdict in every state.
 *
 * The rules: unknown is never failure; a refusal needs proof; a reference is sent again only while the processor still
 * remembers it; what is final stays, and what contradicts it becomes an incident.
 *
 * @param jitter in [0, 1)
 */
export function decide(payout: Outgoing, submission: Submission, heard: Heard, now: Date, limits: ProcessorLimits, jitter: number): Decision {
  const { verdict, source } = heard;
  if (payout.state === 'new') return { incident: { kind: 'answer_before_send', detail: `${source} says ${verdict.kind} of a payout that was not sent` } };
  if (payout.state !== 'processing') return afterFinal(payout, submission, verdict, source);
  // A question comes later the more often it was asked; what follows from an answer that was just given does not wait.
  const later = (action: Action, outcome: SubmissionOutcome, note: string): Decision => {
    const tries = verdict.kind === 'absent' && action !== 'ask' ? 1 : submission.tries;
    const nextAt = limits.tellsByItself ? null : inTime(askAt({ tries }, now, jitter), submission, now, limits);
    return { submission: { action, outcome, note, nextAt } };
  };
  // Once the processor has said it has the transfer, a question without an answer takes nothing of that back.
  const doubt: SubmissionOutcome = submission.outcome === 'accepted' ? 'accepted' : 'unknown';

  switch (verdict.kind) {
    case 'executed':
      return { move: { move: 'settle', rrn: verdict.rrn }, submission: done('settled', null, now) };
    case 'returned':
      return { move: { move: 'settle', rrn: verdict.rrn }, submission: done('settled', null, now), returned: { code: verdict.code } };
    case 'declined':
      return {
        move: { move: TECHNICAL.has(verdict.code) ? 'fail' : 'reject', errorCode: verdict.code, errorMessage: verdict.message },
        submission: done('declined', 'decline', now),
      };
    case 'cancelled':
      // A processor fences what it has forgotten as readily as what never was. What it says unasked, it says of what it knows.
      return remembers(submission, now, limits) || source === 'callback' || source === 'statement' || source === 'operator'
        ? { move: notExecuted, submission: done('not_executed', 'cancel_ack', now) }
        : forgotten(later);
    case 'pending':
      return later('ask', 'accepted', 'the processor has it and will say later');
    case 'unknown':
      return later(submission.action === 'cancel' ? 'cancel' : 'ask', doubt, verdict.why);
    case 'unsent':
      // Proof for this try only: an earlier one may have arrived. Where there was none, it is as if nothing had been tried.
      return heard.first
        ? {
            submission: {
              action: 'send',
              phase: 'prepared',
              outcome: 'pending',
              sentAt: null,
              resendUntil: null,
              absentAfter: null,
              note: verdict.why,
              nextAt: askAt(submission, now, jitter),
            },
          }
        : later(submission.action, doubt, verdict.why);
    case 'absent':
      return absent(submission, now, limits, later);
    case 'unsupported':
      return submission.absentAfter && now >= submission.absentAfter && submission.outcome !== 'accepted' && remembers(submission, now, limits)
        ? { move: notExecuted, submission: done('not_executed', 'absent_after_max_inflight', now) }
        : later('ask', doubt, 'the processor cannot cancel');
    case 'conflict':
      return {
        submission: { action: 'ask', outcome: 'unknown', note: verdict.why, nextAt: limits.tellsByItself ? null : askAt(submission, now, jitter) },
        incident: { kind: 'reference_conflict', detail: verdict.why },
      };
  }
}

const notExecuted = { move: 'fail', errorCode: '91', errorMessage: 'the processor did not execute the payout; it may be asked for again' } as const;

type Later = (action: Action, outcome: SubmissionOutcome, note: string) => Decision;

/**
 * Not known is no proof by itself. While the processor would recognise the reference, sending it again is safe and gets the
 * payout through. Before it forgets, the reference is fenced: only `cancelled`, or absence after the longest time in flight
 * where a processor cannot cancel, says that nothing was executed. Once it has forgotten, neither says anything any more: that,
 * and a transfer that was once accepted and is not known now, is a person's matter.
 */
function absent(submission: Submission, now: Date, limits: ProcessorLimits, later: Later): Decision {
  if (submission.outcome === 'accepted') return later('ask', 'unknown', 'the processor accepted it and no longer knows it');
  if (!remembers(submission, now, limits)) return forgotten(later);
  if (submission.resendUntil && now < fencedFrom(submission.resendUntil, limits))
    return later('send', 'unknown', 'not known to the processor: to be sent again under the same reference');
  const arrived = submission.absentAfter !== null && now >= submission.absentAfter;
  return arrived
    ? later('cancel', 'unknown', 'not known to the processor after the longest time in flight: to be fenced')
    : later('ask', 'unknown', 'not known to the processor yet');
}

/** Whether the processor would still know a reference that it had taken. Half the time in flight is left for clocks that differ. */
export const remembers = ({ resendUntil }: Pick<Submission, 'resendUntil'>, now: Date, { maxInFlightSeconds }: ProcessorLimits): boolean =>
  resendUntil === null || now.getTime() + maxInFlightSeconds * 500 < resendUntil.getTime();

/** The processor answered too late for its answer to be proof: it may have executed what it has forgotten since. */
const forgotten = (later: Later): Decision => {
  const detail = 'the processor was first asked so long ago that it may have executed it and forgotten it';
  return { ...later('ask', 'unknown', detail), incident: { kind: 'reference_forgotten', detail } };
};

/** From when on a reference is no longer sent again but fenced, so that there is time enough to do that before it is forgotten. */
export const fencedFrom = (resendUntil: Date, { retentionSeconds, maxInFlightSeconds }: ProcessorLimits): Date =>
  new Date(resendUntil.getTime() - Math.max(3 * maxInFlightSeconds, retentionSeconds / 24) * 1000);

/** Questions between the last moment for a fence and the end of the processor's memory. */
const LAST_QUESTIONS = 12;

/** Not so late that a reference is forgotten between two questions: one comes when it is to be fenced, and several after that. */
export function inTime(at: Date, submission: Pick<Submission, 'resendUntil'>, now: Date, limits: ProcessorLimits): Date {
  const { resendUntil } = submission;
  if (!resendUntil || !remembers(submission, now, limits)) return at;
  const fence = fencedFrom(resendUntil, limits).getTime();
  const latest = Math.max(fence, now.getTime() + (resendUntil.getTime() - fence) / LAST_QUESTIONS);
  return new Date(Math.min(at.getTime(), latest));
}

function afterFinal(payout: Outgoing, submission: Submission, verdict: Verdict, source: Source): Decision {
  const paid = payout.state === 'settled';
  if (verdict.kind === 'executed' && !paid)
    return {
      incident: { kind: 'executed_after_refusal', detail: `${source} says executed (${verdict.rrn ?? 'no reference number'}); the payout is ${payout.state}` },
    };
  if ((verdict.kind === 'declined' || verdict.kind === 'cancelled') && paid)
    return { incident: { kind: 'declined_after_settlement', detail: `${source} says ${verdict.kind}; the payout is settled` } };
  if (verdict.kind === 'returned' && paid) return { returned: { code: verdict.code } };
  if (verdict.kind === 'returned')
    return { incident: { kind: 'executed_after_refusal', detail: `${source} says executed and returned; the payout is ${payout.state}` } };
  return submission.nextAt ? { submission: { nextAt: null } } : {};
}

const done = (outcome: SubmissionOutcome, evidence: Evidence | null, now: Date): Partial<Submission> => ({
  outcome,
  evidence,
  resolvedAt: now,
  nextAt: null,
  note: null,
});

/** When an outcome is asked for again: sooner for a young one. */
export function askAt({ tries }: Pick<Submission, 'tries'>, now: Date, jitter: number): Date {
  const seconds = ASK_AFTER[Math.min(tries, ASK_AFTER.length) - 1] ?? 1;
  return new Date(now.getTime() + seconds * 1000 * (1 + jitter / 4));
}
