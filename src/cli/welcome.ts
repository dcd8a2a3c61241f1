import { styleText } from 'node:util';
import type { Config } from '../config.ts';
import type { NewMerchant } from '../merchants/open.ts';
import type { Database } from './database.ts';

export interface Welcome {
  config: Config;
  merchant: NewMerchant;
  port: number;
  inbox: string | undefined;
  database: Pick<Database, 'owner' | 'embedded'>;
  seconds: number;
}

/** What a new user sees once everything runs: keys, a curl for each step, and where to look. */
export function welcome({ config, merchant, port, inbox, database, seconds }: Welcome): string {
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
  curl -X POST ${base}/v1/sandbox/topup ${auth} ${json} -d '{"amount":1000000,"currency":"KZT"}'

  ${dim('2. A page to save a card on. Open it in a browser, or let curl type the card in')}
  PAGE=$(curl -s -X POST ${base}/v1/cards ${auth} ${json} -d '{"customer":{"externalUserId":"user-1"}}' | sed 's/.*"url":"\\([^"]*\\)".*/\\1/'); echo $PAGE
  curl -s -o /dev/null -w 'card page: %{http_code}\\n' $PAGE -d number=4111111111111111 -d expiry=12/30

  ${dim('3. The saved card: the webhook card.saved brings it, and so does the feed of events')}
  CARD=$(curl -s ${base}/v1/events ${auth} | sed 's/.*"cardTokenId":"\\([^"]*\\)".*/\\1/'); echo $CARD

  ${dim('4. Pay 1,500.00 KZT to it')}
  curl -X POST ${base}/v1/payout ${auth} ${json} -H 'Idempotency-Key: first-payout' -d '{"tokenId":"'$CARD'","amount":1500,"currency":"KZT"}'

  ${dim('5. What became of it')}
  curl ${base}/v1/payout ${auth}

  ${dim('Or send money to a bank account: it leaves in a file, and the bank’s statement completes it')}
  curl -X POST ${base}/v1/distributions ${auth} ${json} -d '{"orderReference":"DIST-1","amount":150000,"currency":"KZT","recipient":{"name":"TOO Credit Partner","bin":"123456789012","iban":"KZ86125KZT5004100100","bic":"KCJBKZKX","kbe":"17","knp":"119"},"paymentPurpose":"By contract 123"}'
  curl ${base}/v1/distributions ${auth}

  ${dim(inbox ? `Webhooks of this merchant arrive here, below; ${inbox} checks their signatures.` : 'Say where webhooks go: POST /v1/webhook-endpoints {"url": …}')}
  ${dim('Stop with Ctrl-C; npm start goes on with the same data.')}
`;
}
