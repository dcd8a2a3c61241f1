/**
 * What the bank knows, worked out from its journal and from nothing else: the running bank and a bank that starts again put the
 * same entries through `apply`, so they cannot differ.
 */
import type { MaskedDestination } from './fingerprint.ts';
import type { Entry } from './journal.ts';
import { executesAtOnce, type Script, type Status } from './script.ts';

export interface Transfer {
  /** number of the entry that took it; names it among all transfers, also those of the same ref before retention ended */
  request: number;
  ref: string;
  takenAt: number;
  amount: string;
  currency: string;
  destination: MaskedDestination;
  content: string;
  scenario: string;
  script: Script;
  status: Status;
  code?: string;
  rrn?: string;
  executedAt?: string;
  returnedAt?: string;
  /** POSTs, inquiries and cancels so far: a fault counts them */
  posts: number;
  inquiries: number;
  cancels: number;
  callbacks: Map<string, { attempts: number; done: boolean }> | undefined;
}

/** Milliseconds of an entry's time. */
const timeOf = (entry: Entry) => Date.parse(entry.at);

export class Books {
  readonly #retentionMs: number;
  /** by ref, the oldest first */
  readonly #transfers = new Map<string, Transfer>();
  /** refs that were cancelled before any POST, and when */
  readonly #fences = new Map<string, number>();
  readonly #turnedAway = new Map<string, { at: number; times: number }>();

  constructor(retentionMs: number) {
    this.#retentionMs = retentionMs;
  }

  /** The transfer that the bank still remembers by this ref. @param now wall clock, milliseconds */
  transfer(ref: string, now: number): Transfer | undefined {
    const transfer = this.#transfers.get(ref);
    return transfer && now - transfer.takenAt < this.#retentionMs ? transfer : undefined;
  }

  isFenced(ref: string, now: number): boolean {
    const at = this.#fences.get(ref);
    return at !== undefined && now - at < this.#retentionMs;
  }

  timesTurnedAway(ref: string): number {
    return this.#turnedAway.get(ref)?.times ?? 0;
  }

  all(): IterableIterator<Transfer> {
    return this.#transfers.values();
  }

  apply(entry: Entry): void {
    switch (entry.type) {
      case 'requested':
        return this.#take(entry);
      case 'cancelled':
        if (entry.request === undefined) setLast(this.#fences, entry.ref, timeOf(entry));
        else this.#change(entry.ref, entry.request, (t) => Object.assign(t, { status: 'cancelled', cancels: t.cancels + 1 }));
        return;
      case 'turned_away':
        return setLast(this.#turnedAway, entry.ref, { at: timeOf(entry), times: this.timesTurnedAway(entry.ref) + 1 });
      case 'inquired':
        return this.#count(entry.ref, 'inquiries');
      case 'cancel_repeated':
        return this.#count(entry.ref, 'cancels');
      case 'repeated':
        return this.#change(entry.ref, entry.request, (t) => t.posts++);
      case 'executed':
        return this.#change(entry.ref, entry.request, (t) => Object.assign(t, { status: 'executed', rrn: entry.rrn, executedAt: entry.at }));
      case 'declined':
        return this.#change(entry.ref, entry.request, (t) => Object.assign(t, { status: 'declined', code: entry.code }));
      case 'returned':
        return this.#change(entry.ref, entry.request, (t) => Object.assign(t, { status: 'returned', returnedAt: entry.at }));
      case 'callback_sent':
        return this.#change(entry.ref, entry.request, (t) => (callbackOf(t, entry.callback).attempts = entry.attempt));
      case 'callback_answered':
        return this.#change(entry.ref, entry.request, (t) => (callbackOf(t, entry.callback).done ||= entry.status >= 200 && entry.status < 300));
      case 'callback_given_up':
        return this.#change(entry.ref, entry.request, (t) => (callbackOf(t, entry.callback).done = true));
      case 'opened':
      case 'malformed':
      case 'conflicted':
      case 'fenced_off':
        return;
    }
  }

  /** Frees the memory of what is past retention; cheap, since the oldest come first. */
  #forget(now: number): void {
    const isPast = (at: number) => now - at >= this.#retentionMs;
    dropWhile(this.#transfers, ({ takenAt }) => isPast(takenAt));
    dropWhile(this.#fences, isPast);
    dropWhile(this.#turnedAway, ({ at }) => isPast(at));
  }

  #take(entry: Extract<Entry, { type: 'requested' }>): void {
    const { n, ref, amount, currency, destination, content, scenario, script = executesAtOnce } = entry;
    this.#turnedAway.delete(ref);
    this.#fences.delete(ref);
    this.#forget(timeOf(entry));
    setLast(this.#transfers, ref, {
      request: n,
      ref,
      takenAt: timeOf(entry),
      amount,
      currency,
      destination,
      content,
      scenario,
      script,
      status: 'pending',
      posts: 1,
      inquiries: 0,
      cancels: 0,
      callbacks: undefined,
    });
  }

  /** An entry of a transfer whose ref was forgotten and taken anew changes neither. */
  #change(ref: string, request: number, change: (transfer: Transfer) => void): void {
    const transfer = this.#transfers.get(ref);
    if (transfer?.request === request) change(transfer);
  }

  #count(ref: string, what: 'inquiries' | 'cancels'): void {
    const transfer = this.#transfers.get(ref);
    if (transfer) transfer[what]++;
  }
}

/** Also a key that was there goes to the end, so that the oldest stay first. */
function setLast<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  map.set(key, value);
}

function dropWhile<K, V>(map: Map<K, V>, isPast: (value: V) => boolean): void {
  for (const [key, value] of map) {
    if (!isPast(value)) break;
    map.delete(key);
  }
}

function callbackOf(transfer: Transfer, key: string): { attempts: number; done: boolean } {
  transfer.callbacks ??= new Map();
  let state = transfer.callbacks.get(key);
  if (!state) transfer.callbacks.set(key, (state = { attempts: 0, done: false }));
  return state;
}
