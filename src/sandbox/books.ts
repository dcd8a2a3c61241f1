/**
 * What the bank knows, worked out from its journal and from nothing else: the running bank and a bank that starts again put the
 * same entries through `apply`, so they cannot differ.
 */
import type { Authorization, Deed, Operation, Room } from './deeds.ts';
import type { Entry } from './journal.ts';
import { executesAtOnce } from './script.ts';

type Of<T extends Entry['type']> = Extract<Entry, { type: T }>;

/** So long something of an authorization may be given back; what is older is gone. */
const authorizationMs = 180 * 24 * 3600 * 1000;

/** Milliseconds of an entry's time. */
const timeOf = (entry: Entry) => Date.parse(entry.at);

export class Books {
  readonly #retentionMs: number;
  /** by ref, the oldest first. A ref names one thing, whatever its kind. */
  readonly #deeds = new Map<string, Deed>();
  /** The same authorizations, by ref, which live on when a POST of their ref would be a new one. */
  readonly #authorizations = new Map<string, Authorization>();
  /** refs that were cancelled before any POST, and when */
  readonly #fences = new Map<string, number>();
  readonly #turnedAway = new Map<string, { at: number; times: number }>();

  constructor(retentionMs: number) {
    this.#retentionMs = retentionMs;
  }

  /** What a POST of this ref would repeat. @param now wall clock, milliseconds */
  find(ref: string, now: number): Deed | undefined {
    const deed = this.#deeds.get(ref);
    return deed && now - deed.takenAt < this.#retentionMs ? deed : undefined;
  }

  /** What an inquiry in this room sees: as `find`, but an authorization as long as something can be done with it. */
  look(room: Room, ref: string, now: number): Deed | undefined {
    if (room === 'authorizations') return this.authorization(ref, now);
    const deed = this.find(ref, now);
    return deed?.room === room ? deed : undefined;
  }

  authorization(ref: string, now: number): Authorization | undefined {
    const authorization = this.#authorizations.get(ref);
    return authorization && now - authorization.takenAt < authorizationMs ? authorization : undefined;
  }

  isFenced(ref: string, now: number): boolean {
    const at = this.#fences.get(ref);
    return at !== undefined && now - at < this.#retentionMs;
  }

  timesTurnedAway(ref: string): number {
    return this.#turnedAway.get(ref)?.times ?? 0;
  }

  /** Whether the deed is still what its ref names, and was not forgotten and taken anew. */
  holds({ ref, request }: Deed): boolean {
    return this.#numbered(ref, request) !== undefined;
  }

