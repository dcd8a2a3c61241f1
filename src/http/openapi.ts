import { STATUS_CODES } from 'node:http';
import type { SwaggerOptions } from '@fastify/swagger';
import type { FastifySchema, RouteOptions } from 'fastify';
import { IsOptional } from 'typebox';
import { errorTable } from '../errors.ts';
import { refusal } from './room.ts';

/** The table of errors, as the API's description shows it. */
export const errorTableMarkdown = (): string =>
  [
    '| Code | Status | Message | Type | Meaning | What to do |',
    '|---|---|---|---|---|---|',
    ...Object.entries(errorTable).map(([code, row]) => `| ${code} | ${row.status} | ${row.message} | ${row.type} | ${row.meaning} | ${row.handling} |`),
  ].join('\n');

const header = (name: string, description: string) => ({ in: 'header' as const, name, required: true, description, schema: { type: 'string' as const } });
const signed = [
  header('webhook-id', "The event's id: the same on every attempt, so that a message is taken once"),
  header('webhook-timestamp', 'Unix seconds of this attempt'),
  header(
    'webhook-signature',
    "v1, and HMAC-SHA-256 in base64 over id.timestamp.body, by the endpoint's secret (Standard Webhooks); two while the secret is being rolled",
  ),
  header('x-signature', 'For simple receivers: HMAC-SHA-256 of the body alone, in hex, keyed with the secret as it is written'),
  header('plexy-signature', 't=<unix seconds>,v1=<the same>; two v1 while the secret is being rolled'),
  header('authorization', 'Bearer, and the webhook token of the merchant'),
];
/** A message as an endpoint gets it; its schema is a room's. */
const message = (schema: string, summary: string, description: string) => ({
  post: {
    summary,
    description,
    tags: ['Webhooks'],
    security: [],
    parameters: signed,
    requestBody: { required: true, content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } } },
    responses: { '2XX': { description: 'Delivered. Anything else is tried again.' } },
  },
});

/** What the description of the API says of itself; the routes add theirs. */
export const describeApi = (url: string): SwaggerOptions => ({
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Tolem',
      version: '1',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description: `Payouts to saved cards, payments from wallets, bank distributions and invoices, on books that balance.

Send the key raw in \`Authorization\`, without "Bearer". Amounts of transactions are in major units (100.05 is one hundred tenge and five tiyn); where a field is in minor units it says so. Give every POST an \`Idempotency-Key\`: it never expires, and what is asked again under it is not done again.

A status is final once it is settled, rejected or failed. \`failed\` is only ever said with proof that nothing was paid, so it is safe to ask again then.

## Errors

Every refusal has the same four fields, and \`details\` where single fields are to blame. A request that cannot be read is code 3 with the status that HTTP has for it: 405 (another method; \`Allow\` names those there are), 408, 413 (more than 64 KB), 415 (not JSON) or 431.

${errorTableMarkdown()}`,
    },
    servers: [{ url }],
    webhooks: {
      transaction: message(
        'TransactionMessage',
        'A transaction changed',
        'transaction.processing, then the final status; transaction.returned if the bank gives the money back. Messages of one transaction arrive in order.',
      ),
      distribution: message(
        'DistributionMessage',
        'A distribution changed',
        'distribution.created, .processing, then .completed or .failed. For endpoints that ask for them. Messages of one distribution arrive in order.',
      ),
      'distribution.returned': message(
        'DistributionReturnedMessage',
        'A distribution came back',
        'After it was completed: the money is in the balance again. For endpoints that ask for it.',
      ),
      payment_order: message(
        'PaymentOrderMessage',
        'A settlement order changed',
        'payment_order.created, then .paid or .failed; .returned if the bank gives the money back. For every endpoint. Messages of one order arrive in order.',
      ),
      split: message('SplitMessage', 'A split changed', 'split.created, then .processed, .failed or .deleted. For endpoints that ask for them.'),
      invoice: message('InvoiceMessage', 'A bank invoice changed', 'invoice.created, then .paid, .expired or .cancelled. For endpoints that ask for them.'),
      wallet_transaction: message(
        'WalletTransactionMessage',
        'A wallet payment changed',
        'wallet_transaction.new, .processing, then .success or .failed; .captured, .cancelled and .refunded tell of operations, with _failed of those that were refused. For endpoints that ask for them.',
      ),
      'card.saved': message('CardSavedMessage', 'A card was saved', 'However it was saved; `cardTokenId` is what a payout takes as `tokenId`.'),
      'card.save_failed': message('CardSaveFailedMessage', 'A page to enter a card on was tried too often', 'For endpoints that ask for it.'),
    },
    components: {
      securitySchemes: {
        key: { type: 'apiKey', in: 'header', name: 'Authorization', description: 'The raw secret key: pr_test_… or pr_live_…' },
        token: { type: 'http', scheme: 'bearer', description: 'A token: tk_test_… or tk_live_…' },
      },
    },
    security: [{ key: [] }, { token: [] }],
  },
  transform: ({ schema, url, route }) => ({ schema: schema && asAnswered(schema, route as unknown as RouteOptions), url }),
  transformObject: (document) => ('openapiObject' in document ? withWords(document.openapiObject as Document) : document.swaggerObject),
  refResolver: { buildLocalReference: (json, _base, _fragment, i) => (typeof json.$id === 'string' ? json.$id : `schema${i}`) },
});

interface QuerySchema {
  properties?: Record<string, { default?: unknown }>;
  required?: string[];
}

/** What the frame does for every route, so that no route has to say it: who may, what has a default, what cannot be read. */
function asAnswered(schema: FastifySchema, { method, config }: RouteOptions): FastifySchema {
  if (!schema.response) return schema;
  const scope = config?.scope ?? null;
  const { 400: malformed, 403: forbidden, ...answers } = schema.response as Record<string, object>;
  const mayBeMalformed = schema.body || schema.querystring || schema.params || schema.headers;
  const takesBody = method !== 'GET';
  return {
    ...schema,
    ...(IsOptional(schema.body) ? { [NO_BODY_NEEDED]: true } : {}),
    security: ['key', 'token'].map((name) => ({ [name]: scope ? [scope] : [] })),
    ...(schema.querystring ? { querystring: withOptionalDefaults(schema.querystring as QuerySchema) } : {}),
    response: {
      ...answers,
      ...(mayBeMalformed || takesBody ? { 400: malformed } : {}),
      ...(scope ? { 403: forbidden } : {}),
      ...(takesBody ? { 413: refusal(413), 415: refusal(415) } : {}),
    },
  };
}

/** What has a default is always there for the route, and need not be sent. */
const withOptionalDefaults = (query: QuerySchema): QuerySchema => ({
  ...query,
  required: (query.required ?? []).filter((name) => query.properties?.[name]?.default === undefined),
});

/** How `asAnswered` tells `withWords`: in between, every body becomes a required one. */
const NO_BODY_NEEDED = 'x-no-body-needed';

interface Document {
  paths: Record<
    string,
    Record<string, { [NO_BODY_NEEDED]?: boolean; requestBody?: { required: boolean }; responses: Record<string, { description: string }> }>
  >;
}

function withWords(document: Document): Document {
  for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
    if (operation[NO_BODY_NEEDED] && operation.requestBody) operation.requestBody.required = false;
    delete operation[NO_BODY_NEEDED];
    for (const [status, response] of Object.entries(operation.responses))
      if (response.description === 'Default Response') response.description = STATUS_CODES[status] ?? 'Done';
  }
  return document;
}
