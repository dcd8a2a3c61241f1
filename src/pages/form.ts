import type { FastifyRequest } from 'fastify';
import type { App } from '../http/room.ts';

const LIMIT = 8 * 1024;

/** Lets the routes of a page take what its form sends, and nothing else. */
export function acceptForms(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer', bodyLimit: LIMIT }, (_request, body, done) => {
    const form = new URLSearchParams((body as Buffer).toString('utf8'));
    (body as Buffer).fill(0); // it may have held a card number
    done(null, form);
  });
}

/** A field of a form; one that is missing, or stands there twice, is empty. */
export const fieldOf = (form: URLSearchParams, name: string): string => (form.getAll(name).length === 1 ? (form.get(name) as string) : '');

/**
 * Whether a form was sent by a page of ours, as far as the browser says. The page's policy of no referrer makes browsers
 * send "null" as the origin even to ourselves; those that are so old as to say nothing else had to know the address.
 * @source https://www.w3.org/TR/fetch-metadata/
 */
export function isOurs({ headers }: FastifyRequest, publicUrl: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin } = headers;
  return origin === undefined || origin === 'null' || origin === new URL(publicUrl).origin;
}
