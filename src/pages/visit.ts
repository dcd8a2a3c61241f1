import type { FastifyRequest } from 'fastify';
import { CommitUnknown, isConnectionLost, isLockTimeout } from '../db/db.ts';
import type { Log } from '../log.ts';
import { notice } from './frame.tsx';
import { type Language, languageOf } from './languages.ts';
import type { Page } from './reply.ts';

/** The language of a visitor: chosen in the address, else by the browser. */
export const spoken = (request: FastifyRequest): Language => languageOf((request.query as Record<string, unknown>).lang, request.headers['accept-language']);

/** What goes wrong is said in words here too. The log gets the route, not the address, which is a secret. */
export function errorPage(error: Error, request: FastifyRequest, log: Log): Page {
  const { statusCode } = error as { statusCode?: number };
  if (statusCode && statusCode >= 400 && statusCode < 500) return notice(statusCode, spoken(request), 'unreadable');
  log.error({ event: 'page.failed', requestId: request.id, route: request.routeOptions.url, error }, 'a page failed');
  const busy = error instanceof CommitUnknown || isConnectionLost(error) || isLockTimeout(error);
  return notice(busy ? 503 : 500, spoken(request), busy ? 'busy' : 'broken');
}
