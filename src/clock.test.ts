import assert from 'node:assert/strict';
import { test } from 'vitest';
import { systemClock, systemRandom } from './clock.ts';

test('the platform may be ahead of the world', () => {
  const clock = systemClock();
  assert.ok(Math.abs(clock.now().getTime() - clock.wall().getTime()) < 50);
  clock.setOffset(3_600_000);
  assert.ok(Math.abs(clock.now().getTime() - clock.wall().getTime() - 3_600_000) < 50);
  clock.setOffset(0);
});

test('durations are not touched by it', () => {
  const clock = systemClock();
  const before = clock.monotonic();
  clock.setOffset(3_600_000);
  const passed = clock.monotonic() - before;
  assert.ok(passed >= 0 && passed < 1_000);
});

test('sleep lasts, and ends when it is told to', async () => {
  const clock = systemClock();
  const began = clock.monotonic();
  await clock.sleep(30);
  assert.ok(clock.monotonic() - began >= 28);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 10);
  await clock.sleep(60_000, stop.signal);
  await clock.sleep(60_000, stop.signal);
  assert.ok(clock.monotonic() - began < 1_000);
});

test('a sleep of a month does not end at once', async () => {
  const clock = systemClock();
  const stop = new AbortController();
  let ended = false;
  const sleeping = clock.sleep(31 * 86_400_000, stop.signal).then(() => (ended = true));
  await clock.sleep(20);
  assert.equal(ended, false);
  stop.abort();
  await sleeping;
});

test('bytes are as many as asked for, never the same, and nobody else sees them change', () => {
  const random = systemRandom();
  const seen = new Set<string>();
  for (let i = 0; i < 5_000; i++) seen.add(random.bytes(16).toString('hex'));
  assert.equal(seen.size, 5_000);
  for (const count of [0, 1, 31, 1_024, 1_025, 16_384, 100_000]) assert.equal(random.bytes(count).length, count);
  const kept = random.bytes(32);
  const copy = Buffer.from(kept);
  for (let i = 0; i < 2_000; i++) random.bytes(32);
  assert.deepEqual(kept, copy);
});

test('every bit is one about half the time', () => {
  const random = systemRandom();
  const ones = new Array<number>(8).fill(0);
  for (const byte of random.bytes(80_000)) for (let bit = 0; bit < 8; bit++) ones[bit] = (ones[bit] as number) + ((byte >> bit) & 1);
  for (const count of ones) assert.ok(Math.abs(count - 40_000) < 1_200, `${count}`); // eight sigma
});

test('fractions fill [0, 1)', () => {
  const random = systemRandom();
  const drawn = Array.from({ length: 20_000 }, () => random.fraction());
  assert.ok(drawn.every((one) => one >= 0 && one < 1));
  assert.ok(Math.abs(drawn.reduce((sum, one) => sum + one, 0) / drawn.length - 0.5) < 0.02);
});
