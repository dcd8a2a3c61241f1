import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../http/room.ts';
import type { Log } from '../log.ts';
import { acceptForms, fieldOf, isOurs } from '../pages/form.ts';
import { notice } from '../pages/frame.tsx';
import type { Language } from '../pages/languages.ts';
import { errorPage, spoken } from '../pages/visit.ts';
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
