/**
 * The sandbox bank's rules, without sockets: the processor's side of "processor protocol v1". Over HTTP it is the judge of torture
 * runs, in one process with a virtual clock that of simulations. Every method decides at once, in the order of the calls,
 * and answers when the journal has it on disk.
 */
import type { Clock, Random } from '../ports.ts';
import { Agenda } from './agenda.ts';
import { Books, type Transfer } from './books.ts';
import { Courier, rrnOf, type SendCallback } from './courier.ts';
import { contentOf, mask } from './fingerprint.ts';
import type { Entry, Fact, Journal, JournalPage } from './journal.ts';
import { answer, fencedOff, firstAnswer, onLine, refusal, stateAnswer, type Answer, type Reply } from './reply.ts';
import type { TransferRequest } from './request.ts';
import { scenarioFor, scenarios } from './scenarios.ts';
import { assertWithin, calledBack, executesAtOnce, lasts, lineOf, type Line, type Scenario, type Script, type Status, type Step } from './script.ts';

/** The dial of faults: the scenario of this transfer, or undefined for the one of the table. Asked again for a POST that was turned away. */
export type Dial = (request: TransferRequest) => Scenario | undefined;

export interface BankParts {
  journal: Journal;
  clock: Clock;
  random: Random;
  /** of the fingerprints; as lasting as the journal */
  key: Buffer;
  /** Without it the bank calls nobody back. */
  callback?: SendCallback;
  dial?: Dial;
  /** Multiplies every delay of the scenarios and of repeated callbacks. */
  pace?: number;
  /** How long a ref is remembered; after it, a POST of it executes again, as at a real bank. */
  retentionSeconds?: number;
  /** After so long without a trace of it, a POST will never be taken. */
  maxInFlightSeconds?: number;
  callbackAttempts?: number;
  /** Calls back for outcomes that were answered at once, too. */
  callbackAlways?: boolean;
  /** An unknown ref is looked up again after so long, so that a POST which arrived before the inquiry is seen first. */
  secondLookMs?: number;
  /** The journal has failed; the bank has stopped. Told once. */
  failed?: (error: Error) => void;
}

/** The bank has stopped, or cannot write: nobody may be answered. */
export class BankStopped extends Error {}

const toWhole = { way: 'whole', delayMs: 0 } as const;

export class Bank {
  readonly retentionSeconds: number;
  readonly maxInFlightSeconds: number;
  readonly pace: number;
  readonly #parts: BankParts;
  readonly #books: Books;
  readonly #agenda: Agenda;
  readonly #courier: Courier | undefined;
  /** Transfers that inquiries do not see yet, or see as they were; kept by the agenda, for a wall clock may jump. */
  readonly #hidden = new WeakSet<Transfer>();
  readonly #stale = new WeakSet<Transfer>();
  #stopped = false;

