/**
 * Plays the scripts of the bank's deeds: what a POST begins, what is due later, what answers and inquiries are told. What it does
 * is in the journal first, and the books follow the journal; it knows no rule of transfers or authorizations.
 */
import type { Clock, Random } from '../ports.ts';
import { Agenda } from './agenda.ts';
import { Books } from './books.ts';
import { Courier, type SendCallback } from './courier.ts';
import { statusOf, type Deed, type Room } from './deeds.ts';
import { effectOf, hasBeen } from './effects.ts';
import type { Entry, Fact, Journal } from './journal.ts';
import { answer, fencedOff, firstAnswer, onLine, refusal, stateAnswer, type Answer, type Reply } from './reply.ts';
import { assertWithin, calledBack, lasts, lineOf, type Line, type Promises, type Scenario, type Script, type Status, type Step } from './script.ts';

export interface PlayerParts {
  journal: Journal;
  clock: Clock;
  random: Random;
  /** Without it the bank calls nobody back. */
  callback?: SendCallback;
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
const nouns: Record<Room, string> = { transfers: 'transfer', authorizations: 'authorization', operations: 'operation' };

export class Player implements Promises {
  readonly retentionSeconds: number;
  readonly maxInFlightSeconds: number;
  readonly pace: number;
  readonly books: Books;
  readonly #parts: PlayerParts;
  readonly #agenda: Agenda;
  readonly #courier: Courier | undefined;
  /** Deeds that inquiries do not see yet, or see as they were; kept by the agenda, for a wall clock may jump. */
  readonly #hidden = new WeakSet<Deed>();
  readonly #stale = new WeakSet<Deed>();
  #stopped = false;

  constructor(parts: PlayerParts) {
    this.#parts = parts;
    this.pace = parts.pace ?? 1;
    this.retentionSeconds = parts.retentionSeconds ?? 24 * 3600;
    this.maxInFlightSeconds = parts.maxInFlightSeconds ?? 60;
    this.books = new Books(this.retentionSeconds * 1000);
    this.#agenda = new Agenda(parts.clock);
    const { callback: send, random, callbackAttempts: attempts = 15 } = parts;
    const record = async (fact: Fact) => (this.record(fact), this.durable());
    this.#courier = send && new Courier({ send, agenda: this.#agenda, random, pace: this.pace, attempts, record });
  }

  /** Reads the journal and goes on where it ends. What is overdue happens now, before anybody is answered. @throws {JournalDamaged} */
  async open(): Promise<void> {
    const { journal } = this.#parts;
    await journal.replay((entry) => this.books.apply(entry));
    const { retentionSeconds, maxInFlightSeconds, pace } = this;
    this.record({ type: 'opened', cutBytes: journal.cutBytes, retentionSeconds, maxInFlightSeconds, pace });
    for (const deed of this.books.all()) void this.#goOn(deed); // its callbacks see to themselves
    await this.durable();
  }

  /** From here on nothing is written or answered, as if the bank had been killed. */
  stop(): void {
    this.#stopped = true;
    this.#agenda.stop();
  }

  /** Milliseconds of the wall clock. */
  now(): number {
    return this.#parts.clock.wall().getTime();
  }

  /** A scenario, of a dial too, as this bank plays it. @throws as assertWithin */
  played<S extends Scenario>(scenario: S): S {
    assertWithin(scenario, this);
    return this.#parts.callbackAlways ? { ...scenario, script: calledBack(scenario.script) } : scenario;
  }

  /** A POST of a ref that the bank knows, with whatever content. */
  repeat(known: Deed, content: string): Promise<Reply> {
    const { ref, request } = known;
    if (content !== known.content) {
      return this.say(refusal(409, 'this ref was used with other content'), { type: 'conflicted', ref, request });
    }
    const line = lineOf(known.script.answers, known.posts);
    return this.say(known.status === 'cancelled' ? fencedOff(ref) : firstAnswer(known), { type: 'repeated', ref, request }, line);
  }

  /** A POST of a ref that was cancelled. */
  fencedOff(ref: string): Promise<Reply> {
    return this.say(fencedOff(ref), { type: 'fenced_off', ref });
  }

  /** A POST that is not let in, where the scenario says so. */
  turnAway(ref: string, { id: scenario, script }: Scenario): Promise<Reply> | undefined {
    if (!lasts(script.turnsAway, this.books.timesTurnedAway(ref))) return undefined;
    const { line } = script.turnsAway;
    return this.say(refusal(500, 'internal error'), { type: 'turned_away', ref, scenario, line }, line);
  }

