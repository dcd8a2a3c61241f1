import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { httpAnswer, rawServer, type RawServer } from '../net/raw-server.fixture.ts';
import type { CardTransfer as Transfer, Connector, ProcessorLimits, Verdict } from './connector.ts';

/** What the processor makes of a transfer. */
export type Behaviour =
  /** executed at once */
  | 'executes'
  /** declined at once, with `declineCode` */
  | 'declines'
  /** taken; executed within some seconds */
  | 'pends, then executes'
  /** taken; neither executed nor declined until it is cancelled */
  | 'pends'
  /** the first call is never answered, and nothing is done; the next is executed */
  | 'silent before'
  /** executed; the first call is never answered */
  | 'silent after'
  /** executed, and the money comes back within some seconds */
  | 'returns';

/** The processor's test system, or a double of it, as the author of an adapter sets it up. */
export interface Processor {
  url: string;
  declineCode: string;
  /** what it promises, and the adapter is to know once it has been heard */
  limits: ProcessorLimits;
  /** @returns a transfer with a new reference, of which it will make this */
  transferThat(behaviour: Behaviour): Transfer;
  /** How often it has executed a reference, by its own books. */
  executions(reference: string): Promise<number>;
  /** How many calls for a transfer of this reference have reached it. */
  calls(reference: string): Promise<number>;
  close(): Promise<void>;
}

/** An answer that is whole, and yet says nothing certain to whoever asked about `reference`. */
export interface Doubtful {
  name: string;
  status: number;
  body(reference: string): string;
}

export interface Subject {
  /** @param timeoutMs the longest wait for an answer */
  connect(url: string, timeoutMs: number): Connector;
  openProcessor(): Promise<Processor>;
  /** Headers that all of the processor's own answers have, by which they are told from those of a proxy. */
  ownHeaders: string;
  doubtful: Record<Call, Doubtful[]>;
  /** What a request for a transfer says on the wire, digit by digit; the text is as it was sent. */
  onTheWire(request: string): { reference: string; amount: string };
}

type Call = 'send' | 'inquire' | 'cancel';
const calls: Call[] = ['send', 'inquire', 'cancel'];

const PAN = '4111111111111111';
let references = 0;
export const someTransfer = (over: Partial<Transfer> = {}): Transfer => ({
  ...{ reference: `CONFORM-${process.pid}-${++references}`, kind: 'card', amount: 150_00n, currency: 'KZT', description: 'Жалақы "Қыркүйек"\n' },
  destination: { pan: PAN, expiryMonth: 12, expiryYear: 2039 },
  ...over,
});

/** Everything that the adapter said in this file; no card number is in any of it. */
const heard: Verdict[] = [];
async function call(connector: Connector, what: Call, transfer: Transfer): Promise<Verdict> {
  const verdict = await (what === 'send' ? connector.send(transfer) : connector[what](transfer.reference));
  heard.push(verdict);
  return verdict;
}

/**
 * The rules of `connector.ts` as tests, which every adapter passes before money goes through it: a value for every outcome and
 * never a throw for the outside's faults, unknown for what is not certain, unsent only with proof, no second attempt by itself.
 */
export function conformance(name: string, subject: Subject): void {
  describe(`${name}, at its processor`, () => {
    atProcessor(subject);
  });
  describe(`${name}, on a bad line`, () => {
    onBadLine(subject);
  });
  test(`${name}: no outcome has a card number in it`, () => {
    expect(heard.length).toBeGreaterThan(50);
    expect(heard.map((verdict) => JSON.stringify(verdict)).filter((text) => text.includes(PAN) || /\d{13,}/.test(text))).toEqual([]);
  });
}

