import type { AuthorizationInquiry, AuthorizeOutcome, OperationInquiry, OperationOutcome } from '../connectors/authorizer.ts';
import type { ProcessorLimits } from '../connectors/connector.ts';
import { askAt, fencedFrom, inTime, remembers } from '../sending/decide.ts';
import type { Evidence, Submission, SubmissionOutcome } from './submission.ts';

/** Everything that may become known of an authorization or an operation, from whatever side. */
export type WalletVerdict = AuthorizeOutcome | AuthorizationInquiry | OperationOutcome | OperationInquiry;

/** Something that was heard of an authorization or an operation. */
export interface Heard {
  /** of the authorization or the operation */
  id: string;
  authorizationId: string;
  verdict: WalletVerdict;
  /** a callback or an operator may speak at any time; the others speak for the try they began */
  source: 'call' | 'inquiry' | 'callback' | 'operator';
  /** the try that asked; unset where nobody of ours asked */
  tries?: number;
  /** that try was the first send of its reference: if it did not leave, nothing ever did */
  first?: boolean;
}

/** How far it has come: asked for, or at its end. */
export type Stage = 'open' | 'done' | 'failed';

/** What follows from what was heard. */
export interface Decision {
  /** it is at its end now */
  end?: { isDone: true; rrn: string | null; authCode: string | null } | { isDone: false; errorCode: string; errorMessage: string };
  /** the submission as it stands from now on */
  submission?: Partial<Submission>;
  /** what was agreed to is let go at the processor, by whomever */
  isVoid?: true;
  /** only a person can settle this */
  incident?: {
    kind: 'executed_after_refusal' | 'declined_after_settlement' | 'reference_conflict' | 'reference_forgotten' | 'answer_before_send';
    detail: string;
  };
}

const ofAuthorizations = new Set<string>(['authorized', 'voided', 'action_required']);
/** Whether a verdict can be about an authorization, or about what is done with one. */
const fits = (kind: Submission['kind'], verdict: string): boolean => (kind === 'authorize' ? verdict !== 'done' : !ofAuthorizations.has(verdict));

type Later = (action: Submission['action'], outcome: SubmissionOutcome, note: string) => Decision;

/**
 * What an authorization or an operation and its submission become when something is heard of it. Pure, and total: every
 * verdict at every stage.
 *
 * The rules: unknown is never failure, and no time-out is; a refusal needs proof; a reference is sent again only while the
 * processor still remembers it; what is at its end stays, and what contradicts that becomes an incident.
 *
 * @param jitter in [0, 1)
 */
export function decide(stage: Stage, submission: Submission, heard: Heard, now: Date, limits: ProcessorLimits, jitter: number): Decision {
  const { verdict, source } = heard;
  if (stage !== 'open') return afterEnd(stage, submission, verdict, source);
  if (submission.phase === 'prepared') return { incident: { kind: 'answer_before_send', detail: `${source} says ${verdict.kind} of what was not sent` } };
  const later: Later = (action, outcome, note) => {
    const tries = verdict.kind === 'absent' && action === 'send' ? 1 : submission.tries; // what follows from an answer that was just given does not wait
    return { submission: { action, outcome, note, nextAt: inTime(askAt({ tries }, now, jitter), submission, now, limits) } };
  };
  // Once the processor has said it has it, a question without an answer takes nothing of that back.
  const doubt: SubmissionOutcome = submission.outcome === 'accepted' ? 'accepted' : 'unknown';
  // A callback is one word for authorizations and operations alike: what does not fit says nothing of this one.
  if (!fits(submission.kind, verdict.kind)) {
    const detail = `${source} says ${verdict.kind} of a ${submission.kind}`;
    return { ...later('ask', doubt, detail), incident: { kind: 'reference_conflict', detail } };
  }

  switch (verdict.kind) {
    case 'authorized':
      return { end: { isDone: true, rrn: verdict.rrn, authCode: verdict.authCode }, submission: closed('done', null, now) };
    case 'done':
      return { end: { isDone: true, rrn: verdict.rrn, authCode: null }, submission: closed('done', null, now) };
    case 'declined':
      return { end: { isDone: false, errorCode: verdict.code, errorMessage: verdict.message }, submission: closed('declined', 'decline', now) };
    case 'voided':
      return { end: notExecuted('the authorization was let go before anything of it was taken'), submission: closed('not_executed', 'voided', now) };
    case 'action_required': // a wallet's customer is asked in the wallet: there is nobody to send to a page
    case 'pending':
      return later('ask', 'accepted', 'the processor has it and will say later');
    case 'unknown':
      return later('ask', doubt, verdict.why);
    case 'unsent':
      // Proof for this try only: an earlier one may have arrived. Where there was none, it is as if nothing had been tried.
      return heard.first ? { submission: untried(submission, verdict.why, now, jitter) } : later(submission.action, doubt, verdict.why);
    case 'absent':
      return absent(submission, now, limits, later);
    case 'conflict':
      return {
        submission: { action: 'ask', outcome: 'unknown', note: verdict.why, nextAt: askAt(submission, now, jitter) },
        incident: { kind: 'reference_conflict', detail: verdict.why },
      };
  }
}