  /** @throws when a scenario of the table would break what the bank's headers promise, at this pace */
  constructor(parts: BankParts) {
    this.#parts = parts;
    this.pace = parts.pace ?? 1;
    this.retentionSeconds = parts.retentionSeconds ?? 24 * 3600;
    this.maxInFlightSeconds = parts.maxInFlightSeconds ?? 60;
    this.#books = new Books(this.retentionSeconds * 1000);
    this.#agenda = new Agenda(parts.clock);
    const { callback: send, random, callbackAttempts: attempts = 15 } = parts;
    for (const scenario of scenarios) this.#played(scenario);
    const record = async (fact: Fact) => (this.#record(fact), this.#durable());
    this.#courier = send && new Courier({ send, agenda: this.#agenda, random, pace: this.pace, attempts, record });
  }

  /** Reads the journal and goes on where it ends. What is overdue happens now, before anybody is answered. @throws {JournalDamaged} */
  async open(): Promise<void> {
    const { journal } = this.#parts;
    await journal.replay((entry) => this.#books.apply(entry));
    const { retentionSeconds, maxInFlightSeconds, pace } = this;
    this.#record({ type: 'opened', cutBytes: journal.cutBytes, retentionSeconds, maxInFlightSeconds, pace });
    for (const transfer of this.#books.all()) void this.#goOn(transfer); // its callbacks see to themselves
    await this.#durable();
  }

  /** `POST /v1/transfers`. Rejects, as all methods do, when the bank stopped or cannot write: then nobody may be answered. */
  async transfer(request: TransferRequest): Promise<Reply> {
    const { ref } = request;
    const known = this.#books.transfer(ref, this.#now());
    if (known) return this.#repeat(known, request);
    if (this.#books.isFenced(ref, this.#now())) return this.#say(fencedOff(ref), { type: 'fenced_off', ref });

    const { id: scenario, script } = this.#played(this.#parts.dial?.(request) ?? scenarioFor(request));
    if (lasts(script.turnsAway, this.#books.timesTurnedAway(ref))) {
      const { line } = script.turnsAway;
      return this.#say(refusal(500, 'internal error'), { type: 'turned_away', ref, scenario, line }, line);
    }
    return this.#take(request, scenario, script);
  }

  /** `GET /v1/transfers/{ref}` */
  async inquire(ref: string): Promise<Reply> {
    const { secondLookMs = 50, clock } = this.#parts;
    if (secondLookMs > 0 && !this.#isKnown(ref)) await clock.sleep(secondLookMs);
    const now = this.#now();
    const transfer = this.#books.transfer(ref, now);
    const shown = transfer ? this.#shown(transfer) : this.#books.isFenced(ref, now) ? 'cancelled' : 'unknown';
    const line = lineOf(transfer?.script.inquiries, transfer?.inquiries ?? 0);
    const say = shown === 'unknown' ? refusal(404, 'no transfer has this ref') : transfer ? stateAnswer(transfer, shown) : answer(200, { ref, status: shown });
    return this.#say(say, { type: 'inquired', ref, answer: line.way === 'whole' ? shown : 'error' }, line);
  }

  /** `POST /v1/transfers/{ref}/cancel`: from here on no POST of this ref is executed, or the answer says that it was. */
  async cancel(ref: string): Promise<Reply> {
    const now = this.#now();
    const transfer = this.#books.transfer(ref, now);
    const line = lineOf(transfer?.script.cancels, transfer?.cancels ?? 0);
    const met = transfer?.status ?? (this.#books.isFenced(ref, now) ? 'cancelled' : undefined);
    if (met === undefined || met === 'pending') {
      return this.#say(answer(200, { ref, status: 'cancelled' }), { type: 'cancelled', ref, ...(transfer && { request: transfer.request }) }, line);
    }
    return this.#say(answer(met === 'cancelled' ? 200 : 409, { ref, status: met }), { type: 'cancel_repeated', ref, answer: met }, line);
  }

  /** A body that is no transfer. @param error names the field, never its value */
  malformed(error: string): Promise<Reply> {
    return this.#say(refusal(400, error), { type: 'malformed', error });
  }

  journal(after: number, limit: number): Promise<JournalPage> {
    return this.#parts.journal.read(after, limit);
  }

  /** From here on the bank writes and answers nothing, as if it had been killed. The journal stays open: it is not the bank's to close. */
  stop(): void {
    this.#stopped = true;
    this.#agenda.stop();
  }

  #repeat(known: Transfer, request: TransferRequest): Promise<Reply> {
    const { ref, request: first } = known;
    if (contentOf(this.#parts.key, request) !== known.content) {
      return this.#say(refusal(409, 'this ref was used with other content'), { type: 'conflicted', ref, request: first });
    }
    const line = lineOf(known.script.answers, known.posts);
    return this.#say(known.status === 'cancelled' ? fencedOff(ref) : firstAnswer(known), { type: 'repeated', ref, request: first }, line);
  }

  async #take(request: TransferRequest, scenario: string, script: Script): Promise<Reply> {
    const { ref, kind, amount, currency } = request;
    const { key } = this.#parts;
    const kept = script === executesAtOnce ? {} : { script };
    this.#record({ type: 'requested', ref, kind, amount, currency, destination: mask(key, request), content: contentOf(key, request), scenario, ...kept });
    const transfer = this.#books.transfer(ref, this.#now())!;
    const told = this.#goOn(transfer);
    const line = lineOf(script.answers, 0);
    const first = firstAnswer(transfer);
    await this.#durable();
    if (line.way === 'whole' && line.afterCallback) await told;
    return onLine(first, line, this.pace);
  }

  /** Does what the transfer's script has due and notes the rest. Resolves when the callbacks that were due have been tried once. */
  #goOn(transfer: Transfer): Promise<unknown> {
    const { steps, callbacks = [], hiddenMs = 0, staleMs = 0 } = transfer.script;
    const age = Math.max(0, this.#now() - transfer.takenAt); // a wall clock that went back makes nothing later than the script says
    const rest = (afterMs: number) => afterMs * this.pace - age;
    for (const step of steps) {
      if (rest(step.afterMs) <= 0) this.#step(transfer, step);
      else this.#agenda.after(rest(step.afterMs), () => this.#later(() => this.#step(transfer, step)));
    }
    this.#veil(this.#hidden, transfer, rest(hiddenMs));
    this.#veil(this.#stale, transfer, rest(staleMs));
    const due: Promise<void>[] = [];
    callbacks.forEach((plan, index) => {
      const deliver = async () => {
        if (plan.lie || hasBeen(transfer, plan.says)) await this.#courier?.deliver(transfer, plan, index);
      };
      if (rest(plan.afterMs) <= 0) due.push(deliver());
      else this.#agenda.after(rest(plan.afterMs), () => void deliver());
    });
    return Promise.all(due);
  }

  #veil(veiled: WeakSet<Transfer>, transfer: Transfer, ms: number): void {
    if (ms <= 0) return;
    veiled.add(transfer);
    this.#agenda.after(ms, () => veiled.delete(transfer));
  }

  #step(transfer: Transfer, { to, code }: Step): void {
    const { ref, request, status, amount, currency, destination } = transfer;
    if (status !== (to === 'returned' ? 'executed' : 'pending')) return;
    if (to === 'declined') this.#record({ type: 'declined', ref, request, code: code ?? '05' });
    else this.#record({ type: to, ref, request, amount, currency, destination, rrn: rrnOf(request) });
  }

  /** Something of the agenda; a failure has been told, and nobody waits for this. */
  #later(act: () => void): void {
    try {
      act();
    } catch {}
  }

  #isKnown(ref: string): boolean {
    return this.#books.transfer(ref, this.#now()) !== undefined || this.#books.isFenced(ref, this.#now());
  }

  #shown(transfer: Transfer): Status | 'unknown' {
    const { status } = transfer;
    if (this.#hidden.has(transfer) && status !== 'cancelled') return 'unknown';
    return this.#stale.has(transfer) && status === 'executed' ? 'pending' : status;
  }

  /** A scenario, of a dial too, as this bank plays it. @throws as assertWithin */
  #played(scenario: Scenario): Scenario {
    assertWithin(scenario, this);
    return this.#parts.callbackAlways ? { ...scenario, script: calledBack(scenario.script) } : scenario;
  }

  async #say(answer: Answer, fact: Fact, line: Line = toWhole): Promise<Reply> {
    this.#record(fact);
    await this.#durable();
    return onLine(answer, line, this.pace);
  }

  #record(fact: Fact): Entry {
    if (this.#stopped) throw new BankStopped('the bank has stopped');
    try {
      const entry = this.#parts.journal.append(this.#parts.clock.wall(), fact);
      this.#books.apply(entry);
      return entry;
    } catch (error) {
      throw this.#fail(error as Error);
    }
  }

  async #durable(): Promise<void> {
    try {
      await this.#parts.journal.durable();
    } catch (error) {
      throw this.#fail(error as Error);
    }
    if (this.#stopped) throw new BankStopped('the bank has stopped');
  }

  #fail(error: Error): Error {
    if (!this.#stopped) {
      this.stop();
      this.#parts.failed?.(error);
    }
    return error instanceof BankStopped ? error : new BankStopped('the journal has failed', { cause: error });
  }

  #now(): number {
    return this.#parts.clock.wall().getTime();
  }
}

/** Whether what a callback says has come true; it may be over by now. */
function hasBeen({ status, executedAt, returnedAt }: Transfer, says: 'executed' | 'declined' | 'returned'): boolean {
  if (says === 'declined') return status === 'declined';
  return (says === 'executed' ? executedAt : returnedAt) !== undefined;
}