  *all(): Generator<Deed> {
    yield* this.#deeds.values();
    for (const authorization of this.#authorizations.values()) if (this.#deeds.get(authorization.ref) !== authorization) yield authorization;
  }

  apply(entry: Entry): void {
    switch (entry.type) {
      case 'requested':
        return this.#takeTransfer(entry);
      case 'authorization_requested':
        return this.#takeAuthorization(entry);
      case 'operation_requested':
        return this.#takeOperation(entry);
      case 'cancelled':
        return this.#cancel(entry);
      case 'voided':
        this.#cancel({ ...entry, ref: entry.authorization, request: entry.of });
        return this.#change(entry, (deed) => Object.assign(deed, { status: 'executed', rrn: entry.rrn, executedAt: entry.at }));
      case 'turned_away':
        return setLast(this.#turnedAway, entry.ref, { at: timeOf(entry), times: this.timesTurnedAway(entry.ref) + 1 });
      case 'inquired':
        return this.#count(entry.ref, 'inquiries');
      case 'cancel_repeated':
        return this.#count(entry.ref, 'cancels');
      case 'repeated':
        return this.#change(entry, (deed) => deed.posts++);
      case 'executed':
      case 'captured':
      case 'released':
      case 'refunded':
        return this.#change(entry, (deed) => Object.assign(deed, { status: 'executed', rrn: entry.rrn, executedAt: entry.at }));
      case 'authorized':
        return this.#change(entry, (deed) => Object.assign(deed, { status: 'authorized', rrn: entry.rrn, authCode: entry.authCode }));
      case 'expired':
        return this.#change(entry, (deed) => Object.assign(deed, { expired: true }));
      case 'declined':
        return this.#change(entry, (deed) => Object.assign(deed, { status: 'declined', code: entry.code }));
      case 'returned':
        return this.#change(entry, (deed) => Object.assign(deed, { status: 'returned', returnedAt: entry.at }));
      case 'callback_sent':
        return this.#change(entry, (deed) => (callbackOf(deed, entry.callback).attempts = entry.attempt));
      case 'callback_answered':
        return this.#change(entry, (deed) => (callbackOf(deed, entry.callback).done ||= entry.status >= 200 && entry.status < 300));
      case 'callback_given_up':
        return this.#change(entry, (deed) => (callbackOf(deed, entry.callback).done = true));
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
    dropWhile(this.#deeds, ({ takenAt }) => isPast(takenAt));
    dropWhile(this.#authorizations, ({ takenAt }) => now - takenAt >= authorizationMs);
    dropWhile(this.#fences, isPast);
    dropWhile(this.#turnedAway, ({ at }) => isPast(at));
  }

  #takeTransfer(entry: Of<'requested'>): void {
    const { currency, destination, script = executesAtOnce } = entry;
    this.#take({ ...begun(entry), room: 'transfers', currency, destination, script });
  }

  #takeAuthorization(entry: Of<'authorization_requested'>): void {
    const { ref, currency, instrument, script } = entry;
    const authorization: Authorization = { ...begun(entry), room: 'authorizations', currency, instrument, script, expired: false, operations: [] };
    this.#take(authorization);
    setLast(this.#authorizations, ref, authorization);
  }

  #takeOperation(entry: Of<'operation_requested'>): void {
    const { kind, authorization, of: number, script } = entry;
    const found = number === undefined ? undefined : this.#numbered(authorization, number);
    const of = found?.room === 'authorizations' ? found : undefined;
    const operation: Operation = { ...begun(entry), room: 'operations', kind, authorization, of, script };
    this.#take(operation);
    of?.operations.push(operation);
  }

  #take(deed: Deed): void {
    const { ref, takenAt } = deed;
    this.#turnedAway.delete(ref);
    this.#fences.delete(ref);
    this.#forget(takenAt);
    setLast(this.#deeds, ref, deed);
  }

  /** @param request of the deed; without one it is a fence */
  #cancel({ ref, request, at }: { ref: string; request?: number; at: string }): void {
    if (request === undefined) setLast(this.#fences, ref, Date.parse(at));
    else this.#change({ ref, request }, (deed) => Object.assign(deed, { status: 'cancelled', cancels: deed.cancels + 1 }));
  }

  /** @param request number of the entry that took it */
  #numbered(ref: string, request: number): Deed | undefined {
    const deed = this.#deeds.get(ref);
    if (deed?.request === request) return deed;
    const authorization = this.#authorizations.get(ref);
    return authorization?.request === request ? authorization : undefined;
  }

  /** An entry of a deed whose ref was forgotten and taken anew changes neither. */
  #change({ ref, request }: { ref: string; request: number }, change: (deed: Deed) => void): void {
    const deed = this.#numbered(ref, request);
    if (deed) change(deed);
  }

  #count(ref: string, what: 'inquiries' | 'cancels'): void {
    const deed = this.#deeds.get(ref);
    if (deed) deed[what]++;
  }
}

const begun = (entry: Of<'requested' | 'authorization_requested' | 'operation_requested'>) => ({
  ...{ request: entry.n, ref: entry.ref, takenAt: timeOf(entry), amount: entry.amount, content: entry.content, scenario: entry.scenario },
  ...{ status: 'pending' as const, posts: 1, inquiries: 0, cancels: 0, callbacks: undefined },
});

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

function callbackOf(deed: Deed, key: string): { attempts: number; done: boolean } {
  deed.callbacks ??= new Map();
  let state = deed.callbacks.get(key);
  if (!state) deed.callbacks.set(key, (state = { attempts: 0, done: false }));
  return state;
}