/**
 * Not known is no proof by itself. While the processor would recognise the reference, sending it again is safe. Shortly before
 * it forgets nothing is sent any more; then, absence after the longest time in flight is the proof that nothing arrived. Once it
 * has forgotten, or had said that it has it, absence proves nothing: that is a person's matter, and asked on.
 */
function absent(submission: Submission, now: Date, limits: ProcessorLimits, later: Later): Decision {
  if (submission.outcome === 'accepted') return forgotten('accepted', 'the processor had accepted it and does not know it now', later);
  if (!remembers(submission, now, limits))
    return forgotten('unknown', 'the processor was first asked so long ago that it may have executed it and forgotten it', later);
  if (submission.resendUntil && now < fencedFrom(submission.resendUntil, limits))
    return later('send', 'unknown', 'not known to the processor: to be sent again under the same reference');
  return submission.absentAfter !== null && now >= submission.absentAfter
    ? { end: notExecuted('the processor did not execute it; it may be asked for again'), submission: closed('not_executed', 'absent_after_max_inflight', now) }
    : later('ask', 'unknown', 'not known to the processor yet');
}

const forgotten = (outcome: SubmissionOutcome, detail: string, later: Later): Decision => ({
  ...later('ask', outcome, detail),
  incident: { kind: 'reference_forgotten', detail },
});

/** What the processor says against an end that stands. That what was agreed to is void now is no contradiction. */
function afterEnd(stage: 'done' | 'failed', submission: Submission, verdict: WalletVerdict, source: Heard['source']): Decision {
  if (stage === 'failed' && (verdict.kind === 'done' || verdict.kind === 'authorized'))
    return { incident: { kind: 'executed_after_refusal', detail: `${source} says ${verdict.kind}; it has failed` } };
  if (stage === 'done' && verdict.kind === 'declined')
    return { incident: { kind: 'declined_after_settlement', detail: `${source} says declined; it was carried out` } };
  if (stage === 'done' && verdict.kind === 'voided') return { isVoid: true };
  return submission.nextAt ? { submission: { nextAt: null } } : {};
}

/** As if it had never been taken, but for the count. */
const untried = (submission: Submission, note: string, now: Date, jitter: number): Partial<Submission> => ({
  ...{ action: 'send', phase: 'prepared', outcome: 'pending', note, nextAt: askAt(submission, now, jitter) },
  ...{ sentAt: null, resendUntil: null, absentAfter: null },
});

const notExecuted = (errorMessage: string) => ({ isDone: false, errorCode: '91', errorMessage }) as const;

const closed = (outcome: SubmissionOutcome, evidence: Evidence | null, now: Date): Partial<Submission> => ({
  ...{ outcome, evidence, resolvedAt: now, nextAt: null, note: null },
});
