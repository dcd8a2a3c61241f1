import { styleText } from 'node:util';
import type { Config } from '../config.ts';
import type { NewMerchant } from '../merchants/open.ts';
import type { Database } from './database.ts';

export interface Welcome {
  config: Config;
  merchant: NewMerchant;
  port: number;
  database: Pick<Database, 'owner' | 'embedded'>;
  seconds: number;
}

/** What a new user sees once everything runs: keys, a curl for each step, and where to look. */
export function welcome({ config, merchant, port, database, seconds }: Welcome): string {
  const color = process.stdout.isTTY && !process.env.NO_COLOR;
  const bold = (text: string) => (color ? styleText('bold', text) : text);
  const dim = (text: string) => (color ? styleText('dim', text) : text);
  const base = config.publicUrl.replace(/:0$/, `:${port}`);
  const auth = `-H 'Authorization: ${merchant.apiKey}'`;
  const json = `-H 'Content-Type: application/json'`;
  return `
${bold(`  Tolem is ready`)} ${dim(`after ${seconds.toFixed(1)} s`)}

  API            ${base}
  Reference      ${base}/docs
  Database       ${database.embedded ? `psql '${database.owner}'` : 'DATABASE_URL'}

${bold('  Your sandbox merchant')}
  merchantId     ${merchant.merchantId}
  API key        ${merchant.apiKey}
  token          ${merchant.token}
  webhookToken   ${merchant.webhookToken}

${bold('  A first payout, step by step')} ${dim('(in another terminal)')}

  ${dim('1. Money to pay out from: 10,000.00 KZT, in minor units')}
  curl -X POST ${base}/v1/sandbox/topup ${auth} ${json} \\
    -d '{"amount":1000000,"currency":"KZT"}'

  ${dim('2. Where webhooks go (npx tolem listen-like receivers, or any URL of yours; loopback needs WEBHOOK_ALLOW_PRIVATE=1)')}
  curl -X POST ${base}/v1/webhook-endpoints ${auth} ${json} \\
    -d '{"url":"https://your-server.example/webhooks"}'

  ${dim('3. Save a card: open the "url" of the answer in a browser and type 4111 1111 1111 1111, any later month')}
  curl -X POST ${base}/v1/cards ${auth} ${json} \\
    -d '{"customer":{"externalUserId":"user-1"}}'

  ${dim('4. Its cardTokenId: in the webhook card.saved, and in the feed of events')}
  curl '${base}/v1/events' ${auth}

  ${dim('5. Pay 1,500.00 KZT to it')}
  curl -X POST ${base}/v1/payout ${auth} ${json} -H 'Idempotency-Key: first-payout' \\
    -d '{"tokenId":"CARD_TOKEN_ID","amount":1500,"currency":"KZT"}'

  ${dim('6. What became of it')}
  curl ${base}/v1/payout ${auth}

  ${dim('Stop with Ctrl-C; npm start goes on with the same data.')}
`;
}
