import Type from 'typebox';
import type { Db, Tx } from '../db/db.ts';
import { invalid } from '../errors.ts';
import { type Answer, type Key, keyOf, once } from '../http/idempotency.ts';
import { type App, answers, callerOf, give, IdempotencyHeader, Nullable } from '../http/room.ts';
import { idIn } from '../http/server.ts';
import type { Ids } from '../ids.ts';
import type { Clock } from '../ports.ts';
import { attemptsOf, type DeliveryState, listDeliveries, type Place, replay, resend, sendTest } from './deliveries.ts';
import { endpointById, listEndpoints } from './endpoints.ts';
import { eventById, eventsAfter } from './feed.ts';
import {
  CreateEndpoint,
  DeliveryBody,
  deliveryView,
  EndpointBody,
  endpointView,
  EventBody,
  eventText,
  ListDeliveries,
  ListEvents,
  ReplayRequest,
  RollSecret,
  UpdateEndpoint,
} from './schema.ts';
import type { Webhooks } from './webhooks.ts';

interface Parts {
  db: Db;
  ids: Ids;
  clock: Clock;
  webhooks: Webhooks;
}

const config = { scope: 'webhooks', source: 'webhooks' } as const;
const tags = ['Webhooks'];
const One = Type.Object({ id: Type.String({ description: 'The endpoint' }) });
const endpointIn = (params: { id: string }): string => idIn(params.id, 'webhook endpoint');

/** Where a merchant hears of events, what became of each, and the feed that has them all. */
export function webhookRoutes(app: App, parts: Parts): void {
  for (const schema of [EndpointBody, DeliveryBody, EventBody]) app.addSchema(schema);
  endpointRoutes(app, parts);
  deliveryRoutes(app, parts);
  feedRoutes(app, parts);
}

function endpointRoutes(app: App, { db, webhooks }: Parts): void {
  app.post(
    '/v1/webhook-endpoints',
    {
      config,
      schema: {
        tags,
        summary: 'Create an endpoint',
        description:
          'It hears of transaction.* and card.saved, and of what else it asks for. Messages are signed (Standard Webhooks) with the secret in this answer, which is shown here alone.',
        headers: IdempotencyHeader,
        body: CreateEndpoint,
        response: answers({ 201: Type.Ref('WebhookEndpoint') }, 409, 413, 422),
      },
    },
    async (request, reply) =>
      give(
        reply,
        await webhooks.register(
          callerOf(request).merchant.id,
          request.body,
          keyOf('POST /v1/webhook-endpoints', request.headers['idempotency-key'], request.body),
        ),
      ),
  );

  app.get(
    '/v1/webhook-endpoints',
    { config, schema: { tags, summary: 'List endpoints', response: answers({ 200: Type.Object({ data: Type.Array(Type.Ref('WebhookEndpoint')) }) }) } },
    async (request) => ({
      data: (await db.merchant(callerOf(request).merchant.id, listEndpoints)).map(endpointView),
    }),
  );

  app.get(
    '/v1/webhook-endpoints/:id',
    { config, schema: { tags, summary: 'Find an endpoint', params: One, response: answers({ 200: Type.Ref('WebhookEndpoint') }, 404) } },
    async (request) => {
      const id = endpointIn(request.params);
      return endpointView(await db.merchant(callerOf(request).merchant.id, (tx) => endpointById(tx, id)));
    },
  );

  app.patch(
    '/v1/webhook-endpoints/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Change an endpoint',
        description: 'What is given is changed. What is still to be delivered goes to the new URL.',
        params: One,
        body: UpdateEndpoint,
        response: answers({ 200: Type.Ref('WebhookEndpoint') }, 404, 413, 422),
      },
    },
    async (request) => endpointView(await webhooks.change(callerOf(request).merchant.id, endpointIn(request.params), request.body)),
  );

  for (const enabled of [true, false]) {
    const verb = enabled ? 'enable' : 'disable';
    const description = enabled
      ? 'It gets what was waiting when it was disabled, in order.'
      : 'Nothing more is sent. What is pending waits until it is enabled; events that happen meanwhile are in the feed alone, and can be replayed.';
    app.post(
      `/v1/webhook-endpoints/:id/${verb}`,
      {
        config,
        schema: {
          tags,
          summary: `${enabled ? 'Enable' : 'Disable'} an endpoint`,
          description,
          headers: IdempotencyHeader,
          params: One,
          response: answers({ 200: Type.Ref('WebhookEndpoint') }, 404),
        },
      },
      async (request, reply) => {
        const id = endpointIn(request.params as { id: string });
        const key = keyOf(`POST /v1/webhook-endpoints/${id}/${verb}`, request.headers['idempotency-key'], null);
        return give(reply, await webhooks.turn(callerOf(request).merchant.id, id, enabled, key));
      },
    );
  }

  app.post(
    '/v1/webhook-endpoints/:id/roll-secret',
    {
      config,
      schema: {
        tags,
        summary: "Roll an endpoint's secret",
        description: 'The new secret is in this answer alone. For the overlap, messages carry signatures of both.',
        headers: IdempotencyHeader,
        params: One,
        body: Type.Optional(RollSecret),
        response: answers({ 200: Type.Ref('WebhookEndpoint') }, 404, 409, 413),
      },
    },
    async (request, reply) => {
      const id = endpointIn(request.params);
      const overlap = request.body?.overlapSeconds ?? 86_400;
      return give(
        reply,
        await webhooks.roll(
          callerOf(request).merchant.id,
          id,
          overlap,
          keyOf(`POST /v1/webhook-endpoints/${id}/roll-secret`, request.headers['idempotency-key'], request.body),
        ),
      );
    },
  );
}

