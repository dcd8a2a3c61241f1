import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { App } from './room.ts';

const require = createRequire(import.meta.url);
/** The program of the reference. Read from the disk when somebody asks for it: in memory it is seven megabytes of text. */
const PROGRAM = join(dirname(require.resolve('@scalar/fastify-api-reference')), 'js', 'standalone.js');

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tolem API</title>
</head>
<body>
<div id="reference"></div>
<script src="/docs/js/scalar.js"></script>
<script>Scalar.createApiReference('#reference', { url: '/openapi.json', withDefaultFonts: false, telemetry: false, showDeveloperTools: 'never', agent: { disabled: true } })</script>
</body>
</html>
`;

/** The API's description, for programs at /openapi.json and for people at /docs: served from here, with nothing from elsewhere. */
export function docsRoutes(app: App): void {
  const hidden = { schema: { hide: true } as object };
  app.get('/openapi.json', hidden, async (_request, reply) => reply.type('application/json; charset=utf-8').send(JSON.stringify(app.swagger())));
  app.get('/docs', hidden, async (_request, reply) => reply.type('text/html; charset=utf-8').send(PAGE));
  app.get('/docs/js/scalar.js', hidden, async (_request, reply) => reply.type('text/javascript; charset=utf-8').send(createReadStream(PROGRAM)));
}
