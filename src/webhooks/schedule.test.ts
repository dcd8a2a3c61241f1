import assert from 'node:assert/strict';
import { test } from 'vitest';
import { delayAfter, MAX_TRIES, retryAfter } from './schedule.ts';

test('ten tries, over about 76 hours', () => {
  const delays = Array.from({ length: 12 }, (_, i) => delayAfter(i + 1, 0));
  assert.deepEqual(
    delays.map((ms) => ms && ms / 1_000),
    [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, undefined, undefined, undefined],
  );
  assert.equal(delays.filter((ms) => ms !== undefined).length + 1, MAX_TRIES);
  assert.equal(Math.round(delays.reduce((sum: number, ms) => sum + (ms ?? 0), 0) / 360_000) / 10, 75.6);
});

test('jitter adds up to a tenth and takes nothing away', () => {
  assert.equal(delayAfter(1, 0.5), 5_250);
  assert.ok((delayAfter(9, 0.999) as number) <= 95_040_000);
});

test('a receiver that asks for time gets it, up to a day, and never less than the schedule', () => {
  assert.equal(delayAfter(1, 0, 60_000), 60_000);
  assert.equal(delayAfter(3, 0, 60_000), 1_800_000);
  assert.equal(delayAfter(1, 0, 1e12), 86_400_000);
});

test('Retry-After is seconds or a date', () => {
  const now = new Date('2026-03-01T12:00:00Z');
  assert.equal(retryAfter('120', now), 120_000);
  assert.equal(retryAfter('Sun, 01 Mar 2026 12:10:00 GMT', now), 600_000);
  assert.equal(retryAfter('Sun, 01 Mar 2026 11:00:00 GMT', now), 0);
  for (const nonsense of [undefined, '', '-5', '1.5', '1e3', 'soon', '2026-03-01T12:10:00Z', 'Sun, 99 Mar 2026 12:10:00 GMT'])
    assert.equal(retryAfter(nonsense, now), undefined, nonsense);
});
