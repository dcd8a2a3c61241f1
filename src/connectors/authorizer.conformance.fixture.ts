import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { httpAnswer, rawServer, type RawServer } from '../net/raw-server.fixture.ts';
import type {
  Authorization,
  AuthorizationInquiry,
  Authorizer,
  AuthorizeOutcome,
  Instrument,
  Operation,
  OperationInquiry,
  OperationKind,
  OperationOutcome,
} from './authorizer.ts';
import { badLines, closedPort, type Doubtful } from './conformance.fixture.ts';
import type { ProcessorLimits } from './connector.ts';

/** What the processor makes of an authorization; of an operation those that are named for both. */
export type OperationBehaviour =
  /** done at once: authorized, executed */
  | 'agrees'
  /** declined at once, with `declineCode` */
  | 'declines'
  /** taken; done within some seconds */
  | 'pends, then agrees'
  /** the first call is never answered, and nothing is done; the next is taken */
  | 'silent before'
  /** done; the first call is never answered */
  | 'silent after';
export type AuthorizationBehaviour =
  | OperationBehaviour
  /** taken; undecided until it is cancelled */
  | 'pends'
  /** authorized, and let go by the processor within some seconds */
  | 'lets go';

/** The processor's test system, as the author of an adapter sets it up. */
export interface AuthorizingProcessor {
  url: string;
  declineCode: string;
  /** what it promises, and the adapter is to know once it has been heard */
  limits: ProcessorLimits;
  /** @returns an authorization of 500.00 with a new reference, of which it will make this */
  authorizationThat(behaviour: AuthorizationBehaviour): Authorization;
  /** @returns an operation of at most 250.00 on that authorization, with a new reference */
  operationThat(behaviour: OperationBehaviour, kind: OperationKind, authorization: string): Operation;
  /** How often it has done what was asked under a reference, by its own books. */
  effects(reference: string): Promise<number>;
  /** How many calls with this reference of their own have reached it. */
  calls(reference: string): Promise<number>;
  close(): Promise<void>;
}

export interface AuthorizerSubject {
  /** @param timeoutMs the longest wait for an answer */
  connect(url: string, timeoutMs: number): Authorizer;
  openProcessor(): Promise<AuthorizingProcessor>;
  /** Headers that all of the processor's own answers have, by which they are told from those of a proxy. */
  ownHeaders: string;
  doubtful: Record<AuthorizerCall, Doubtful[]>;
  /** What a request says on the wire, digit by digit; the text is as it was sent. */
  onTheWire(request: string): { reference: string; amount: string };
}

export type AuthorizerCall = 'authorize' | 'inquireAuthorization' | 'operate' | 'inquireOperation';
type Heard = AuthorizeOutcome | AuthorizationInquiry | OperationOutcome | OperationInquiry;
const calls: AuthorizerCall[] = ['authorize', 'inquireAuthorization', 'operate', 'inquireOperation'];
const kinds: OperationKind[] = ['capture', 'cancel', 'refund'];

export const someCard: Instrument = { kind: 'card', pan: '4111111111111111', expiryMonth: 12, expiryYear: 2039, cvv: '917' };
export const someWallet: Instrument = { kind: 'wallet', phone: '+77011234520', iin: '900101300017' };
let references = 0;
export const someAuthorization = (over: Partial<Authorization> = {}): Authorization => ({
  ...{ reference: `CONFORM-A-${process.pid}-${++references}`, amount: 500_00n, currency: 'KZT', instrument: someCard, initiator: 'customer' },
  ...over,
});
export const someOperation = (over: Partial<Operation> = {}): Operation => ({
  ...{ kind: 'capture', reference: `CONFORM-O-${process.pid}-${++references}`, authorization: 'CONFORM-A-0', amount: 100_00n },
  ...over,
});

/** Everything that the adapter said in this file; nobody's number is in any of it. */
const heard: Heard[] = [];
const noted = <T extends Heard>(verdict: T): T => (heard.push(verdict), verdict);

