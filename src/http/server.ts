import type { Socket } from 'node:net';
import Fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import { CommitUnknown, isConnectionLost, isLockTimeout } from '../db/db.ts';
import { ApiError, errorTable, notFound, unavailable } from '../errors.ts';
import { type Ids, isUuid } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../ports.ts';
import { type Authenticator, RateLimiter, requireScope } from './auth.ts';
import { parseJson } from './json.ts';
import { type App, ErrorBody } from './room.ts';
import { validator } from './validator.ts';

export interface ServerOptions {
  auth: Authenticator;
  clock: Clock;
  ids: Ids;
  log: Log;
  /** for a merchant that has no number of its own */
  requestsPerSecond: number;
  onAnswer?(route: string, status: number, seconds: number): void;
}

const BODY_LIMIT = 64 * 1024;
/** Bytes of the request line and all headers; a parameter of the path is as long as its address may be. */
const MAX_HEADERS = 16 * 1024;
/** Wrong keys from one address, a second: slow enough for guessing, fast enough for a deployment with an old key. */
const STRANGERS_PER_SECOND = 20;

/** The HTTP server without its routes: who asks, what is read, how errors look. */
export function createServer(options: ServerOptions): App {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: 20_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 2_000, maxHeaderSize: MAX_HEADERS },
    routerOptions: { ignoreDuplicateSlashes: true, ignoreTrailingSlash: true, maxParamLength: MAX_HEADERS },
    genReqId: () => options.ids.uuid(),
    exposeHeadRoutes: false,
    // Given here, not set later: a child context that adds a schema makes its validator anew from this.
    // What is answered is written as it is: that it fits its description is for the tests to see. Serializers made for every answer of every
    // route took 3 s of processor time at start, where 0.3 s are left, and 28 MB.
    schemaController: { compilersFactory: { buildValidator: () => validator, buildSerializer: () => () => JSON.stringify } },
    clientErrorHandler: refuseUnreadable,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => answerError(options, error, request, reply),
  } as never) as unknown as App;

  app.server.maxHeadersCount = 0; // their bytes are bounded; a count would drop those beyond it, an Idempotency-Key for one, without a word
  app.addSchema(ErrorBody);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, (body as Buffer).length === 0 ? undefined : parseJson(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  app.setErrorHandler((error, request, reply) => answerError(options, error as Error, request, reply));
  app.setNotFoundHandler((request, reply) => answerError(options, noRoute(app, request, reply), request, reply));
  app.decorateRequest('caller', null);
  app.decorate('routeTable', [] as never);
  app.addHook('onRoute', ({ method, url }) => {
    const pattern = new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[^/]+/g, '[^/]+')}/?$`);
    (app as unknown as Routes).routeTable.push({ methods: [method].flat(), pattern });
  });
  guardRequests(app, options);
  return app;
}

interface Routes {
  routeTable: { methods: string[]; pattern: RegExp }[];
}

/** Before a byte of the body is read: who asks, whether they may, and whether they ask too often. */
function guardRequests(app: App, { auth, clock, requestsPerSecond, onAnswer }: ServerOptions): void {
  const limiter = new RateLimiter(clock);
  app.addHook('onRequest', async (request, reply) => {
    mark(request, reply);
    const { scope } = request.routeOptions.config;
    if (scope === undefined) return;
    try {
      request.caller = await auth.caller(request.headers.authorization);
    } catch (error) {
      if (error instanceof ApiError && error.code === 6) limiter.take(`stranger ${request.ip}`, STRANGERS_PER_SECOND);
      throw error;
    }
    limiter.take(request.caller.keyId, request.caller.merchant.requestsPerSecond ?? requestsPerSecond);
    if (scope !== null) requireScope(request.caller, scope);
  });
  if (onAnswer) app.addHook('onResponse', async (request, reply) => onAnswer(request.routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime / 1000));
}

/** What every answer has, also one that no route gave. */
const mark = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  reply.header('x-request-id', request.id).header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');

/** Everything that goes wrong is answered here, in one format. */
function answerError({ log }: ServerOptions, raw: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = asApiError(raw, request.routeOptions?.bodyLimit ?? BODY_LIMIT);
  if (error.code === 2 || error.code === 1)
    log.error({ event: 'request.failed', requestId: request.id, route: request.routeOptions?.url, error: raw }, 'a request failed');
  if (error.retryAfter !== undefined) reply.header('retry-after', String(error.retryAfter));
  const { type } = errorTable[error.code];
  return mark(request, reply)
    .code(error.status)
    .type('application/json; charset=utf-8')
    .send(
      JSON.stringify({
        code: error.code,
        message: error.message,
        source: request.routeOptions?.config?.source ?? 'api',
        type,
        ...(error.details?.length ? { details: error.details } : {}),
      }),
    );
}

function asApiError(error: Error, bodyLimit: number): ApiError {
  if (error instanceof ApiError) return error;
  const wrapped = (error as { cause?: unknown }).cause;
  if (wrapped instanceof ApiError) return wrapped;
  if (error instanceof CommitUnknown || isConnectionLost(error))
    return unavailable('the database does not answer; ask again with the same Idempotency-Key', 2, error);
  if (isLockTimeout(error)) return unavailable('something else is being done with this at the moment', 1, error);
  const { statusCode, code } = error as FastifyError;
  if (statusCode && statusCode >= 400 && statusCode < 500)
    return new ApiError(3, code === TOO_LARGE ? `the body is larger than ${bodyLimit / 1024} KB` : (frameworkWords[code] ?? 'the request cannot be read'), {
      ...{ status: statusCode, cause: error },
    });
  return new ApiError(2, undefined, { cause: error });
}

const TOO_LARGE = 'FST_ERR_CTP_BODY_TOO_LARGE';
const frameworkWords: Record<string, string> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'send JSON, with Content-Type: application/json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'Content-Length does not match the body',
  FST_ERR_BAD_URL: 'the URL cannot be decoded',
};

function noRoute(app: App, request: FastifyRequest, reply: FastifyReply): ApiError {
  const path = request.url.split('?')[0] as string;
  const allowed = [...new Set((app as unknown as Routes).routeTable.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))];
  if (allowed.length === 0) return notFound('no such route');
  reply.header('allow', allowed.join(', '));
  return new ApiError(3, `${request.method} is not a method of this route`, { status: 405 });
}

/** What is not HTTP never reaches a route; it is still answered in words. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, words] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'the headers are too large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'the request took too long to arrive']
        : ['400 Bad Request', 'this is not HTTP'];
  const body = JSON.stringify({ code: 3, message: `invalid request params: ${words}`, source: 'api', type: 'apiError' });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** @throws {ApiError} 404 for what cannot be an id of ours, exactly as for one that is not there */
export function idIn(text: string, what: string): string {
  const id = text.toLowerCase();
  if (!isUuid(id)) throw notFound(`no such ${what}`); // what was sent is not repeated: it may be a card number
  return id;
}
