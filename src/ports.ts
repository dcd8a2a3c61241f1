/**
 * The only doors to time, chance and the outside world. Product code takes these as arguments, so that a simulation can
 * run the whole server on a virtual clock, a seeded generator and a network in memory (a lint rule keeps it so).
 */

/** Time. Two kinds, never mixed: `now` is what is written down and shown, `monotonic` is what durations are measured by. */
export interface Clock {
  /** The platform's time: wall time plus the offset that a test platform may have been advanced by. */
  now(): Date;
  /** The world's time, as the processor and a webhook's receiver see it; never advanced. */
  wall(): Date;
  /** Milliseconds that only ever grow; comparable within one process. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds, or as soon as `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Chance. */
export interface Random {
  /** Unpredictable bytes, for secrets, nonces and capabilities. */
  bytes(count: number): Buffer;
  /** A number in [0, 1), for jitter; not for secrets. */
  fraction(): number;
}

export interface NetRequest {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  body?: string | Buffer;
  /** From the start to the last byte of the answer. */
  timeoutMs: number;
  /** Bytes of the answer that are read; what lies beyond makes the answer `truncated`. */
  maxBytes: number;
}

export interface NetAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  truncated: boolean;
}

/**
 * The network gave no whole answer. What matters for money is `sent`: false is proof that no byte of the request left
 * this process (refused, not resolved, blocked by the guard), true means that nobody knows what the other side did.
 */
export class NetError extends Error {
  readonly sent: boolean;
  constructor(message: string, sent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NetError';
    this.sent = sent;
  }
}

/** The outside. One call is one attempt: nothing here retries and no redirect is followed. */
export interface Net {
  /** @throws {NetError} */
  request(request: NetRequest): Promise<NetAnswer>;
  /** Closes what is kept open, where something is. */
  close?(): Promise<void>;
}