  /** A POST is taken. @param requested puts a deed with this ref and script in the books */
  async take(ref: string, script: Script, requested: Fact): Promise<Reply> {
    this.record(requested);
    const deed = this.books.find(ref, this.now())!;
    const told = this.#goOn(deed);
    const line = lineOf(script.answers, 0);
    const first = firstAnswer(deed);
    await this.durable();
    if (line.way === 'whole' && line.afterCallback) await told;
    return onLine(first, line, this.pace);
  }

  async inquire(room: Room, ref: string): Promise<Reply> {
    const { secondLookMs = 50, clock } = this.#parts;
    if (secondLookMs > 0 && !this.#isKnown(room, ref)) await clock.sleep(secondLookMs);
    const now = this.now();
    const deed = this.books.look(room, ref, now);
    const shown = deed ? this.#shown(deed) : this.#isFence(room, ref) ? 'cancelled' : 'unknown';
    const line = lineOf(deed?.script.inquiries, deed?.inquiries ?? 0);
    const say = shown === 'unknown' ? refusal(404, `no ${nouns[room]} has this ref`) : deed ? stateAnswer(deed, shown) : answer(200, { ref, status: shown });
    return this.say(say, { type: 'inquired', ref, answer: line.way === 'whole' ? shown : 'error' }, line);
  }

  /** Does what the script has due and notes the rest. Resolves when the callbacks that were due have been tried once. */
  #goOn(deed: Deed): Promise<unknown> {
    const { steps, callbacks = [], hiddenMs = 0, staleMs = 0 } = deed.script;
    const age = Math.max(0, this.now() - deed.takenAt); // a wall clock that went back makes nothing later than the script says
    const rest = (afterMs: number) => afterMs * this.pace - age;
    for (const step of steps) {
      if (rest(step.afterMs) <= 0) this.#step(deed, step);
      else this.#agenda.after(rest(step.afterMs), () => this.#later(() => this.#step(deed, step)));
    }
    this.#veil(this.#hidden, deed, rest(hiddenMs));
    this.#veil(this.#stale, deed, rest(staleMs));
    const due: Promise<void>[] = [];
    callbacks.forEach((plan, index) => {
      const deliver = async () => {
        if (plan.lie || hasBeen(deed, plan.says)) await this.#courier?.deliver(deed, plan, index);
      };
      if (rest(plan.afterMs) <= 0) due.push(deliver());
      else this.#agenda.after(rest(plan.afterMs), () => void deliver());
    });
    return Promise.all(due);
  }

  #veil(veiled: WeakSet<Deed>, deed: Deed, ms: number): void {
    if (ms <= 0) return;
    veiled.add(deed);
    this.#agenda.after(ms, () => veiled.delete(deed));
  }

  #step(deed: Deed, step: Step): void {
    const effect = this.books.holds(deed) ? effectOf(deed, step) : undefined;
    if (effect) this.record(effect);
  }

  /** Something of the agenda; a failure has been told, and nobody waits for this. */
  #later(act: () => void): void {
    try {
      act();
    } catch {}
  }

  #isKnown(room: Room, ref: string): boolean {
    return this.books.look(room, ref, this.now()) !== undefined || this.#isFence(room, ref);
  }

  /** An operation has no fence of its own. */
  #isFence(room: Room, ref: string): boolean {
    return room !== 'operations' && this.books.isFenced(ref, this.now());
  }

  #shown(deed: Deed): Status | 'unknown' {
    const status = statusOf(deed);
    if (this.#hidden.has(deed) && status !== 'cancelled') return 'unknown';
    return this.#stale.has(deed) && (status === 'executed' || status === 'authorized') ? 'pending' : status;
  }

  async say(answer: Answer, fact: Fact, line: Line = toWhole): Promise<Reply> {
    this.record(fact);
    await this.durable();
    return onLine(answer, line, this.pace);
  }

  record(fact: Fact): Entry {
    if (this.#stopped) throw new BankStopped('the bank has stopped');
    try {
      const entry = this.#parts.journal.append(this.#parts.clock.wall(), fact);
      this.books.apply(entry);
      return entry;
    } catch (error) {
      throw this.#fail(error as Error);
    }
  }

  async durable(): Promise<void> {
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
}
