import type { ErrorBody, errorCodes } from './generated.ts';

/** 1 to 9: see `errorCodes`. */
export type ErrorCode = keyof typeof errorCodes;

export interface ErrorContext {
  /** the platform's name of the request: say it when you ask for help */
  requestId?: string | undefined;
  /** seconds after which it is worth asking again */
  retryAfter?: number | undefined;
  /** the key that the request went out with: ask again with it, and nothing is done twice */
  idempotencyKey?: string | undefined;
}

/** The platform, or something on the way to it, refused. */
export class TolemError extends Error {
  override readonly name = 'TolemError';
  /** the HTTP status */
  readonly status: number;
  /** undefined when the answer was not the platform's but a proxy's, say */
  readonly code: ErrorCode | undefined;
  /** the part of the API that says so */
  readonly source: string | undefined;
  readonly type: ErrorBody['type'] | undefined;
  /** field by field, where fields are to blame */
  readonly details: { field: string; message: string }[];
  readonly requestId: string | undefined;
  readonly retryAfter: number | undefined;
  readonly idempotencyKey: string | undefined;

  constructor(status: number, body: ErrorBody | undefined, { requestId, retryAfter, idempotencyKey }: ErrorContext = {}) {
    super(body?.message ?? `HTTP status ${status}, without an answer of the platform`);
    this.status = status;
    this.code = body?.code as ErrorCode | undefined;
    this.source = body?.source;
    this.type = body?.type;
    this.details = body?.details ?? [];
    this.requestId = requestId;
    this.retryAfter = retryAfter;
    this.idempotencyKey = idempotencyKey;
  }
}

/**
 * No whole answer came, so nobody here knows whether it was done. Ask again with `idempotencyKey`: what was done is answered
 * as it was then, and what was not is done now.
 */
export class TolemConnectionError extends Error {
  override readonly name = 'TolemConnectionError';
  readonly idempotencyKey: string | undefined;

  constructor(why: string, idempotencyKey: string | undefined, cause: unknown) {
    super(`no answer: ${why}`, { cause });
    this.idempotencyKey = idempotencyKey;
  }
}

/** @returns the error of the API's format that a text holds */
export function readErrorBody(text: string): ErrorBody | undefined {
  try {
    const body = JSON.parse(text) as Partial<ErrorBody> | null;
    return typeof body?.code === 'number' && typeof body.message === 'string' ? (body as ErrorBody) : undefined;
  } catch {
    return undefined;
  }
}
