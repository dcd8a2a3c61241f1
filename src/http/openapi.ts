import type { SwaggerOptions } from '@fastify/swagger';
import { errorTable } from '../errors.ts';

/** The table of errors, as the API's description shows it. */
export const errorTableMarkdown = (): string =>
  ['| Code | Status | Message | Type | Meaning | What to do |', '|---|---|---|---|---|---|', ...Object.entries(errorTable).map(([code, row]) => `| ${code} | ${row.status} | ${row.message} | ${row.type} | ${row.meaning} | ${row.handling} |`)].join('\n');

/** What the description of the API says of itself; the routes add theirs. */
export const describeApi = (url: string): SwaggerOptions => ({
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Tolem',
      version: '1',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description: `Payouts to saved cards, on books that balance.

Send the key raw in \`Authorization\`, without "Bearer". Amounts of transactions are in major units (100.05 is one hundred tenge and five tiyn); where a field is in minor units it says so. Give every POST an \`Idempotency-Key\`: it never expires, and what is asked again under it is not done again.

A status is final once it is settled, rejected or failed. \`failed\` is only ever said with proof that nothing was paid, so it is safe to ask again then.

## Errors

Every refusal has the same four fields, and \`details\` where single fields are to blame.

${errorTableMarkdown()}`,
    },
    servers: [{ url }],
    components: {
      securitySchemes: {
        key: { type: 'apiKey', in: 'header', name: 'Authorization', description: 'The raw secret key: pr_test_… or pr_live_…' },
        token: { type: 'http', scheme: 'bearer', description: 'A token: tk_test_… or tk_live_…' },
      },
    },
    security: [{ key: [] }, { token: [] }],
  },
  refResolver: { buildLocalReference: (json, _base, _fragment, i) => (typeof json.$id === 'string' ? json.$id : `schema${i}`) },
});
