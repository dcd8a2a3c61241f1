/** The merchant's errors. A bug is an assert; a processor's answer is a value; only these are thrown to be shown. */

export interface Detail {
  field: string;
  message: string;
}

/** code → how it is answered. @source the API's table of errors (1–5), the contract (6–9) */
export const errorTable = {
  1: {
    status: 503,
    message: 'service unavailable',
    type: 'apiError',
    meaning: 'The service is busy or restarting.',
    handling: 'Try again after the seconds in Retry-After, with the same Idempotency-Key.',
  },
  2: {
    status: 500,
    message: 'something went wrong',
    type: 'apiError',
    meaning: 'An unexpected error occurred on our side.',
    handling: 'Try again with the same Idempotency-Key; contact support with the X-Request-Id if it stays.',
  },
  3: {
    status: 400,
    message: 'invalid request params',
    type: 'apiError',
    meaning: 'The request is malformed, or a parameter is missing or wrong.',
    handling: 'Read the message and details; correct the request.',
  },
  4: {
    status: 404,
    message: 'not found',
    type: 'apiError',
    meaning: 'There is no such resource, or it is not yours.',
    handling: 'Check the id and the key (test or live).',
  },
  5: {
    status: 422,
    message: 'unprocessable entity',
    type: 'validationError',
    meaning: 'The request was understood, but its data cannot be accepted.',
    handling: 'Read the message and details; correct the data.',
  },
  6: {
    status: 401,
    message: 'unauthorized',
    type: 'apiError',
    meaning: 'The key is missing, wrong, expired or revoked.',
    handling: 'Send the raw key in Authorization, without "Bearer".',
  },
  7: {
    status: 403,
    message: 'forbidden',
    type: 'apiError',
    meaning: 'The key is good, but lacks the scope for this.',
    handling: 'Use a key with the scope that the message names.',
  },
  8: {
    status: 409,
    message: 'conflict',
    type: 'apiError',
    meaning: 'The state of the resource, or an earlier request with this Idempotency-Key, does not allow it.',
    handling: 'Read the resource again; use a new Idempotency-Key for new work.',
  },
  9: {
    status: 429,
    message: 'too many requests',
    type: 'apiError',
    meaning: 'More requests than this key may send.',
    handling: 'Wait the seconds in Retry-After.',
  },
} as const;

export type ErrorCode = keyof typeof errorTable;

/** An error that a merchant can act on. Its message is public; its cause is for the log. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: ErrorCode;
  readonly details: Detail[] | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, why?: string, options: { details?: Detail[]; retryAfter?: number; status?: number; cause?: unknown } = {}) {
    const { message, status } = errorTable[code];
    super(why ? `${message}: ${why}` : message, { cause: options.cause });
    this.name = 'ApiError';
    this.code = code;
    this.status = options.status ?? status;
    this.details = options.details;
    this.retryAfter = options.retryAfter;
  }
}

export const invalid = (why: string, details?: Detail[]) => new ApiError(3, why, { details });
export const notFound = (what: string) => new ApiError(4, what);
export const unprocessable = (why: string, details?: Detail[]) => new ApiError(5, why, { details });
/** 422 with each field and what is wrong with it. */
export const wrongFields = (details: Detail[]) => unprocessable(details.map(({ field, message }) => `${field} ${message}`).join('; '), details);
export const unauthorized = (why: string) => new ApiError(6, why);
export const forbidden = (why: string) => new ApiError(7, why);
export const conflict = (why: string) => new ApiError(8, why);
/** @param seconds after which it is worth trying again */
export const unavailable = (why: string, seconds: number, cause?: unknown) => new ApiError(1, why, { retryAfter: seconds, cause });
export const tooMany = (why: string, seconds: number) => new ApiError(9, why, { retryAfter: seconds });

/** A rule of ours that must hold. When it does not, the transaction stops and the answer is code 2. */
export function assert(holds: unknown, rule: string): asserts holds {
  if (!holds) throw new AssertionError(rule);
}

export class AssertionError extends Error {
  constructor(rule: string) {
    super(`assertion failed: ${rule}`);
    this.name = 'AssertionError';
  }
}