function deliveryRoutes(app: App, { db, ids, clock, webhooks }: Parts): void {
  const work = (merchantId: string, key: Key | undefined, run: (tx: Tx, now: Date) => Promise<object>): Promise<Answer> => {
    const now = clock.now();
    return once(db, merchantId, key, now, async (tx) => ({ status: 202, body: JSON.stringify(await run(tx, now)) }));
  };

  app.get(
    '/v1/webhook-endpoints/deliveries',
    {
      config,
      schema: {
        tags,
        summary: 'List deliveries',
        description: 'Newest event first, with every attempt and what was answered.',
        querystring: ListDeliveries,
        response: answers({ 200: Type.Object({ data: Type.Array(Type.Ref('WebhookDelivery')), next: Nullable(Type.String()) }) }, 404),
      },
    },
    async (request) => {
      const { merchant } = callerOf(request);
      const { endpointId, eventId, objectId, state, after, limit } = request.query;
      const filter = {
        state: state as DeliveryState | undefined,
        endpointId: endpointId && idIn(endpointId, 'webhook endpoint'),
        eventId: eventId && idIn(eventId, 'event'),
        objectId: objectId && idIn(objectId, 'object'),
      };
      const list = `deliveries ${JSON.stringify(filter)}`;
      const place = after === undefined ? null : placeIn(webhooks.cursors.read(merchant.id, list, after));
      const { rows, attempts } = await db.merchant(merchant.id, async (tx) => {
        const rows = await listDeliveries(tx, filter, place, limit + 1);
        return { rows, attempts: await attemptsOf(tx, rows) };
      });
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      const next = last && rows.length > limit ? webhooks.cursors.write(merchant.id, list, `${last.eventNumber} ${last.endpointId}`) : null;
      return {
        data: shown.map((row) =>
          deliveryView(
            row,
            attempts.filter((one) => one.endpointId === row.endpointId && one.eventNumber === row.eventNumber),
          ),
        ),
        next,
      };
    },
  );

  const Opened = Type.Object({ opened: Type.Integer({ description: 'Deliveries that will be tried now' }) });
  app.post(
    '/v1/webhook-endpoints/:id/deliveries/:eventId/resend',
    {
      config,
      schema: {
        tags,
        summary: 'Resend a delivery',
        description: 'Whatever its state, with the same id and body. Earlier events of the same object that have not arrived go first.',
        headers: IdempotencyHeader,
        params: Type.Object({ ...One.properties, eventId: Type.String() }),
        response: answers({ 202: Opened }, 404, 409),
      },
    },
    async (request, reply) => {
      const [id, eventId] = [endpointIn(request.params), idIn(request.params.eventId, 'event')];
      const key = keyOf(`POST /v1/webhook-endpoints/${id}/deliveries/${eventId}/resend`, request.headers['idempotency-key'], null);
      return give(
        reply,
        await work(callerOf(request).merchant.id, key, async (tx, now) => ({ opened: await resend(tx, await endpointById(tx, id), eventId, now) })),
      );
    },
  );

  app.post(
    '/v1/webhook-endpoints/:id/replay',
    {
      config,
      schema: {
        tags,
        summary: 'Replay a span of time',
        description:
          'Sends again what did not arrive, and on request also what did; to a newer endpoint, also events from before it was made. Order is kept for each object. Long spans take several calls: pass `next` as `after`.',
        headers: IdempotencyHeader,
        params: One,
        body: ReplayRequest,
        response: answers({ 202: Type.Object({ ...Opened.properties, next: Nullable(Type.String()) }) }, 404, 409, 413),
      },
    },
    async (request, reply) => {
      const { merchant } = callerOf(request);
      const id = endpointIn(request.params);
      const { from, to, includeDelivered = false, after } = request.body;
      const list = `replay ${id}`;
      const behind = after === undefined ? 0n : BigInt(webhooks.cursors.read(merchant.id, list, after));
      const key = keyOf(`POST /v1/webhook-endpoints/${id}/replay`, request.headers['idempotency-key'], request.body);
      const answer = await work(merchant.id, key, async (tx, now) => {
        const span = { from: momentIn(from, 'from'), to: to === undefined ? now : momentIn(to, 'to'), delivered: includeDelivered, after: behind };
        const { opened, next } = await replay(tx, await endpointById(tx, id), span, now);
        return { opened, next: next === null ? null : webhooks.cursors.write(merchant.id, list, String(next)) };
      });
      return give(reply, answer);
    },
  );

  app.post(
    '/v1/webhook-endpoints/:id/test',
    {
      config,
      schema: {
        tags,
        summary: 'Send a test',
        description: 'An event webhook.test, to this endpoint alone; watch it in the list of deliveries.',
        headers: IdempotencyHeader,
        params: One,
        response: answers({ 202: Type.Object({ eventId: Type.String() }) }, 404, 409),
      },
    },
    async (request, reply) => {
      const id = endpointIn(request.params);
      const key = keyOf(`POST /v1/webhook-endpoints/${id}/test`, request.headers['idempotency-key'], null);
      const answer = await work(callerOf(request).merchant.id, key, async (tx, now) => {
        const eventId = ids.uuid();
        await sendTest(tx, await endpointById(tx, id), eventId, ids.uuid(), now);
        return { eventId };
      });
      return give(reply, answer);
    },
  );
}

