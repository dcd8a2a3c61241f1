import { NetError } from '../ports.ts';
import type { operationKinds } from './authorization-request.ts';
import { Bank, type BankParts } from './bank.ts';
import type { CallbackMessage } from './courier.ts';
import { Desk } from './desk.ts';
import { Door } from './door.ts';
import { MemoryJournal, type Entry } from './journal.ts';
import { random, secret, VirtualClock } from './testing.ts';

export const key = Buffer.alloc(32, 1);

/** A bank on a virtual clock behind a door in memory; `restart` puts another one on the same journal, as after a crash. */
export async function house(parts: Partial<BankParts> = {}) {
  const clock = new VirtualClock();
  const journal = new MemoryJournal();
  const told: { at: number; message: CallbackMessage }[] = [];
  let answerWith = 204;
  const callback = async (message: CallbackMessage) => (told.push({ at: clock.monotonic(), message }), answerWith);
  const start = async () => {
    const bank = new Bank({ journal, clock, random, key, callback, ...parts });
    await bank.open();
    return bank;
  };
  let bank = await start();
  const door = new Door({
    desk: () => new Desk(bank, secret),
    clock,
    pace: bank.pace,
    retentionSeconds: bank.retentionSeconds,
    maxInFlightSeconds: bank.maxInFlightSeconds,
  });
  const began = clock.monotonic();

  /** @returns the answer, or the error, once the clock has moved on as far as it takes */
  const ask = async (method: 'GET' | 'POST', path: string, body?: object) => {
    let heard: { status: number; json: Record<string, unknown> } | NetError | undefined;
    door
      .request({
        method,
        url: `http://bank${path}`,
        headers: { authorization: `Bearer ${secret}` },
        body: body && JSON.stringify(body),
        timeoutMs: 10_000,
        maxBytes: 65_536,
      })
      .then(
        (answer) => (heard = { status: answer.status, json: answer.truncated || answer.body[0] !== 0x7b ? {} : JSON.parse(answer.body.toString()) }),
        (error: NetError) => (heard = error),
      );
    for (let waited = 0; heard === undefined && waited < 12_000; waited += 50) await clock.advance(waited === 0 ? 0 : 50);
    return heard!;
  };
  const state = async (ref: string, room = 'transfers') => {
    const heard = await ask('GET', `/v1/${room}/${ref}`);
    return heard instanceof NetError ? heard : (heard.json.status ?? heard.status);
  };
  return {
    clock,
    journal,
    told,
    ask,
    state,
    post: (body: object) => ask('POST', '/v1/transfers', body),
    authorize: (body: object) => ask('POST', '/v1/authorizations', body),
    operate: (verb: keyof typeof operationKinds, authorization: string, body: object) => ask('POST', `/v1/authorizations/${authorization}/${verb}`, body),
    cancel: (ref: string) => ask('POST', `/v1/transfers/${ref}/cancel`),
    bank: () => bank,
    crash: () => bank.stop(),
    restart: async () => {
      bank.stop();
      bank = await start();
    },
    answerCallbacksWith: (status: number) => (answerWith = status),
    statuses: () => told.map(({ at, message }) => [at - began, (JSON.parse(message.body) as { status: string }).status]),
    types: (ref: string) => journal.entries().flatMap((entry) => ('ref' in entry && entry.ref === ref ? [entry.type] : [])),
    executed: (ref: string) =>
      journal.entries().filter((entry): entry is Extract<Entry, { type: 'executed' }> => entry.type === 'executed' && entry.ref === ref),
  };
}
