import { expect, test } from 'vitest';
import type { Verdict } from '../connectors/connector.ts';
import { decide, type Decision, type Heard, type Source } from './decide.ts';
import { type Outgoing, outgoingMoves, type OutgoingState } from './outgoing.ts';
import type { Action, Submission, SubmissionOutcome } from './submission.ts';

const now = new Date('2026-01-01T00:00:00Z');
const limits = { retentionSeconds: 3600, maxInFlightSeconds: 60 };
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);

const payout = (state: OutgoingState) => ({ id: 'p', state, seq: 2 }) as Outgoing;
const submission = (over: Partial<Submission>): Submission => ({
  ...{ payoutId: 'p', attempt: 1, connector: 'processor', reference: 'r', action: 'ask', phase: 'sent', outcome: 'pending', evidence: null },
  ...{
    preparedAt: ago(100),
    sentAt: ago(90),
    resendUntil: new Date(now.getTime() + 3_000_000),
    absentAfter: ago(-60),
    resolvedAt: null,
    tries: 1,
    nextAt: ago(-30),
    note: null,
  },
  ...over,
});

const verdicts: Verdict[] = [
  { kind: 'executed', rrn: '1', executedAt: null },
  { kind: 'declined', code: '05', message: 'no' },
  { kind: 'declined', code: '96', message: 'malfunction' },
  { kind: 'pending' },
  { kind: 'unknown', why: 'time-out' },
  { kind: 'unsent', why: 'refused' },
  { kind: 'conflict', why: 'other content' },
  { kind: 'absent' },
  { kind: 'cancelled' },
  { kind: 'returned', rrn: '1', code: '14' },
  { kind: 'unsupported' },
];
const states: OutgoingState[] = ['new', 'processing', 'settled', 'rejected', 'failed'];
const sources: Source[] = ['call', 'inquiry', 'cancel', 'callback', 'operator'];
const outcomes: SubmissionOutcome[] = ['pending', 'accepted', 'unknown'];
const actions: Action[] = ['send', 'ask', 'cancel'];
const times = [
  { resendUntil: new Date(now.getTime() + 3_000_000), absentAfter: new Date(now.getTime() + 60_000) }, // just sent
  { resendUntil: new Date(now.getTime() + 30_000), absentAfter: ago(10) }, // the processor is about to forget it
  { resendUntil: ago(10), absentAfter: ago(10) }, // it has forgotten it
  { resendUntil: null, absentAfter: null }, // never sent
];

/** Every verdict, from every source, in every state, at every stage of a submission. */
function* everything(): Generator<{ payout: Outgoing; submission: Submission; heard: Heard; decision: Decision }> {
  for (const state of states)
    for (const verdict of verdicts)
      for (const source of sources)
        for (const outcome of outcomes)
          for (const action of actions)
            for (const time of times)
              for (const first of [true, false]) {
                const [p, s, heard] = [payout(state), submission({ outcome, action, ...time }), { payoutId: 'p', verdict, source, first }];
                yield { payout: p, submission: s, heard, decision: decide(p, s, heard, now, limits, 0.5) };
              }
}
const all = [...everything()];

test('a decision is only ever a move that the machine has', () => {
  expect(all).toHaveLength(states.length * verdicts.length * sources.length * outcomes.length * actions.length * times.length * 2);
  for (const { payout, decision } of all) if (decision.move) expect(outgoingMoves[payout.state][decision.move.move]).toBeDefined();
});

test('only an execution settles, and only proof fails or rejects', () => {
  for (const { decision, heard, submission } of all) {
    if (!decision.move) continue;
    const after = { ...submission, ...decision.submission };
    if (decision.move.move === 'settle') expect(['executed', 'returned']).toContain(heard.verdict.kind);
    else {
      expect(['declined', 'cancelled', 'unsupported']).toContain(heard.verdict.kind);
      expect(['declined', 'not_executed']).toContain(after.outcome);
      expect(['decline', 'cancel_ack', 'absent_after_max_inflight']).toContain(after.evidence);
    }
    expect(after.resolvedAt).toEqual(now);
    expect(after.nextAt).toBeNull();
  }
});