function feedRoutes(app: App, { db, webhooks }: Parts): void {
  const config = { scope: 'read', source: 'events' } as const;
  const tags = ['Events'];

  app.get(
    '/v1/events',
    {
      config,
      schema: {
        tags,
        summary: 'Read the feed',
        description:
          'Every event from the first on, in the order in which it happened, without gaps: whoever keeps `next` and comes back with it misses nothing, whatever became of webhooks.',
        querystring: ListEvents,
        response: answers({ 200: Type.Object({ data: Type.Array(Type.Ref('Event')), next: Type.String(), hasMore: Type.Boolean() }) }),
      },
    },
    async (request, reply) => {
      const { merchant } = callerOf(request);
      const { after, limit } = request.query;
      const behind = after === undefined ? 0n : BigInt(webhooks.cursors.read(merchant.id, 'events', after));
      const events = await db.merchant(merchant.id, (tx) => eventsAfter(tx, behind, limit + 1));
      const shown = events.slice(0, limit);
      const next = webhooks.cursors.write(merchant.id, 'events', String(shown.at(-1)?.number ?? behind));
      return give(reply, { status: 200, body: `{"data":[${shown.map(eventText).join(',')}],"next":"${next}","hasMore":${events.length > limit}}` });
    },
  );

  app.get(
    '/v1/events/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Find an event',
        params: Type.Object({ id: Type.String({ description: 'webhook-id, where it was delivered' }) }),
        response: answers({ 200: Type.Ref('Event') }, 404),
      },
    },
    async (request, reply) => {
      const id = idIn(request.params.id, 'event');
      return give(reply, { status: 200, body: eventText(await db.merchant(callerOf(request).merchant.id, (tx) => eventById(tx, id))) });
    },
  );
}

function placeIn(text: string): Place {
  const [number, endpointId] = text.split(' ') as [string, string];
  return { eventNumber: BigInt(number), endpointId };
}

/** @throws {ApiError} 400 */
function momentIn(text: string, field: string): Date {
  const at = new Date(text);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) || Number.isNaN(at.getTime())) throw invalid(`${field}: not a moment such as 2025-12-08T13:48:09Z`);
  return at;
}
