import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import type { Entry } from './journal.ts';
import { killableBank, type KillableBank } from './kill.fixture.ts';
import { ask, cardAuthorization, journalOf, operation, sleep, walletAuthorization } from './testing.ts';

let bank: KillableBank;
beforeAll(async () => {
  bank = await killableBank();
});
afterAll(() => bank.remove());

type Asked = { path: string; body: { ref: string } };
type Authorization = ReturnType<typeof walletAuthorization | typeof cardAuthorization>;

/** Wallets and cards of every kind that is over soon. */
const authorizations: (() => Authorization)[] = [
  ...['20', '67', '03', '05', '07', '11', '14', '16', '18'].map((ending) => () => walletAuthorization(ending, { amount: 100_00 })),
  () => cardAuthorization('4111111111111111', { amount: 100_00 }),
];
/** More than there is to take, in every round. */
const operationsOn = (ref: string): Asked[] =>
  (
    [
      ['captures', 60_00],
      ['captures', 30_00],
      ['cancellations', 30_00],
      ['refunds', 50_00],
      ['captures', 40_00],
      ['refunds', 50_00],
    ] as const
  ).map(([verb, amount]) => ({ path: `/v1/authorizations/${ref}/${verb}`, body: operation(amount) }));

test('killed again and again, the bank keeps what it answered, does nothing twice, and takes no more than was authorized', async () => {
  const asked: Asked[] = [];
  const answered = new Map<string, string>();
  const post = async ({ path, body }: Asked) => {
    const answer = await ask(bank, 'POST', path, body, { timeoutMs: 250 });
    if (answer?.json.ref !== body.ref) return;
    assert.equal(answered.get(body.ref) ?? answer.text, answer.text, 'the first answer, also after a crash');
    answered.set(body.ref, answer.text);
  };

  for (let round = 0; round < 4; round++) {
    await bank.start();
    const running = { yes: true };
    const clients = Array.from({ length: 16 }, async (_, client) => {
      for (let turn = client; running.yes && !bank.isKilled(); turn++) {
        if (client % 4 === 0 && asked.length > 0) await post(asked[(turn * 7919) % asked.length]!);
        const body = authorizations[turn % authorizations.length]!();
        const all = [{ path: '/v1/authorizations', body }, ...operationsOn(body.ref)];
        for (const one of all) {
          asked.push(one);
          await post(one);
          if (bank.isKilled()) return;
        }
      }
    });
    for (let waited = 0; asked.length < (round + 1) * 150 && waited < 200; waited++) await sleep(50); // however slow the machine is, enough is on its way
    await sleep(30 + 30 * round);
    await bank.kill();
    running.yes = false;
    await Promise.all(clients);
  }

  await bank.start();
  await sleep(150);
  const queue = [...asked];
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let one = queue.shift(); one; one = queue.shift()) await post(one);
    }),
  );
  assert.ok(asked.length > 500 && answered.size > 450, `enough load to mean something: ${asked.length} asked, ${answered.size} answered`);
  judge(await journalOf(bank), answered);
});

const effects = ['authorized', 'captured', 'released', 'refunded', 'voided', 'declined'] as const;

function judge(entries: Entry[], answered: Map<string, string>): void {
  entries.forEach((entry, index) => assert.equal(entry.n, index + 1));
  assert.equal(entries.filter(({ type }) => type === 'opened').length, 5);
  const ends = new Map<string, string[]>();
  for (const entry of entries)
    if ((effects as readonly string[]).includes(entry.type) && 'ref' in entry) ends.set(entry.ref, [...(ends.get(entry.ref) ?? []), entry.type]);
  for (const [ref, types] of ends) assert.equal(types.length, 1, `${ref} ended more than once: ${types.join()}`);
  for (const [ref, text] of answered) {
    const { status } = JSON.parse(text) as { status: string };
    const end = ends.get(ref)?.[0];
    if (status === 'authorized') assert.equal(end, 'authorized');
    if (status === 'executed') assert.ok(end && ['captured', 'released', 'refunded', 'voided'].includes(end), `${ref} was answered executed and ended ${end}`);
    if (status === 'declined') assert.ok(end === undefined || end === 'declined', `${ref} was answered declined and ended ${end}`); // a fence has no end of its own
  }
  const taken = new Map<number, bigint>();
  for (const entry of entries) {
    if (entry.type !== 'captured' && entry.type !== 'released') continue;
    taken.set(entry.of, (taken.get(entry.of) ?? 0n) + BigInt(entry.amount));
  }
  assert.ok(taken.size > 20);
  for (const [of, sum] of taken) assert.ok(sum <= 100_00n, `authorization ${of}: ${sum} of 10000 taken or let go`);
}
