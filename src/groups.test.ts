import { expect, test } from 'vitest';
import { CommitUnknown } from './db/db.ts';
import { Groups, type Outcome } from './groups.ts';

const clock = { sleep: () => Promise.resolve() } as never;
const ok = (items: number[]): Outcome<number>[] => items.map((item) => ({ ok: true, answer: item * 10 }));

/** A run that a test lets go when it wants. */
function gate() {
  const waiting: (() => void)[] = [];
  return {
    pass: () => waiting.shift()?.(),
    wait: () => new Promise<void>((resolve) => waiting.push(resolve)),
    get waiting() {
      return waiting.length;
    },
  };
}
const soon = () => new Promise((resolve) => setImmediate(resolve));

test('what arrives while a group commits is the next group, in the order of arrival', async () => {
  const seen: number[][] = [];
  const { pass, wait } = gate();
  const groups = new Groups<number, number>({ clock, run: async (_key, items) => (seen.push(items), await wait(), ok(items)) });
  const first = groups.submit('m', 1);
  await soon();
  const rest = [2, 3, 4].map((item) => groups.submit('m', item));
  pass();
  expect(await first).toBe(10);
  await soon();
  pass();
  expect(await Promise.all(rest)).toEqual([20, 30, 40]);
  expect(seen).toEqual([[1], [2, 3, 4]]);
});

test('one key never waits for another', async () => {
  const { wait } = gate();
  const groups = new Groups<number, number>({
    clock,
    run: async (key, items) => {
      if (key === 'slow') await wait();
      return ok(items);
    },
  });
  void groups.submit('slow', 1);
  expect(await groups.submit('fast', 2)).toBe(20);
});

test('a refusal is that item’s alone; a group that the database refuses is tried one by one', async () => {
  const runs: number[][] = [];
  const groups = new Groups<number, number>({
    clock,
    run: async (_key, items) => {
      runs.push(items);
      if (items.length > 1 && items.includes(3)) throw Object.assign(new Error('no'), { code: '23505' });
      return items.map((item) => (item === 3 ? { ok: false, error: new Error('three') } : { ok: true, answer: item * 10 }));
    },
  });
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map((item) => groups.submit('m', item)));
  expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : (outcome.reason as Error).message))).toEqual([10, 20, 'three', 40]);
  expect(runs).toEqual([[1, 2, 3, 4], [1], [2], [3], [4]]);
});

test('a group whose commit is unknown is run again as the same group, and says so', async () => {
  const runs: boolean[] = [];
  const groups = new Groups<number, number>({
    clock,
    run: async (_key, items, again) => {
      runs.push(again);
      if (runs.length < 3) throw new CommitUnknown(new Error('gone'));
      return ok(items);
    },
  });
  expect(await groups.submit('m', 1)).toBe(10);
  expect(runs).toEqual([false, true, true]);
});

test('a database that stays away answers 503, not success and not failure', async () => {
  const groups = new Groups<number, number>({ clock, run: () => Promise.reject(new CommitUnknown(new Error('gone'))) });
  await expect(groups.submit('m', 1)).rejects.toMatchObject({ status: 503, retryAfter: 5 });
});

test('past the bound the answer is 503 before any work', async () => {
  const { wait } = gate();
  let runs = 0;
  const groups = new Groups<number, number>({ clock, maxQueue: 2, run: async (_key, items) => (runs++, await wait(), ok(items)) });
  void groups.submit('m', 1);
  await soon();
  void groups.submit('m', 2);
  void groups.submit('m', 3);
  await expect(groups.submit('m', 4)).rejects.toMatchObject({ status: 503, retryAfter: 1 });
  expect(runs).toBe(1);
});

test('a group is never larger than its bound', async () => {
  const sizes: number[] = [];
  const groups = new Groups<number, number>({ clock, maxGroup: 3, run: async (_key, items) => (sizes.push(items.length), ok(items)) });
  await Promise.all(Array.from({ length: 8 }, (_, i) => groups.submit('m', i)));
  expect(sizes).toEqual([3, 3, 2]);
  await groups.idle();
});
