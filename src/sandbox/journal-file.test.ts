import assert from 'node:assert/strict';
import { appendFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { FileJournal } from './journal-file.ts';
import { JournalDamaged, type Entry, type Fact } from './journal.ts';
import { ask, cardTransfer, journalOf, remove, startBank, tempDir } from './testing.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await tempDir();
  path = join(dir, 'journal.ndjson');
});
afterEach(() => remove(dir));

const at = new Date(Date.UTC(2026, 0, 1));
const fact = (ref: string): Fact => ({ type: 'fenced_off', ref });
async function open(): Promise<{ journal: FileJournal; seen: Entry[] }> {
  const journal = await FileJournal.open(path);
  const seen: Entry[] = [];
  await journal.replay((entry) => seen.push(entry));
  return { journal, seen };
}

test('entries are numbered from 1, read back in order, and found from any number on', async () => {
  const { journal } = await open();
  const count = 3000;
  for (let i = 1; i <= count; i++) {
    assert.equal(journal.append(at, fact(`ref_${'ә'.repeat(i % 7)}${i}`)).n, i);
    if (i % 100 === 0) await journal.durable();
  }
  await journal.durable();
  for (const after of [0, 1, 511, 512, 513, 1024, 2999, 3000, 9999]) {
    const { lines, last, more } = await journal.read(after, 700);
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as Entry).n),
      Array.from({ length: Math.max(0, Math.min(700, count - after)) }, (_, i) => after + 1 + i),
    );
    assert.deepEqual([last, more], [after + lines.length, after + lines.length < count]);
  }
  await journal.close();
  const again = await open();
  assert.deepEqual(
    again.seen.map(({ n }) => n),
    Array.from({ length: count }, (_, i) => i + 1),
  );
  assert.equal((await again.journal.read(2999, 10)).lines.length, 1);
  assert.equal(again.journal.append(at, fact('next')).n, count + 1);
  await again.journal.close();
});

test('nothing is read that is not on disk yet', async () => {
  const { journal } = await open();
  journal.append(at, fact('a'));
  assert.deepEqual((await journal.read(0, 10)).lines, []);
  await journal.durable();
  assert.equal((await journal.read(0, 10)).lines.length, 1);
  await journal.close();
});

test('a last line that was torn anywhere is cut off, and the numbering goes on', async () => {
  const { journal } = await open();
  for (const ref of ['a', 'b', 'c']) journal.append(at, fact(ref));
  await journal.close();
  const bytes = await readFile(path);
  const twoLines = bytes.indexOf(0x0a, bytes.indexOf(0x0a) + 1) + 1;
  for (let length = twoLines + 1; length < bytes.length; length += 7) {
    await writeFile(path, bytes.subarray(0, length));
    const torn = await open();
    assert.deepEqual([torn.journal.cutBytes, torn.seen.length], [length - twoLines, 2]);
    assert.equal(torn.journal.append(at, fact('c')).n, 3);
    await torn.journal.close();
    assert.deepEqual(await readFile(path), bytes);
  }
  await writeFile(path, bytes.subarray(0, 5));
  const nothing = await open();
  assert.deepEqual([nothing.journal.cutBytes, nothing.seen.length], [5, 0]);
  await nothing.journal.close();
});

test('damage in the middle, or a missing line, is no torn line: the journal is refused', async () => {
  const { journal } = await open();
  for (const ref of ['a', 'b', 'c']) journal.append(at, fact(ref));
  await journal.close();
  const lines = (await readFile(path, 'utf8')).split('\n');
  for (const damaged of [
    [lines[0], '{"n":2,', lines[2], ''],
    [lines[0], lines[2], ''],
    [lines[0], lines[1], '{"n":3}x', ''],
  ]) {
    await writeFile(path, damaged.join('\n'));
    const opened = await FileJournal.open(path);
    await assert.rejects(
      opened.replay(() => {}),
      JournalDamaged,
    );
    await opened.close();
  }
});

test('a journal that somebody else writes or shortens fails for good, and tells all who wait', async () => {
  for (const meddle of [() => appendFile(path, 'x\n'), () => truncate(path, 3)]) {
    const { journal } = await open();
    journal.append(at, fact('a'));
    await journal.durable();
    await meddle();
    journal.append(at, fact('b'));
    await assert.rejects(journal.durable(), JournalDamaged);
    await assert.rejects(journal.durable(), JournalDamaged);
    assert.throws(() => journal.append(at, fact('c')), JournalDamaged);
    await journal.close();
    await remove(path);
  }
});

test('of two banks on one journal the newer one goes on, and the older one answers nobody and says why', async () => {
  const older = await startBank({ dataDir: dir });
  await ask(older, 'POST', '/v1/transfers', cardTransfer('4111111111111111'));
  const newer = await startBank({ dataDir: dir });
  assert.equal(await ask(older, 'POST', '/v1/transfers', cardTransfer('4111111111111111')), undefined);
  assert.ok((await older.failed) instanceof JournalDamaged);
  assert.equal((await ask(newer, 'POST', '/v1/transfers', cardTransfer('4111111111111111')))?.status, 200);
  await Promise.all([older.stop(), newer.stop()]);
});

test('a bank whose port is taken does not touch the journal of the one that has it', async () => {
  const first = await startBank({ dataDir: dir });
  const { size } = await stat(path);
  await assert.rejects(startBank({ dataDir: dir, port: Number(new URL(first.url).port) }), /EADDRINUSE/);
  assert.equal((await stat(path)).size, size);
  await first.stop();
});

test('a bank that starts on a torn journal says so in it, and keeps what was whole', async () => {
  const warnings: object[] = [];
  const log = { info: () => {}, warn: (facts: object) => void warnings.push(facts), error: () => {} };
  const body = cardTransfer('4111111111111111');
  const first = await startBank({ dataDir: dir });
  const answer = await ask(first, 'POST', '/v1/transfers', body);
  await first.stop();
  await appendFile(path, '{"n":4,"at":"2026');
  const second = await startBank({ dataDir: dir, log });
  assert.equal((await ask(second, 'POST', '/v1/transfers', body))?.text, answer?.text);
  const entries = await journalOf(second);
  assert.deepEqual(
    entries.map(({ n, type }) => [n, type]),
    [
      [1, 'opened'],
      [2, 'requested'],
      [3, 'executed'],
      [4, 'opened'],
      [5, 'repeated'],
    ],
  );
  assert.deepEqual([entries[3]!.type === 'opened' && entries[3]!.cutBytes, warnings], [17, [{ event: 'bank.cut', count: 17 }]]);
  await second.stop();
});
