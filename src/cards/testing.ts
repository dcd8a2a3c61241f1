/** What the tests of cards and their pages stand on: the rooms that belong to them, behind the server that the product has. */
import { customerRoutes } from '../customers/routes.ts';
import { Authenticator } from '../http/auth.ts';
import type { App } from '../http/room.ts';
import { createServer } from '../http/server.ts';
import type { Log } from '../log.ts';
import { openVaultDesk, encrypted, random, type VaultDesk } from '../vault/testing.ts';
import { Cards } from './cards.ts';
import { cardRoutes } from './routes.ts';

export interface CardDesk extends VaultDesk {
  app: App;
  cards: Cards;
  logged: string[];
  /** card data as a merchant sends it */
  cardData(number: string, expiry?: [month: string, year: string], more?: Record<string, string>): Promise<Record<string, string>>;
  api(
    method: 'GET' | 'POST',
    path: string,
    m: { apiKey: string },
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: any; text: string; headers: Record<string, unknown> }>;
  /** a new page. @returns its path */
  page(m: { apiKey: string }, wish?: Record<string, unknown>): Promise<string>;
  get(path: string, headers?: Record<string, string>): Promise<{ status: number; text: string; headers: Record<string, unknown> }>;
  send(
    path: string,
    fields: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<{ status: number; text: string; headers: Record<string, unknown> }>;
}

export async function openCardDesk(postgres: string, publicUrl = 'https://pay.example'): Promise<CardDesk> {
  const desk = await openVaultDesk(postgres);
  const { db, vault, clock, ids } = desk;
  const logged: string[] = [];
  const note = (fields: Record<string, unknown>, message: string) =>
    void logged.push(`${message} ${String(fields.error instanceof Error ? fields.error.stack : '')} ${JSON.stringify(fields)}`);
  const log: Log = { info: note, warn: note, error: note };
  const cards = new Cards({ db, vault, clock, ids, publicUrl });
  const app = createServer({ auth: new Authenticator(db, clock), clock, ids, log, requestsPerSecond: 10_000 });
  customerRoutes(app, { db, ids, clock });
  cardRoutes(app, { cards, vault, random, log, config: { publicUrl } });
  await app.ready();
  const answerOf = (answer: { statusCode: number; body: string; headers: Record<string, unknown> }) => ({
    status: answer.statusCode,
    text: answer.body,
    headers: answer.headers,
  });
  const api: CardDesk['api'] = async (method, url, m, body, headers = {}) => {
    const answer = answerOf(
      await app.inject({
        method,
        url,
        headers: { authorization: m.apiKey, ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
        ...(body ? { payload: JSON.stringify(body) } : {}),
      }),
    );
    return { ...answer, body: JSON.parse(answer.text) };
  };
  return {
    ...desk,
    ...{ app, cards, logged, api },
    async cardData(number, [month, year] = ['12', '2039'], more = {}) {
      const { publicKey } = await vault.publicKey();
      const seal = (value: string) => encrypted(publicKey, value);
      return { encryptedCardNumber: seal(number), encryptedExpiryMonth: seal(month), encryptedExpiryYear: seal(year), ...more };
    },
    page: async (m, wish = {}) => new URL((await api('POST', '/v1/cards', m, { customer: { externalUserId: 'u-1' }, ...wish })).body.url).pathname,
    get: async (url, headers = {}) => answerOf(await app.inject({ method: 'GET', url, headers })),
    send: async (url, fields, headers = {}) =>
      answerOf(
        await app.inject({
          method: 'POST',
          url,
          headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
          payload: new URLSearchParams(fields).toString(),
        }),
      ),
    close: async () => {
      await app.close();
      await desk.close();
    },
  };
}
