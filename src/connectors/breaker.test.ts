import { expect, test } from 'vitest';
import { VirtualClock } from '../sandbox/testing.ts';
import { Breaker } from './breaker.ts';
import type { Verdict } from './connector.ts';

const unlimited = Number.POSITIVE_INFINITY;

/** A breaker on a clock that stands still, and a call through it. */
function breaker() {
  const clock = new VirtualClock();
  const b = new Breaker(clock);
  const call = (kind: Verdict['kind']) => {
    b.began();
    b.heard({ kind });
  };
  const open = () => {
    for (let i = 0; i < 8; i++) call('unknown');
  };
  return { b, clock, call, open };
}

test('it opens after eight calls in a row without an answer, and not before', () => {
  for (const kind of ['unknown', 'unsent'] as const) {
    const { b, call } = breaker();
    for (let i = 0; i < 7; i++) call(kind);
    expect([b.isOpen, b.allowance()]).toEqual([false, unlimited]);
    call(kind);
    expect([b.isOpen, b.allowance()]).toEqual([true, 0]);
  }
});

test('every answer counts as one, also a refusal; in between they begin again at none', () => {
  for (const kind of ['executed', 'declined', 'pending', 'conflict', 'absent', 'cancelled', 'returned', 'unsupported'] as const) {
    const { b, call } = breaker();
    for (let i = 0; i < 7; i++) call('unknown');
    call(kind);
    for (let i = 0; i < 7; i++) call('unknown');
    expect([kind, b.isOpen]).toEqual([kind, false]);
  }
});

test('while it is open one call is tried from time to time, one at a time', async () => {
  const { b, clock, open } = breaker();
  open();
  await clock.advance(249);
  expect(b.allowance()).toBe(0);
  await clock.advance(1);
  expect(b.allowance()).toBe(1);
  b.began();
  expect(b.allowance()).toBe(0);
  await clock.advance(60_000);
  expect(b.allowance()).toBe(0); // it is still being waited for
  b.heard({ kind: 'unknown' });
  expect(b.allowance()).toBe(0);
});

test('the wait doubles up to fifteen seconds, and an answer makes it short again', async () => {
  const { b, clock, call, open } = breaker();
  open();
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) {
    let waited = 0;
    for (; b.allowance() === 0; waited += 50) await clock.advance(50);
    waits.push(waited);
    call('unsent');
  }
  expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  await clock.advance(15_000);
  call('declined');
  expect([b.isOpen, b.allowance()]).toEqual([false, unlimited]);
  open();
  await clock.advance(250);
  expect(b.allowance()).toBe(1);
});

test('calls that were in flight when it opened do not make the wait longer', async () => {
  const { b, clock } = breaker();
  for (let i = 0; i < 200; i++) b.began();
  for (let i = 0; i < 200; i++) b.heard({ kind: 'unknown' });
  await clock.advance(250);
  expect(b.allowance()).toBe(1);
});

test('a late answer to an old call closes it as well: the processor answers', async () => {
  const { b, open } = breaker();
  b.began();
  open();
  b.heard({ kind: 'executed' });
  expect(b.allowance()).toBe(unlimited);
});

test('what was not even tried says nothing about the processor', () => {
  const clock = { monotonic: () => 0 } as never;
  const breaker = new Breaker(clock);
  for (let i = 0; i < 50; i++) breaker.heard({ kind: 'unsent', untried: true });
  expect(breaker.isOpen).toBe(false);
});
