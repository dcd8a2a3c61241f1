import reference from '@scalar/fastify-api-reference';
import type { App } from './room.ts';

/** The API's description, for programs at /openapi.json and for people at /docs: served from here, with nothing from elsewhere. */
export async function docsRoutes(app: App): Promise<void> {
  app.get('/openapi.json', { schema: { hide: true } as object }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(JSON.stringify(app.swagger())),
  );
  await app.register(reference, {
    routePrefix: '/docs',
    configuration: { url: '/openapi.json', withDefaultFonts: false, telemetry: false, showDeveloperTools: 'never', agent: { disabled: true } } as object,
  });
}
