import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import type { Entry } from './journal.ts';
import { killableBank, type KillableBank } from './kill.fixture.ts';
import { scenarios } from './scenarios.ts';
import { ask, cardTransfer, journalOf, sleep } from './testing.ts';

let bank: KillableBank;
beforeAll(async () => {
  bank = await killableBank();
});
afterAll(() => bank.remove());

const cards = ['executed', 'executed', 'executed', 'pending-executed', 'returned', 'timeout-after', 'late-execution', 'error-before', 'callback-claims'].map(
  (id) => scenarios.find((one) => one.id === id)!.card!,
);

test('killed again and again under load, the bank keeps what it answered and executes nothing twice', async () => {
  const sent: ReturnType<typeof cardTransfer>[] = [];
  const answered = new Map<string, Record<string, unknown>>();
  const post = async (body: ReturnType<typeof cardTransfer>) => {
    const answer = await ask(bank, 'POST', '/v1/transfers', body, { timeoutMs: 250 });
    if (answer?.json.ref !== body.ref) return;
    const before = answered.get(body.ref);
    if (before) assert.deepEqual(answer.json, before, 'the first answer, also after a crash');
    answered.set(body.ref, answer.json);
  };

  for (let round = 0; round < 4; round++) {
    await bank.start();
    const running = { yes: true };
    const clients = Array.from({ length: 24 }, async (_, client) => {
      while (running.yes) {
        const again = client % 4 === 0 ? sent[Math.floor(Math.random() * sent.length)] : undefined;
        const body = again ?? cardTransfer(cards[sent.length % cards.length]!, { amount: 1_000_00 + sent.length });
        if (!again) sent.push(body);
        await post(body);
        if (bank.isKilled()) return;
      }
    });
    for (let waited = 0; sent.length < (round + 1) * 100 && waited < 200; waited++) await sleep(50); // however slow the machine is, enough is on its way
    await sleep(50 + 30 * round);
    await bank.kill();
    running.yes = false;
    await Promise.all(clients);
  }

  await bank.start();
  await sleep(150);
  const queue = [...sent];
  await Promise.all(
    Array.from({ length: 24 }, async () => {
      for (let body = queue.pop(); body; body = queue.pop()) await post(body);
    }),
  );
  const entries = await journalOf(bank);
  judge(entries, sent, answered);
  await bank.kill();
});

function judge(entries: Entry[], sent: ReturnType<typeof cardTransfer>[], answered: Map<string, Record<string, unknown>>): void {
  entries.forEach((entry, index) => assert.equal(entry.n, index + 1));
  assert.equal(entries.filter(({ type }) => type === 'opened').length, 5);
  const byRef = <T extends Entry['type']>(type: T) => {
    const found = new Map<string, Extract<Entry, { type: T; ref: string }>[]>();
    for (const entry of entries)
      if (entry.type === type && 'ref' in entry) found.set(entry.ref, [...(found.get(entry.ref) ?? []), entry as Extract<Entry, { type: T; ref: string }>]);
    return found;
  };
  const executed = byRef('executed');
  const requested = byRef('requested');
  assert.ok(sent.length > 300 && answered.size > 250, `enough load to mean something: ${sent.length} sent, ${answered.size} answered`);
  for (const { ref, amount, destination } of sent) {
    const moved = executed.get(ref) ?? [];
    assert.ok(moved.length <= 1 && (requested.get(ref)?.length ?? 0) <= 1, `${ref} was taken or executed twice`);
    const said = answered.get(ref);
    if (said?.status === 'executed') assert.deepEqual([moved[0]?.rrn, moved[0]?.at], [said.rrn, said.executedAt]);
    if (said?.status === 'declined') assert.equal(moved.length, 0);
    if (moved[0]) assert.deepEqual([moved[0].amount, moved[0].destination.last4], [String(amount), destination.pan.slice(-4)]);
  }
}