function atProcessor({ connect, openProcessor }: Subject): void {
  let p: Processor;
  let c: Connector;
  beforeAll(async () => {
    p = await openProcessor();
    c = connect(p.url, 600);
  });
  afterAll(() => p.close());

  const send = (t: Transfer) => call(c, 'send', t);
  const inquire = (t: Transfer) => call(c, 'inquire', t);
  const cancel = (t: Transfer) => call(c, 'cancel', t);
  /** Asks until the answer is of this kind, as the house does. */
  async function becomes(t: Transfer, kind: Verdict['kind']): Promise<Verdict> {
    for (let tries = 0; ; tries++) {
      const verdict = await inquire(t);
      if (verdict.kind === kind || tries === 80) return (expect(verdict.kind).toBe(kind), verdict);
      await sleep(25);
    }
  }

  test('before it has heard anything it promises something cautious, and afterwards what the processor said', async () => {
    const fresh = connect(p.url, 2_000);
    expect(fresh.limits().retentionSeconds).toBeLessThanOrEqual(p.limits.retentionSeconds);
    expect(fresh.limits().maxInFlightSeconds).toBeGreaterThan(0);
    await fresh.inquire('CONFORM-nobody-knows-it');
    expect(fresh.limits()).toEqual(p.limits);
  });

  test('executed', async () => {
    const t = p.transferThat('executes');
    const sent = await send(t);
    expect(sent).toMatchObject({ kind: 'executed', rrn: expect.any(String) });
    expect(await inquire(t)).toEqual(sent);
    expect([await p.executions(t.reference), await p.calls(t.reference)]).toEqual([1, 1]);
  });

  test('declined, with the code', async () => {
    const t = p.transferThat('declines');
    expect(await send(t)).toMatchObject({ kind: 'declined', code: p.declineCode });
    expect(await inquire(t)).toMatchObject({ kind: 'declined', code: p.declineCode });
    expect(await p.executions(t.reference)).toBe(0);
  });

  test('pending, then executed', async () => {
    const t = p.transferThat('pends, then executes');
    expect(await send(t)).toEqual({ kind: 'pending' });
    await becomes(t, 'executed');
    expect(await p.executions(t.reference)).toBe(1);
  });

  test('executed, then returned', async () => {
    const t = p.transferThat('returns');
    expect((await send(t)).kind).toBe('executed');
    await becomes(t, 'returned');
  });

  test('no answer, and nothing was done: unknown, then absent, and the same reference gets it through', async () => {
    const t = p.transferThat('silent before');
    expect(await send(t)).toMatchObject({ kind: 'unknown' });
    expect(await p.calls(t.reference)).toBe(1); // it does not try again by itself
    expect(await inquire(t)).toEqual({ kind: 'absent' });
    expect((await send(t)).kind).toBe('executed');
    expect(await p.executions(t.reference)).toBe(1);
  });

  test('no answer, and it was executed: unknown, and asking shows it', async () => {
    const t = p.transferThat('silent after');
    expect(await send(t)).toMatchObject({ kind: 'unknown' });
    expect(await p.calls(t.reference)).toBe(1);
    expect((await inquire(t)).kind).toBe('executed');
    expect((await send(t)).kind).toBe('executed');
    expect(await p.executions(t.reference)).toBe(1);
  });

  test('a reference that was never sent is absent', async () => {
    expect(await inquire(someTransfer())).toEqual({ kind: 'absent' });
  });

  test('the same reference and content again is the same transfer, also ten times at once', async () => {
    const t = p.transferThat('executes');
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(t)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await p.executions(t.reference)).toBe(1);
  });

  test('the same reference with other content is a conflict, and changes nothing', async () => {
    const t = p.transferThat('executes');
    const first = await send(t);
    for (const other of [{ amount: t.amount + 10n }, { currency: 'USD' }, { destination: { ...t.destination, expiryYear: 2038 } }]) {
      expect(await send({ ...t, ...other })).toMatchObject({ kind: 'conflict' });
    }
    expect(await inquire(t)).toEqual(first);
    expect(await p.executions(t.reference)).toBe(1);
  });

  test('a fence: what is cancelled before it arrives is never executed', async () => {
    const t = p.transferThat('executes');
    expect(await cancel(t)).toEqual({ kind: 'cancelled' });
    expect((await send(t)).kind).toBe('declined');
    expect(await inquire(t)).toEqual({ kind: 'cancelled' });
    expect(await cancel(t)).toEqual({ kind: 'cancelled' });
    expect(await p.executions(t.reference)).toBe(0);
  });

  test('a cancel says what the reference is: cancelled where it was pending, and otherwise what is final', async () => {
    const [pending, executed, declined, returned] = [
      p.transferThat('pends'),
      p.transferThat('executes'),
      p.transferThat('declines'),
      p.transferThat('returns'),
    ];
    await Promise.all([pending, executed, declined, returned].map(send));
    await becomes(returned, 'returned');
    expect(await cancel(pending)).toEqual({ kind: 'cancelled' });
    expect(await inquire(pending)).toEqual({ kind: 'cancelled' });
    expect((await cancel(executed)).kind).toBe('executed');
    expect((await cancel(declined)).kind).toBe('declined');
    expect((await cancel(returned)).kind).toBe('returned');
    expect(await p.executions(pending.reference)).toBe(0);
  });

  test('many at once get each its own answer', async () => {
    const all = Array.from({ length: 24 }, (_, i) => p.transferThat(i % 3 === 0 ? 'declines' : 'executes'));
    const answers = await Promise.all(all.map(send));
    expect(answers.map(({ kind }) => kind)).toEqual(all.map((_, i) => (i % 3 === 0 ? 'declined' : 'executed')));
    expect((await Promise.all(all.map(inquire))).map(({ kind }) => kind)).toEqual(answers.map(({ kind }) => kind));
    const numbers = answers.flatMap((answer) => (answer.kind === 'executed' ? [answer.rrn] : []));
    expect(new Set(numbers).size).toBe(16);
  });
}

