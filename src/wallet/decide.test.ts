import { expect, test } from 'vitest';
import { decide, type Heard, type Stage, type WalletVerdict } from './decide.ts';
import type { Submission } from './submission.ts';

const now = new Date('2026-01-02T00:00:00Z');
const limits = { retentionSeconds: 86_400, maxInFlightSeconds: 30 };
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);
const submission = (more: Partial<Submission> = {}): Submission => ({
  ...{ id: 'a', authorizationId: 'a', kind: 'authorize', amount: 1n, connector: 'processor', reference: 'r', action: 'ask', phase: 'sent', outcome: 'pending' },
  ...{
    evidence: null,
    preparedAt: ago(60),
    sentAt: ago(60),
    resendUntil: ago(60 - 86_400),
    absentAfter: ago(10),
    resolvedAt: null,
    tries: 1,
    nextAt: now,
    note: null,
  },
  ...more,
});
const verdicts: WalletVerdict[] = [
  { kind: 'authorized', rrn: '1', authCode: '2' },
  { kind: 'done', rrn: '1' },
  { kind: 'declined', code: '51', message: 'no' },
  { kind: 'voided' },
  { kind: 'action_required', url: 'https://bank.example' },
  { kind: 'pending' },
  { kind: 'unknown', why: 'no answer' },
  { kind: 'unsent', why: 'refused' },
  { kind: 'absent' },
  { kind: 'conflict', why: 'other content' },
];
const of = (kind: WalletVerdict['kind']) => verdicts.find((verdict) => verdict.kind === kind) as WalletVerdict;
const heard = (kind: WalletVerdict['kind'], more: Partial<Heard> = {}): Heard => ({
  id: 'a',
  authorizationId: 'a',
  verdict: of(kind),
  source: 'inquiry',
  tries: 1,
  ...more,
});
const decided = (kind: WalletVerdict['kind'], more: Partial<Submission> = {}, stage: Stage = 'open', said: Partial<Heard> = {}) =>
  decide(stage, submission(more), heard(kind, said), now, limits, 0);

/** What each verdict makes of what is open and was sent a minute ago: its end, what is done next, and how the outcome stands. */
const table: [WalletVerdict['kind'], end: string, action: string | undefined, outcome: string][] = [
  ['authorized', 'done', undefined, 'done'],
  ['done', 'done', undefined, 'done'],
  ['declined', 'failed 51', undefined, 'declined'],
  ['voided', 'failed 91', undefined, 'not_executed'],
  ['action_required', '', 'ask', 'accepted'],
  ['pending', '', 'ask', 'accepted'],
  ['unknown', '', 'ask', 'unknown'],
  ['unsent', '', 'ask', 'unknown'],
  ['absent', '', 'send', 'unknown'],
  ['conflict', '', 'ask', 'unknown'],
];

test.each(table)('%s: end "%s", next %s, %s', (kind, end, action, outcome) => {
  const { end: ended, submission: after } = decided(kind, kind === 'done' ? { kind: 'capture' } : {});
  expect(ended ? (ended.isDone ? 'done' : `failed ${ended.errorCode}`) : '').toBe(end);
  expect(after).toMatchObject({ ...(action ? { action } : { nextAt: null, resolvedAt: now }), outcome });
  if (action) expect(after?.nextAt?.getTime()).toBeGreaterThan(now.getTime());
});

test('every verdict at every stage, phase and outcome has an answer; what is open is looked after until it has ended', () => {
  for (const verdict of verdicts)
    for (const stage of ['open', 'done', 'failed'] as const)
      for (const phase of ['prepared', 'sent'] as const)
        for (const outcome of ['pending', 'accepted', 'unknown'] as const)
          for (const resendUntil of [null, ago(-86_000), ago(-100), ago(5)])
            for (const source of ['call', 'inquiry', 'callback', 'operator'] as const) {
              const decision = decide(stage, submission({ phase, outcome, resendUntil }), heard(verdict.kind, { source }), now, limits, 0.5);
              if (stage !== 'open') expect(decision.end).toBeUndefined();
              if (stage === 'open' && phase === 'sent' && !decision.end) expect(decision.submission?.nextAt).toBeInstanceOf(Date);
              if (decision.end && !decision.end.isDone) expect(['declined', 'voided', 'absent']).toContain(verdict.kind);
              if (decision.submission?.action === 'send') expect(['absent', 'unsent']).toContain(verdict.kind);
            }
});

test('what was proved not to have left is as if it had not been tried; only a first try proves that', () => {
  expect(decided('unsent', {}, 'open', { first: true }).submission).toMatchObject({ action: 'send', phase: 'prepared', sentAt: null, resendUntil: null });
  expect(decided('unsent', {}, 'open', { first: false }).submission).toMatchObject({ action: 'ask', outcome: 'unknown' });
});

test('absence is proof only late, and only as long as the processor remembers', () => {
  const soonForgotten = { resendUntil: ago(-1_800) }; // within the last hour of a day: nothing is sent any more
  expect(decided('absent', { ...soonForgotten, absentAfter: ago(1) }).end).toMatchObject({ isDone: false, errorCode: '91' });
  expect(decided('absent', { ...soonForgotten, absentAfter: ago(-1) })).toMatchObject({ submission: { action: 'ask' } });
  expect(decided('absent', { ...soonForgotten, absentAfter: ago(-1) }).end).toBeUndefined();
  expect(decided('absent', { resendUntil: ago(1) })).toMatchObject({ submission: { action: 'ask' }, incident: { kind: 'reference_forgotten' } });
  expect(decided('absent', { ...soonForgotten, outcome: 'accepted' })).toMatchObject({
    submission: { action: 'ask', outcome: 'accepted' },
    incident: { kind: 'reference_forgotten' },
  });
});

test('a question without an answer takes nothing back of what the processor had said', () => {
  expect(decided('unknown', { outcome: 'accepted' }).submission).toMatchObject({ outcome: 'accepted' });
});

test('what is at its end stays; what contradicts it is an incident', () => {
  for (const kind of ['authorized', 'done'] as const)
    expect(decided(kind, {}, 'failed')).toEqual({ incident: { kind: 'executed_after_refusal', detail: expect.any(String) } });
  expect(decided('declined', {}, 'done')).toEqual({ incident: { kind: 'declined_after_settlement', detail: expect.any(String) } });
  expect(decided('voided', { nextAt: null }, 'done')).toEqual({ isVoid: true });
  expect(decided('done', { nextAt: null }, 'done')).toEqual({});
});

test('an answer to what was not sent is a person’s matter', () => {
  expect(decided('authorized', { phase: 'prepared', sentAt: null }, 'open', { source: 'callback' })).toEqual({
    incident: { kind: 'answer_before_send', detail: 'callback says authorized of what was not sent' },
  });
});

test('questions come later the more often they were asked', () => {
  const waits = [1, 2, 5, 20].map((tries) => (Number(decided('pending', { tries }).submission?.nextAt) - now.getTime()) / 1000);
  expect(waits).toEqual([1, 2, 15, 1800]);
});

test('a word of authorizations says nothing of an operation, nor the other way round', () => {
  for (const [kind, verdict] of [
    ['capture', 'authorized'],
    ['refund', 'voided'],
    ['cancel', 'voided'],
    ['authorize', 'done'],
  ] as const) {
    const { end, incident, submission: after } = decided(verdict, { kind });
    expect([end, incident?.kind, after?.action]).toEqual([undefined, 'reference_conflict', 'ask']);
  }
});
