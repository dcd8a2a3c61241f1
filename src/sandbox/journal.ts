/**
 * The bank's journal: append-only, numbered without gaps from 1, one JSON line an entry. An entry is on disk before what it
 * says is acted upon or answered; so what the bank did is what its journal says, whatever happened to the bank.
 *
 * To judge: a transfer was executed as often as there are `executed` entries with its `ref`; amount (minor units, digits),
 * currency, destination and time stand in each of them. `request` is the `n` of the POST that an entry belongs to.
 * What was taken of an authorization is the sum of the `captured` entries that name it, less that of the `refunded` ones.
 */
import type { OperationKind } from './authorization-request.ts';
import type { MaskedDestination, MaskedInstrument } from './fingerprint.ts';
import type { Line, Script, Status } from './script.ts';

interface Moved {
  ref: string;
  request: number;
  amount: string;
  currency: string;
  destination: MaskedDestination;
  rrn: string;
}

/** An effect on the money of an authorization; `ref` and `request` are the operation's, `of` is the `request` of the authorization. */
interface Operated {
  ref: string;
  request: number;
  authorization: string;
  of: number;
  amount: string;
  currency: string;
  instrument: MaskedInstrument;
  rrn: string;
}

export type Fact =
  /** The bank started; `cutBytes` of a line that a crash left unfinished were removed. */
  | { type: 'opened'; cutBytes: number; retentionSeconds: number; maxInFlightSeconds: number; pace: number }
  /** A body that is no request of its call; answered 400. */
  | { type: 'malformed'; error: string }
  /** A POST was taken. The script is left out when it is "executed at once". */
  | {
      type: 'requested';
      ref: string;
      kind: 'card' | 'bank';
      amount: string;
      currency: string;
      destination: MaskedDestination;
      content: string;
      scenario: string;
      script?: Script;
    }
  /** The same ref and content again; nothing else happens. */
  | { type: 'repeated'; ref: string; request: number }
  /** The same ref with other content; answered 409. */
  | { type: 'conflicted'; ref: string; request: number }
  /** A POST that the scenario did not let in. */
  | { type: 'turned_away'; ref: string; scenario: string; line: Line }
  /** A POST of a ref that was cancelled; answered 422. */
  | { type: 'fenced_off'; ref: string }
  | ({ type: 'executed' } & Moved)
  | { type: 'declined'; ref: string; request: number; code: string }
  | ({ type: 'returned' } & Moved)
  | { type: 'inquired'; ref: string; answer: Status | 'unknown' | 'error' }
  /** A fence came up: over a pending transfer (`request`), or over a ref that no POST had. */
  | { type: 'cancelled'; ref: string; request?: number }
  /** A cancel that changed nothing; `answer` is the state that it met. */
  | { type: 'cancel_repeated'; ref: string; answer: Status }
  /** An attempt at a callback is about to leave. `callback` names it among all, `id` is its webhook-id. */
  | { type: 'callback_sent'; ref: string; request: number; callback: string; id: string; attempt: number; says: Status; lie?: true }
  /** The HTTP status that it got, 0 for none. */
  | { type: 'callback_answered'; ref: string; request: number; callback: string; attempt: number; status: number }
  | { type: 'callback_given_up'; ref: string; request: number; callback: string }
  /** A POST of an authorization was taken. */
  | {
      type: 'authorization_requested';
      ref: string;
      kind: 'card' | 'wallet';
      amount: string;
      currency: string;
      instrument: MaskedInstrument;
      initiator: 'customer' | 'merchant';
      initialRef?: string;
      content: string;
      scenario: string;
      script: Script;
    }
  | { type: 'authorized'; ref: string; request: number; amount: string; currency: string; instrument: MaskedInstrument; rrn: string; authCode: string }
  /** The bank let go of what was left of an authorization; `amount` is that. */
  | { type: 'expired'; ref: string; request: number; amount: string; currency: string }
  /** A POST of an operation was taken; one that is refused, too. `of` is missing where the bank knows no such authorization. */
  | {
      type: 'operation_requested';
      ref: string;
      kind: OperationKind;
      authorization: string;
      of?: number;
      amount: string;
      content: string;
      scenario: string;
      script: Script;
    }
  | ({ type: 'captured' } & Operated)
  | ({ type: 'released' } & Operated)
  | ({ type: 'refunded' } & Operated)
  /** A cancellation met an authorization that nobody had granted: a fence came up over it (`of`), or over a ref that no POST had. */
  | { type: 'voided'; ref: string; request: number; authorization: string; of?: number; rrn: string };

/** `at` is the bank's wall clock, ISO 8601 in UTC; the order is `n`'s. */
export type Entry = { n: number; at: string } & Fact;

/** Entries as the lines that were written, so that a reader sees the very bytes. */
export interface JournalPage {
  lines: string[];
  /** the number of the last line, or the `after` that was asked for */
  last: number;
  more: boolean;
}

export interface Journal {
  /** Bytes of an unfinished last line that opening removed. */
  readonly cutBytes: number;
  /** Shows every entry there is, in order; once, before the first `append`. @throws {JournalDamaged} */
  replay(visit: (entry: Entry) => void): Promise<void>;
  /** Numbers the entry and queues it: entries are written in the order of these calls. @throws when the journal has failed */
  append(at: Date, fact: Fact): Entry;
  /** Resolves when all that was appended so far is on disk; rejects when it may not be, and from then on always. */
  durable(): Promise<void>;
  /** Durable entries only. */
  read(after: number, limit: number): Promise<JournalPage>;
  close(): Promise<void>;
}

/** The journal cannot be what the bank wrote: a line in the middle is unreadable or out of number. */
export class JournalDamaged extends Error {}

export const lineFor = (n: number, at: Date, fact: Fact): { entry: Entry; line: string } => {
  const entry: Entry = { n, at: at.toISOString(), ...fact };
  return { entry, line: JSON.stringify(entry) };
};

/** @throws {JournalDamaged} unless `line` is entry number `n` */
export function parseLine(line: string, n: number): Entry {
  let entry: Entry | undefined;
  try {
    entry = JSON.parse(line) as Entry;
  } catch {}
  if (entry?.n !== n) throw new JournalDamaged(`entry ${n} of the journal is unreadable or out of number`);
  return entry;
}

/** A journal in memory, for simulations: it outlives the bank that writes it, as a disk would. */
export class MemoryJournal implements Journal {
  readonly cutBytes = 0;
  readonly lines: string[] = [];

  async replay(visit: (entry: Entry) => void): Promise<void> {
    this.lines.forEach((line, index) => visit(parseLine(line, index + 1)));
  }

  append(at: Date, fact: Fact): Entry {
    const { entry, line } = lineFor(this.lines.length + 1, at, fact);
    this.lines.push(line);
    return entry;
  }

  async durable(): Promise<void> {}

  async read(after: number, limit: number): Promise<JournalPage> {
    const lines = this.lines.slice(after, after + limit);
    return { lines, last: after + lines.length, more: after + lines.length < this.lines.length };
  }

  async close(): Promise<void> {}

  /** Every entry, parsed, for a judge in the same process. */
  entries(): Entry[] {
    return this.lines.map((line, index) => parseLine(line, index + 1));
  }
}
