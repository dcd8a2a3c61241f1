import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import Type, { type TSchema } from 'typebox';
import { assert, errorTable } from '../errors.ts';
import type { Scope } from '../merchants/keys.ts';
import type { Caller } from './auth.ts';
import type { Answer } from './idempotency.ts';

/** The server as a room sees it: routes whose schemas give the types. */
export type App = FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, TypeBoxTypeProvider>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** what the key must be allowed; null: any good key; unset: no key is asked for */
    scope?: Scope | null;
    /** the `source` of this route's errors */
    source?: string;
  }
  interface FastifyRequest {
    caller: Caller | null;
  }
}

/** Who is asking, on a route that asks for a key. */
export function callerOf(request: FastifyRequest): Caller {
  assert(request.caller, 'the route asks for a key');
  return request.caller;
}

/** Answers with a text that was made in the transaction, as it is. */
export function give(reply: FastifyReply, answer: Answer): FastifyReply {
  if (answer.replayed) reply.header('idempotent-replayed', 'true');
  return reply.code(answer.status).type('application/json; charset=utf-8').send(answer.body);
}

export const ErrorBody = Type.Object(
  {
    code: Type.Integer({ minimum: 1, maximum: 9, description: 'What went wrong, for programs' }),
    message: Type.String({ description: 'What went wrong, for people; begins with the words of its code' }),
    source: Type.String({ description: 'The part of the API that says so' }),
    type: Type.Union([Type.Literal('apiError'), Type.Literal('validationError')]),
    details: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), message: Type.String() }), { description: 'Field by field, where fields are to blame' }),
    ),
  },
  {
    $id: 'Error',
    title: 'Error',
    description: Object.entries(errorTable)
      .map(([code, { status, message, meaning }]) => `${code} (${status}): ${message}. ${meaning}`)
      .join('\n\n'),
  },
);

/** What a refusal says of itself in the API's description. */
export const refusals: Record<number, string> = {
  400: 'Malformed, or a parameter is missing or wrong (code 3)',
  401: 'No key, or not a good one (code 6)',
  403: 'The key lacks a scope (code 7)',
  404: 'No such resource of yours (code 4)',
  409: 'The state or an earlier request does not allow it (code 8); with Retry-After, the first request with the key is still being worked on',
  413: 'The body is too large (code 3)',
  415: 'The body is not JSON (code 3)',
  422: 'Understood, but the data cannot be accepted (code 5)',
  429: 'Too many requests (code 9); Retry-After says how long to wait',
  500: 'Our fault (code 2)',
  503: 'Busy or restarting (code 1); Retry-After says how long to wait',
};

/** The answers of a route: its own, and every refusal it may give. */
export function answers<const S extends Record<number, TSchema>>(own: S, ...statuses: (400 | 403 | 404 | 409 | 413 | 422)[]): S {
  const all = [...new Set([400, 401, 403, ...statuses, 429, 500, 503])];
  return { ...Object.fromEntries(all.map((status) => [status, refusal(status)])), ...own } as S;
}

export const refusal = (status: number): TSchema => ({ ...Type.Ref('Error'), description: refusals[status] });

export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** ?page and ?size: counted from 1, twenty to a page unless said otherwise. */
export const Paging = { page: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1 }), size: Type.Integer({ minimum: 1, maximum: 100, default: 20 }) };
export const Page = <T extends TSchema>(item: T) => Type.Object({ data: Type.Array(item), page: Type.Integer(), size: Type.Integer(), total: Type.Integer() });

export const IdempotencyHeader = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      description: 'The name of this piece of work: asked again under the same key it is not done again, and answered byte for byte as before. Never expires.',
      examples: ['8b7f2a7e-2c5b-4d6e-9c3f-acde12345678'],
    }),
  ),
});
