import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, test } from 'vitest';
import { bornOf, exists, lives, self } from './alive.ts';
import { takeLock } from './lock.ts';
import { enter, usersIn } from './users.ts';

const temporary = mkdtempSync(join(tmpdir(), 'tolem-lock-'));
afterAll(() => rmSync(temporary, { recursive: true }));

test('a process is told from another one with the same number', () => {
  assert.ok(lives(self()));
  assert.ok(!lives({ pid: process.pid, born: 'earlier' }));
  assert.ok(!exists(2147483647));
  assert.equal(bornOf(2147483647), undefined);
});

test('one at a time holds the lock, and all get it', async () => {
  const directory = join(temporary, 'many');
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const release = await takeLock(directory);
      most = Math.max(most, ++inside);
      await sleep(2);
      inside--;
      release();
    }),
  );
  assert.equal(most, 1);
  assert.equal(readdirSync(directory).length, 1); // the highest number stays
});

test('a lock of a dead process, or one that was given back, is free; a living one is waited for', async () => {
  const directory = join(temporary, 'dead');
  mkdirSync(directory);
  writeFileSync(join(directory, '7'), JSON.stringify({ pid: process.pid, born: 'before the last boot' }));
  writeFileSync(join(directory, '.2147483647.abc'), '{}'); // died waiting
  const release = await takeLock(directory);
  assert.deepEqual(readdirSync(directory), ['8']);
  let holder = 0;
  const second = takeLock(directory, (pid) => (holder = pid));
  await sleep(20);
  release();
  (await second)();
  assert.equal(holder, process.pid);
});

test('users are those who entered, live, and have not left', () => {
  const directory = join(temporary, 'users');
  const leave = enter(directory);
  const leaveToo = enter(directory);
  writeFileSync(join(directory, '1.dead'), JSON.stringify({ pid: 1, born: 'before the last boot' }));
  writeFileSync(join(directory, '2.cut'), '{"pid":');
  assert.deepEqual(usersIn(directory), [process.pid, process.pid]);
  leave();
  assert.equal(usersIn(directory).length, 1);
  leaveToo();
  assert.deepEqual(readdirSync(directory), []);
});
