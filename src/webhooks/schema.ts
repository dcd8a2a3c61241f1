import Type from 'typebox';
import { Nullable } from '../http/room.ts';
import { timestamp } from '../transactions/view.ts';
import type { Attempt, Delivery } from './deliveries.ts';
import type { Endpoint } from './endpoints.ts';
import type { FeedEvent } from './feed.ts';

const id = (description: string) => Type.String({ description, examples: ['019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb'] });
const when = (description: string) => Type.String({ format: 'date-time', description, examples: ['2025-12-08T13:48:09.127000Z'] });
const DAY_SECONDS = 86_400;

const settings = {
  url: Type.String({ minLength: 1, maxLength: 2048, description: 'https, port 443 or 8443, at a public address', examples: ['https://example.com/webhooks'] }),
  description: Type.String({ maxLength: 255 }),
  events: Type.Array(Type.String({ maxLength: 100 }), {
    maxItems: 50,
    uniqueItems: true,
    description: 'Types beyond transaction.*, payment_order.* and card.saved, which every endpoint gets',
  }),
  legacyWrappedIds: Type.Boolean({
    description: 'Write paymentLinkId, paymentSessionId, cardTokenId and customerId as {"Value": "…"}, as an older version of the API did',
  }),
};

export const CreateEndpoint = Type.Object(
  {
    url: settings.url,
    description: Type.Optional(settings.description),
    events: Type.Optional(settings.events),
    legacyWrappedIds: Type.Optional(settings.legacyWrappedIds),
  },
  { $id: 'CreateWebhookEndpoint', additionalProperties: false },
);
export const UpdateEndpoint = Type.Object(
  {
    url: Type.Optional(settings.url),
    description: Type.Optional(settings.description),
    events: Type.Optional(settings.events),
    legacyWrappedIds: Type.Optional(settings.legacyWrappedIds),
    enabled: Type.Optional(Type.Boolean({ description: 'Enabled again, it gets what was waiting when it was disabled, in order' })),
  },
  { $id: 'UpdateWebhookEndpoint', additionalProperties: false },
);
export const RollSecret = Type.Object(
  {
    overlapSeconds: Type.Optional(
      Type.Integer({ minimum: 0, maximum: DAY_SECONDS, default: DAY_SECONDS, description: 'For how long the old secret signs too' }),
    ),
  },
  { additionalProperties: false },
);
export const ReplayRequest = Type.Object(
  {
    from: when('Events of this moment and later'),
    to: Type.Optional(when('Events before this moment; now, where nothing is said')),
    includeDelivered: Type.Optional(Type.Boolean({ default: false, description: 'Also those that have arrived already' })),
    after: Type.Optional(Type.String({ maxLength: 200, description: '`next` of the answer before: goes on with the same span' })),
  },
  { additionalProperties: false },
);

export const EndpointBody = Type.Object(
  {
    id: id('The endpoint'),
    ...settings,
    enabled: Type.Boolean(),
    disabledReason: Nullable(Type.String()),
    previousSecretUntil: Nullable(when('Until then, messages carry a signature of the secret before the last roll too')),
    createdAt: when('When it was made'),
    updatedAt: when('When it was last changed'),
    secret: Type.Optional(
      Type.String({ description: 'The signing secret, whsec_…: in the answer to create and roll alone', examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'] }),
    ),
  },
  { $id: 'WebhookEndpoint', title: 'Webhook endpoint' },
);

export const endpointView = (endpoint: Endpoint) => ({
  ...{ id: endpoint.id, url: endpoint.url, description: endpoint.description, events: endpoint.events, legacyWrappedIds: endpoint.legacyWrappedIds },
  ...{ enabled: endpoint.enabled, disabledReason: endpoint.disabledReason, previousSecretUntil: endpoint.previousUntil && timestamp(endpoint.previousUntil) },
  ...{ createdAt: timestamp(endpoint.createdAt), updatedAt: timestamp(endpoint.updatedAt) },
});

const State = Type.Union(['pending', 'delivered', 'parked', 'disabled'].map((state) => Type.Literal(state)));
export const DeliveryBody = Type.Object(
  {
    endpointId: id('To which endpoint'),
    eventId: id('The event: also webhook-id of every attempt'),
    name: Type.String({ examples: ['transaction.settled'] }),
    objectId: id('What the event is about'),
    objectSeq: Type.Integer({ description: 'Which of its changes, counted from 1; earlier ones arrive first' }),
    state: Type.String({
      description:
        'pending: will be tried. delivered. parked: ten tries have failed, or an earlier event of the object is parked; resend it. disabled: waits for its endpoint to be enabled.',
    }),
    tries: Type.Integer(),
    nextTryAt: Nullable(when('When it is tried again')),
    deliveredAt: Nullable(when('When it first arrived')),
    createdAt: when('When the event was told'),
    body: Type.String({ description: 'What is sent, byte for byte' }),
    attempts: Type.Array(
      Type.Object({
        ...{ try: Type.Integer(), at: when('When it began'), durationMs: Type.Integer() },
        status: Nullable(Type.Integer({ description: 'Of the answer; null when there was none' })),
        answer: Nullable(Type.String({ description: 'The first kilobyte of the answer' })),
        error: Nullable(Type.String({ description: 'What was wrong' })),
      }),
    ),
  },
  { $id: 'WebhookDelivery', title: 'Webhook delivery' },
);
export const ListDeliveries = Type.Object({
  endpointId: Type.Optional(Type.String()),
  eventId: Type.Optional(Type.String()),
  objectId: Type.Optional(Type.String({ description: 'A transaction, for example' })),
  state: Type.Optional(State),
  after: Type.Optional(Type.String({ maxLength: 200, description: '`next` of the page before' })),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
});

export const deliveryView = (delivery: Delivery, attempts: Attempt[]) => ({
  ...{
    endpointId: delivery.endpointId,
    eventId: delivery.eventId,
    name: delivery.type,
    objectId: delivery.objectId,
    objectSeq: delivery.objectSeq,
    state: delivery.state,
    tries: delivery.tries,
  },
  nextTryAt: delivery.nextAt && timestamp(delivery.nextAt),
  deliveredAt: delivery.firstOkAt && timestamp(delivery.firstOkAt),
  createdAt: timestamp(delivery.createdAt),
  body: delivery.body,
  attempts: attempts.map(({ try: number, at, durationMs, status, answer, error }) => ({ try: number, at: timestamp(at), durationMs, status, answer, error })),
});

export const EventBody = Type.Object(
  {
    id: id('The event: webhook-id, where it was delivered'),
    name: Type.String({ examples: ['transaction.settled'] }),
    objectId: id('What it is about'),
    objectSeq: Type.Integer({ description: 'Which of its changes, counted from 1' }),
    createdAt: when('When it happened'),
    body: Type.Object({}, { additionalProperties: true, description: 'What a webhook carries' }),
  },
  { $id: 'Event', title: 'Event' },
);
export const ListEvents = Type.Object({
  after: Type.Optional(Type.String({ maxLength: 200, description: '`next` of the answer before; from the first event where nothing is said' })),
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 100 }),
});

/** Written by hand: the body goes in as the text that was sent, so that no number in it is read and written again. */
export const eventText = ({ id, type, objectId, objectSeq, at, body }: FeedEvent): string =>
  `{"id":"${id}","name":${JSON.stringify(type)},"objectId":"${objectId}","objectSeq":${objectSeq},"createdAt":"${timestamp(at)}","body":${body}}`;
