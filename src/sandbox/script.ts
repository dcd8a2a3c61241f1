/**
 * How one transfer, authorization or operation goes, as plain data, so that a scenario can be listed, overridden by a simulation, kept in the journal
 * and continued after a restart. Times are milliseconds after the bank took the request; the bank's pace multiplies them.
 */

/** What the books can say of a ref. A fence on one that nothing has is `cancelled` too. */
export type Status = 'pending' | 'executed' | 'authorized' | 'declined' | 'cancelled' | 'returned';

/** How an answer travels. What it says and what happened to the money do not depend on it. */
export type Line =
  /** As it should, perhaps late, perhaps only after the callback was tried. */
  | { way: 'whole'; delayMs?: number; afterCallback?: true }
  /** Never: the connection stays open until the client gives up. */
  | { way: 'silent' }
  /** The connection is destroyed without a byte. */
  | { way: 'dropped' }
  /** The connection is destroyed in the middle of the body. */
  | { way: 'cut' }
  /** A byte a second. */
  | { way: 'dripped' }
  /** 200 with a page of HTML. */
  | { way: 'html' }
  /** 200 with 10 MB that begin like a true answer. */
  | { way: 'huge' }
  /** Another status than the true one, with an `{error}`. */
  | { way: 'status'; status: 429 | 500 | 503 };

/** A bad line for the first `times` calls of its kind; for all of them when left out. */
export interface Fault {
  line: Line;
  times?: number;
}

/** A change of the books. It is skipped when the books no longer allow it: a cancelled transfer is not executed later. */
export interface Step {
  afterMs: number;
  /** `expired`: the bank lets go of what is left of an authorization. */
  to: 'executed' | 'authorized' | 'declined' | 'returned' | 'expired';
  code?: string;
}

export interface CallbackPlan {
  afterMs: number;
  says: Exclude<Status, 'pending'>;
  /** Messages of the same content; they share one webhook-id unless `ownIds`. */
  copies?: number;
  ownIds?: true;
  /** It says what is not so. Without this, a callback is only sent when what it says has happened. */
  lie?: true;
  /** Signed with a secret that is not ours; sent once. */
  forged?: true;
  /** About a ref that nobody sent; sent once. */
  stranger?: true;
}

export interface Script {
  /** POSTs that get this line *before* the bank takes the transfer: they leave no trace in the books, and the next one may be taken. */
  turnsAway?: Fault;
  steps: readonly Step[];
  /** The line of POSTs that were taken, the repeated ones included. */
  answers?: Fault;
  inquiries?: Fault;
  /** The line of cancels; the cancel itself acts. */
  cancels?: Fault;
  /** Inquiries answer 404 until then, although the transfer is in the books. */
  hiddenMs?: number;
  /** Inquiries answer `pending` until then, whatever the books say. */
  staleMs?: number;
  callbacks?: readonly CallbackPlan[];
}

/** Where it ends for a client that asks with the same ref until it knows; `nothing`: the POST is never taken. */
export type Outcome = Status | 'nothing';

export interface Scenario {
  id: string;
  /** The test card that asks for it. */
  card?: string;
  /** The test account that asks for it. */
  iban?: string;
  /** The amount, in minor units, that asks for it with any card. */
  amountMinor?: number;
  does: string;
  outcome: Outcome;
  /** The response code of a decline. */
  code?: string;
  script: Script;
}

export const executesAtOnce: Script = { steps: [{ afterMs: 0, to: 'executed' }] };
export const authorizesAtOnce: Script = { steps: [{ afterMs: 0, to: 'authorized' }] };
export const declinesAtOnce = (code: string): Script => ({ steps: [{ afterMs: 0, to: 'declined', code }] });

/** What the first POST is told, and every repetition: the state after the steps that wait for nothing. */
export function firstStatus(script: Script): 'executed' | 'authorized' | 'declined' | 'pending' {
  const first = script.steps[0];
  return first && first.afterMs === 0 && first.to !== 'returned' && first.to !== 'expired' ? first.to : 'pending';
}

/** @param earlier calls of this kind before this one */
export const lasts = (fault: Fault | undefined, earlier: number): fault is Fault => fault !== undefined && earlier < (fault.times ?? Infinity);

/** The fault's line while it lasts, or a whole one. */
export const lineOf = (fault: Fault | undefined, earlier: number): Line => (lasts(fault, earlier) ? fault.line : { way: 'whole' });

/** What a bank's headers promise, and how fast its scenarios run. */
export interface Promises {
  pace: number;
  retentionSeconds: number;
  maxInFlightSeconds: number;
}

/** @throws when the scenario would break the promises: a transfer out of sight for too long, or not over when its ref is forgotten */
export function assertWithin({ id, script }: Scenario, { pace, retentionSeconds, maxInFlightSeconds }: Promises): void {
  const { steps, callbacks = [], hiddenMs = 0 } = script;
  const longest = Math.max(0, ...steps.map(({ afterMs }) => afterMs), ...callbacks.map(({ afterMs }) => afterMs));
  if (hiddenMs * pace >= maxInFlightSeconds * 1000) throw new Error(`scenario ${id} hides a transfer beyond Max-In-Flight-Seconds`);
  if (longest * pace >= retentionSeconds * 1000) throw new Error(`scenario ${id} is longer than Retention-Seconds`);
}

/** The script with a callback for an outcome that is answered at once; scripts with plans of their own stay as they are. */
export function calledBack(script: Script): Script {
  const says = firstStatus(script);
  const isPlain = says !== 'pending' && script.steps.length === 1 && !script.callbacks;
  return isPlain ? { ...script, callbacks: [{ afterMs: 0, says }] } : script;
}