test('absence alone never ends a payout; where a processor cannot cancel, it does so only after the longest time in flight', () => {
  for (const { decision, heard, submission } of all) {
    if (heard.verdict.kind === 'absent') expect(decision.move).toBeUndefined();
    if (heard.verdict.kind === 'unsupported' && decision.move)
      expect(submission.absentAfter && submission.absentAfter <= now && submission.outcome !== 'accepted').toBe(true);
  }
});

test('what a processor has forgotten it cannot deny: neither absence nor a fence proves anything then', () => {
  for (const { decision, heard, submission } of all.filter(({ payout }) => payout.state === 'processing')) {
    if (!submission.resendUntil || submission.resendUntil > now || !['call', 'inquiry', 'cancel'].includes(heard.source)) continue;
    if (!['absent', 'cancelled', 'unsupported'].includes(heard.verdict.kind)) continue;
    expect(decision.move).toBeUndefined();
    if (heard.verdict.kind === 'cancelled')
      expect(decision).toMatchObject({ submission: { outcome: 'unknown', action: 'ask' }, incident: { kind: 'reference_forgotten' } });
  }
});

test('a final payout stays, whatever is heard; what contradicts it opens an incident', () => {
  for (const { payout, heard, decision } of all.filter(({ payout }) => !['new', 'processing'].includes(payout.state))) {
    expect(decision.move).toBeUndefined();
    const contradicts =
      payout.state === 'settled' ? ['declined', 'cancelled'].includes(heard.verdict.kind) : ['executed', 'returned'].includes(heard.verdict.kind);
    expect(decision.incident !== undefined).toBe(contradicts);
    expect(decision.returned !== undefined).toBe(payout.state === 'settled' && heard.verdict.kind === 'returned');
  }
});

test('a payout that was not sent is never moved by what is heard', () => {
  for (const { decision } of all.filter(({ payout }) => payout.state === 'new')) {
    expect(decision.move).toBeUndefined();
    expect(decision.incident?.kind).toBe('answer_before_send');
  }
});

test('a payout on its way is always looked after again, or final', () => {
  for (const { decision } of all.filter(({ payout }) => payout.state === 'processing'))
    expect(decision.move !== undefined || (decision.submission?.nextAt ?? now) > now).toBe(true);
});

test('a reference is sent again only while the processor will still know it when it arrives', () => {
  for (const { decision, submission, heard } of all) {
    if (decision.submission?.action !== 'send') continue;
    if (heard.verdict.kind === 'unsent' && heard.first) continue; // it never left
    if (submission.action === 'send' && heard.verdict.kind === 'unsent') continue; // judged again when it is taken
    expect(heard.verdict.kind).toBe('absent');
    expect(now.getTime() + limits.maxInFlightSeconds * 1000).toBeLessThan((submission.resendUntil as Date).getTime());
    expect(submission.outcome).not.toBe('accepted');
  }
});

test('a transfer that the processor had accepted is never sent again or fenced because it is not known now', () => {
  for (const { decision, submission, heard } of all.filter(({ payout }) => payout.state === 'processing')) {
    if (heard.verdict.kind === 'absent' && submission.outcome === 'accepted') expect(decision.submission).toMatchObject({ action: 'ask', outcome: 'unknown' });
  }
});

test('only what never left goes back to the beginning', () => {
  for (const { decision, heard } of all)
    if (decision.submission?.phase === 'prepared') expect(heard).toMatchObject({ verdict: { kind: 'unsent' }, first: true });
});

test('questions without an answer come more and more seldom; what follows from an answer does not wait', () => {
  const unlucky = submission({ tries: 20, outcome: 'unknown', resendUntil: new Date(now.getTime() + 24 * 3_600_000) });
  const day = { retentionSeconds: 24 * 3600, maxInFlightSeconds: 60 };
  const seconds = (verdict: Verdict) => {
    const { nextAt } = decide(payout('processing'), unlucky, { payoutId: 'p', verdict, source: 'inquiry' }, now, day, 0).submission ?? {};
    return ((nextAt?.getTime() ?? 0) - now.getTime()) / 1000;
  };
  expect(seconds({ kind: 'unknown', why: 'time-out' })).toBe(1800);
  expect(seconds({ kind: 'pending' })).toBe(1800);
  expect(seconds({ kind: 'absent' })).toBe(1);
});
