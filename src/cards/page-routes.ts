import type { FastifyReply, FastifyRequest } from 'fastify';
import { CommitUnknown, isConnectionLost, isLockTimeout } from '../db/db.ts';
import type { App } from '../http/room.ts';
import type { Log } from '../log.ts';
import { acceptForms, fieldOf, isOurs } from '../pages/form.ts';
import { notice } from '../pages/frame.tsx';
import { type Language, languageOf } from '../pages/languages.ts';
import { givePage, type Page, type PageSettings } from '../pages/reply.ts';
import { splitExpiry } from '../vault/card-number.ts';
import type { Cards, Sent } from './cards.ts';
import { cardFormPage, closedPage, savedPage } from './pages.tsx';

const PATH = '/cards/:page';
type Asked = FastifyRequest<{ Params: { page: string } }>;

/** The page that a card is entered on. Its address is the right to use it, once: whoever has it needs no key. */
export function cardPageRoutes(app: App, { cards, log, settings }: { cards: Cards; log: Log; settings: PageSettings }): void {
  const give = (reply: FastifyReply, page: Page) => givePage(reply, page, settings);
  acceptForms(app);
  app.setErrorHandler((error: Error, request, reply) => give(reply, errorPage(error, request, log)));
  const schema = { hide: true } as object;

  app.get(PATH, { schema }, async (request, reply) => {
    const language = spoken(request);
    const visit = await cards.visit((request as Asked).params.page);
    if (!visit) return give(reply, notice(404, language, 'unknown'));
    return give(reply, visit.state === 'open' ? cardFormPage(visit, language) : closedPage(visit, language));
  });

  app.post(PATH, { schema }, async (request, reply) => {
    const language = spoken(request);
    const visit = await cards.visit((request as Asked).params.page);
    if (!visit) return give(reply, notice(404, language, 'unknown'));
    if (!isOurs(request, settings.publicUrl)) return give(reply, notice(403, language, 'foreign'));
    const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
    const [expiry, holder] = [fieldOf(form, 'expiry'), fieldOf(form, 'holder')];
    const sent = await cards.send(visit, { number: fieldOf(form, 'number'), ...splitExpiry(expiry), holder });
    if (sent.kind === 'saved' && visit.session.successUrl) return leave(reply, visit.session.successUrl);
    return give(reply, pageAfter(sent, language, expiry, holder));
  });
}

function pageAfter(sent: Sent, language: Language, expiry: string, holder: string): Page {
  switch (sent.kind) {
    case 'saved':
      return savedPage(sent.visit, sent.face, language);
    case 'closed':
      return closedPage(sent.visit, language);
    case 'refused':
      return cardFormPage(sent.visit, language, { ...sent, expiry: shown(expiry, sent.problems.expiry), holder: shown(holder, sent.problems.holder) });
  }
}

/** A field may be shown again only if it was good: a card number can be typed into any of them. */
const shown = (text: string, problem: string | undefined): string => (problem ? '' : text);

const leave = (reply: FastifyReply, to: string): FastifyReply => reply.code(303).header('location', to).header('referrer-policy', 'no-referrer').send();

const spoken = (request: FastifyRequest): Language => languageOf((request.query as Record<string, unknown>).lang, request.headers['accept-language']);

/** What goes wrong is said in words here too. The log gets the route, not the address, which is a secret. */
function errorPage(error: Error, request: FastifyRequest, log: Log): Page {
  const { statusCode } = error as { statusCode?: number };
  if (statusCode && statusCode >= 400 && statusCode < 500) return notice(statusCode, spoken(request), 'unreadable');
  log.error({ event: 'page.failed', requestId: request.id, route: request.routeOptions.url, error }, 'a page failed');
  const busy = error instanceof CommitUnknown || isConnectionLost(error) || isLockTimeout(error);
  return notice(busy ? 503 : 500, spoken(request), busy ? 'busy' : 'broken');
}