/** What comes instead of an answer, whatever the protocol. `own` are the headers by which the processor's answers are known. */
export const badLines: Record<string, (write: (text: string) => void, end: () => void, own: string) => void> = {
  nothing: () => undefined,
  'a closed connection': (_, end) => end(),
  'what is not HTTP': (write, end) => (write('SSH-2.0-OpenSSH_9.9\r\n'), end()),
  'an empty 200': (write, _, own) => write(httpAnswer('', { headers: own })),
  '204': (write, _, own) => write(`HTTP/1.1 204 X\r\n${own}\r\n`),
  '200 with a page': (write) => write(httpAnswer('<html><h1>It works!</h1></html>', { headers: 'content-type: text/html\r\n' })),
  '404 of a proxy': (write) => write(httpAnswer('404 page not found\n', { status: 404 })),
  '405 of a proxy': (write) => write(httpAnswer('', { status: 405 })),
  '409 of a proxy': (write) => write(httpAnswer('<html>', { status: 409 })),
  '422 of a proxy': (write) => write(httpAnswer('{"message":"Unprocessable"}', { status: 422 })),
  'a redirect': (write) => write(httpAnswer('', { status: 307, headers: 'location: /elsewhere\r\n' })),
  ...Object.fromEntries(
    [400, 401, 403, 408, 429, 500, 502, 503, 504].map((status) => [
      String(status),
      (write: (text: string) => void, _: () => void, own: string) => write(httpAnswer('{"error":"internal"}', { status, headers: own })),
    ]),
  ),
  'a head and no body': (write, _, own) => write(`HTTP/1.1 200 X\r\n${own}content-length: 50\r\n\r\n`),
  'half a body': (write, end, own) => (write(`HTTP/1.1 200 X\r\n${own}content-length: 50\r\n\r\n{"ref":`), end()),
  'a body of 10 MB': (write, _, own) => write(httpAnswer(`{"status":"executed","padding":"${'x'.repeat(10 << 20)}"}`, { headers: own })),
  'headers without end': (write) => write(`HTTP/1.1 200 X\r\n${`x-padding: ${'x'.repeat(1000)}\r\n`.repeat(64)}`),
};

function onBadLine({ connect, ownHeaders, doubtful, onTheWire }: Subject): void {
  let answer: (write: (text: string) => void, end: () => void) => void = () => undefined;
  let server: RawServer;
  let connector: Connector;
  beforeAll(async () => {
    server = await rawServer((socket) =>
      answer(
        (text) => void socket.write(text),
        () => void socket.end(),
      ),
    );
    connector = connect(`http://127.0.0.1:${server.port}`, 150);
  });
  afterAll(() => server.close());

  for (const what of calls) {
    test(`${what}: what is no answer is unknown, and is not asked for twice`, async () => {
      for (const [name, line] of Object.entries(badLines)) {
        answer = (write, end) => line(write, end, ownHeaders);
        const before = server.requests.length;
        expect([name, (await call(connector, what, someTransfer())).kind]).toEqual([name, 'unknown']);
        expect([name, server.requests.length - before]).toEqual([name, 1]);
      }
    });

    test(`${what}: a whole answer that says nothing certain is unknown`, async () => {
      for (const { name, status, body } of doubtful[what]) {
        const t = someTransfer();
        answer = (write) => write(httpAnswer(body(t.reference), { status, headers: `${ownHeaders}content-type: application/json\r\n` }));
        expect([name, (await call(connector, what, t)).kind]).toEqual([name, 'unknown']);
      }
    });

    test(`${what}: where nobody listens, nothing was sent`, async () => {
      const gone = connect(`http://127.0.0.1:${await closedPort()}`, 500);
      expect((await call(gone, what, someTransfer())).kind).toBe('unsent');
      expect((await call(connect('http://no-such-host.invalid', 2_000), what, someTransfer())).kind).toBe('unsent');
    });
  }

  test('reference and amount are on the wire to the digit, beyond 2^53 as well', async () => {
    answer = (write) => write(httpAnswer('', { status: 500 }));
    for (const amount of [1n, 100n, 2n ** 53n - 1n, 2n ** 53n + 1n, 9_223_372_036_854_775_807n]) {
      const t = someTransfer({ amount, description: '"},{"amount":1,"\\' });
      await call(connector, 'send', t);
      expect(onTheWire(server.requests.at(-1) as string)).toEqual({ reference: t.reference, amount: String(amount) });
    }
  });

  test('limits that are no numbers of seconds are not believed', async () => {
    const before = connector.limits();
    for (const headers of [
      'retention-seconds: -1\r\nmax-in-flight-seconds: 1e9\r\n',
      'retention-seconds: soon\r\nmax-in-flight-seconds: 1, 2\r\n',
      'retention-seconds: 99999\r\n',
    ]) {
      answer = (write) => write(httpAnswer('{}', { headers }));
      await call(connector, 'inquire', someTransfer());
      expect(connector.limits()).toEqual(before);
    }
  });
}

/** A port where somebody listened until a moment ago. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