/** A call of each kind about something that is new, and the reference that it is about. */
function newCall(authorizer: Authorizer, what: AuthorizerCall): { reference: string; made: () => Promise<Heard> } {
  const [authorization, operation] = [someAuthorization(), someOperation()];
  const { reference } = what === 'authorize' || what === 'inquireAuthorization' ? authorization : operation;
  const made = async () => {
    if (what === 'authorize') return noted<Heard>(await authorizer.authorize(authorization));
    return noted<Heard>(what === 'operate' ? await authorizer.operate(operation) : await authorizer[what](reference));
  };
  return { reference, made };
}

/** The rules of `authorizer.ts` as tests, as `conformance` has those of `connector.ts`. */
export function authorizerConformance(name: string, subject: AuthorizerSubject): void {
  describe(`${name}, at its processor`, () => {
    atProcessor(subject);
  });
  describe(`${name}, on a bad line`, () => {
    onBadLine(subject);
  });
  test(`${name}: no outcome has a card, a phone or a personal number in it`, () => {
    expect(heard.length).toBeGreaterThan(50);
    expect(heard.map((verdict) => JSON.stringify(verdict)).filter((text) => /4111111111111111|7011234520|900101300017|\d{13,}/.test(text))).toEqual([]);
  });
}

function atProcessor({ connect, openProcessor }: AuthorizerSubject): void {
  let p: AuthorizingProcessor;
  let a: Authorizer;
  beforeAll(async () => {
    p = await openProcessor();
    a = connect(p.url, 600);
  });
  afterAll(() => p.close());

  const authorize = async (request: Authorization) => noted(await a.authorize(request));
  const inquire = async ({ reference }: Authorization) => noted(await a.inquireAuthorization(reference));
  const operate = async (operation: Operation) => noted(await a.operate(operation));
  const inquireOperation = async ({ reference }: Operation) => noted(await a.inquireOperation(reference));
  /** Asks until the answer is of this kind, as the house does. */
  async function becomes(ask: () => Promise<Heard>, kind: Heard['kind']): Promise<Heard> {
    for (let tries = 0; ; tries++) {
      const verdict = await ask();
      if (verdict.kind === kind || tries === 80) return (expect(verdict.kind).toBe(kind), verdict);
      await sleep(25);
    }
  }
  /** An authorization that is ready for an operation of this kind. */
  async function readyFor(kind: OperationKind): Promise<string> {
    const request = p.authorizationThat('agrees');
    expect((await authorize(request)).kind).toBe('authorized');
    if (kind === 'refund') expect((await operate(someOperation({ authorization: request.reference, amount: 250_00n }))).kind).toBe('done');
    return request.reference;
  }

  test('before it has heard anything it promises something cautious, and afterwards what the processor said', async () => {
    const fresh = connect(p.url, 2_000);
    expect(fresh.limits().retentionSeconds).toBeLessThanOrEqual(p.limits.retentionSeconds);
    await fresh.inquireAuthorization('CONFORM-nobody-knows-it');
    expect(fresh.limits()).toEqual(p.limits);
  });

  test('authorized', async () => {
    const request = p.authorizationThat('agrees');
    const said = await authorize(request);
    expect(said).toEqual({ kind: 'authorized', rrn: expect.any(String), authCode: expect.any(String) });
    expect(await inquire(request)).toEqual(said);
    expect([await p.effects(request.reference), await p.calls(request.reference)]).toEqual([1, 1]);
  });

  test('declined, with the code', async () => {
    const request = p.authorizationThat('declines');
    expect(await authorize(request)).toMatchObject({ kind: 'declined', code: p.declineCode });
    expect(await inquire(request)).toMatchObject({ kind: 'declined', code: p.declineCode });
    expect(await p.effects(request.reference)).toBe(0);
  });

  test('pending, then authorized', async () => {
    const request = p.authorizationThat('pends, then agrees');
    expect(await authorize(request)).toEqual({ kind: 'pending' });
    await becomes(() => inquire(request), 'authorized');
  });

  test('authorized, and let go by the processor', async () => {
    const request = p.authorizationThat('lets go');
    expect((await authorize(request)).kind).toBe('authorized');
    await becomes(() => inquire(request), 'voided');
    expect((await operate(someOperation({ authorization: request.reference }))).kind).toBe('declined');
  });

  test('no answer, and nothing was done: unknown, then absent, and the same reference gets it through', async () => {
    const request = p.authorizationThat('silent before');
    expect((await authorize(request)).kind).toBe('unknown');
    expect(await p.calls(request.reference)).toBe(1); // it does not try again by itself
    expect(await inquire(request)).toEqual({ kind: 'absent' });
    await authorize(request);
    await becomes(() => inquire(request), 'authorized');
    expect(await p.effects(request.reference)).toBe(1);
  });

  test('no answer, and it was authorized: unknown, and asking shows it', async () => {
    const request = p.authorizationThat('silent after');
    expect((await authorize(request)).kind).toBe('unknown');
    expect(await p.calls(request.reference)).toBe(1);
    const shown = await inquire(request);
    expect(shown.kind).toBe('authorized');
    expect(await authorize(request)).toEqual(shown);
    expect(await p.effects(request.reference)).toBe(1);
  });

  test('what was never sent is absent', async () => {
    expect(await inquire(someAuthorization())).toEqual({ kind: 'absent' });
    expect(await inquireOperation(someOperation())).toEqual({ kind: 'absent' });
  });

  test('the same reference and content again is the same authorization, also ten times at once', async () => {
    const request = p.authorizationThat('agrees');
    const answers = await Promise.all(Array.from({ length: 10 }, () => authorize(request)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await p.effects(request.reference)).toBe(1);
  });

  test('the same reference with other content is a conflict, and changes nothing', async () => {
    const request = p.authorizationThat('agrees');
    const first = await authorize(request);
    for (const other of [{ amount: 1n }, { currency: 'USD' }, { instrument: someCard }, { initiator: 'merchant' as const }])
      expect(await authorize({ ...request, ...other })).toMatchObject({ kind: 'conflict' });
    expect(await inquire(request)).toEqual(first);
    const operation = p.operationThat('agrees', 'capture', request.reference);
    const done = await operate(operation);
    for (const other of [{ amount: operation.amount + 1n }, { kind: 'cancel' as const }])
      expect(await operate({ ...operation, ...other })).toMatchObject({ kind: 'conflict' });
    expect(await inquireOperation(operation)).toEqual(done);
    expect(await p.effects(operation.reference)).toBe(1);
  });

  describe.each(kinds)('%s', (kind) => {
    test('done', async () => {
      const operation = p.operationThat('agrees', kind, await readyFor(kind));
      const said = await operate(operation);
      expect(said).toEqual({ kind: 'done', rrn: expect.any(String) });
      expect(await inquireOperation(operation)).toEqual(said);
      const answers = await Promise.all(Array.from({ length: 10 }, () => operate(operation)));
      expect(answers).toEqual(answers.map(() => said));
      expect(await p.effects(operation.reference)).toBe(1);
    });

    test('declined, with the code', async () => {
      const operation = p.operationThat('declines', kind, await readyFor(kind));
      expect(await operate(operation)).toMatchObject({ kind: 'declined', code: p.declineCode });
      expect(await inquireOperation(operation)).toMatchObject({ kind: 'declined', code: p.declineCode });
      expect(await p.effects(operation.reference)).toBe(0);
    });

    test('pending, then done', async () => {
      const operation = p.operationThat('pends, then agrees', kind, await readyFor(kind));
      expect(await operate(operation)).toEqual({ kind: 'pending' });
      await becomes(() => inquireOperation(operation), 'done');
    });

    test('no answer: unknown, and the same reference gets it through once, whether it was done or not', async () => {
      for (const [behaviour, then] of [
        ['silent before', 'absent'],
        ['silent after', 'done'],
      ] as const) {
        const operation = p.operationThat(behaviour, kind, await readyFor(kind));
        expect((await operate(operation)).kind).toBe('unknown');
        expect(await p.calls(operation.reference)).toBe(1);
        expect((await inquireOperation(operation)).kind).toBe(then);
        expect((await operate(operation)).kind).toBe('done');
        expect(await p.effects(operation.reference)).toBe(1);
      }
    });
  });

  test('the processor holds the sums, too: more than there is, is declined', async () => {
    const authorization = await readyFor('capture');
    const asked = (kind: OperationKind, amount: bigint) => operate(someOperation({ kind, authorization, amount }));
    expect((await asked('refund', 1n)).kind).toBe('declined');
    expect((await asked('capture', 500_01n)).kind).toBe('declined');
    expect((await asked('capture', 300_00n)).kind).toBe('done');
    expect((await asked('cancel', 200_01n)).kind).toBe('declined');
    expect((await asked('cancel', 200_00n)).kind).toBe('done');
    expect((await asked('capture', 1n)).kind).toBe('declined');
    expect((await asked('refund', 300_01n)).kind).toBe('declined');
    expect((await asked('refund', 300_00n)).kind).toBe('done');
    expect((await operate(someOperation())).kind).toBe('declined'); // of an authorization that nobody has
  });

  test('a cancellation in full is a void, also of what is pending or has not come yet: it is never authorized', async () => {
    const [agreed, pending, unseen] = [p.authorizationThat('agrees'), p.authorizationThat('pends'), p.authorizationThat('agrees')];
    await authorize(agreed);
    await authorize(pending);
    for (const { reference: authorization, amount } of [agreed, pending, unseen])
      expect((await operate(someOperation({ kind: 'cancel', authorization, amount }))).kind).toBe('done');
    for (const request of [agreed, pending, unseen]) expect(await inquire(request)).toEqual({ kind: 'voided' });
    expect((await authorize(unseen)).kind).toBe('declined');
    expect(await p.effects(unseen.reference)).toBe(0);
  });
}

function onBadLine({ connect, ownHeaders, doubtful, onTheWire }: AuthorizerSubject): void {
  let answer: (write: (text: string) => void, end: () => void) => void = () => undefined;
  let server: RawServer;
  let authorizer: Authorizer;
  beforeAll(async () => {
    server = await rawServer((socket) =>
      answer(
        (text) => void socket.write(text),
        () => void socket.end(),
      ),
    );
    authorizer = connect(`http://127.0.0.1:${server.port}`, 150);
  });
  afterAll(() => server.close());

  for (const what of calls) {
    test(`${what}: what is no answer is unknown, and is not asked for twice`, async () => {
      for (const [name, line] of Object.entries(badLines)) {
        answer = (write, end) => line(write, end, ownHeaders);
        const before = server.requests.length;
        expect([name, (await newCall(authorizer, what).made()).kind]).toEqual([name, 'unknown']);
        expect([name, server.requests.length - before]).toEqual([name, 1]);
      }
    });

    test(`${what}: a whole answer that says nothing certain is unknown`, async () => {
      for (const { name, status, body } of doubtful[what]) {
        const { reference, made } = newCall(authorizer, what);
        answer = (write) => write(httpAnswer(body(reference), { status, headers: `${ownHeaders}content-type: application/json\r\n` }));
        expect([name, (await made()).kind]).toEqual([name, 'unknown']);
      }
    });

    test(`${what}: where nobody listens, nothing was sent`, async () => {
      expect((await newCall(connect(`http://127.0.0.1:${await closedPort()}`, 500), what).made()).kind).toBe('unsent');
    });
  }

  test('reference and amount are on the wire to the digit, beyond 2^53 as well', async () => {
    answer = (write) => write(httpAnswer('', { status: 500 }));
    for (const amount of [1n, 100n, 2n ** 53n - 1n, 2n ** 53n + 1n, 9_223_372_036_854_775_807n]) {
      const [request, operation] = [someAuthorization({ amount, returnUrl: 'https://shop.kz/"},{"amount":1' }), someOperation({ amount })];
      await authorizer.authorize(request);
      expect(onTheWire(server.requests.at(-1) as string)).toEqual({ reference: request.reference, amount: String(amount) });
      await authorizer.operate(operation);
      expect(onTheWire(server.requests.at(-1) as string)).toEqual({ reference: operation.reference, amount: String(amount) });
    }
  });
}
