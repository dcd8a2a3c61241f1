import { createServer } from 'node:http';
import { readFileSync, writeFileSync } from 'node:fs';
import { verifyStandardWebhook } from '../webhooks/callback.ts';
import { say } from './context.ts';

export interface InboxOptions {
  port: number;
  /** of the API */
  base: string;
  apiKey: string;
  /** where the endpoint's secret is kept between two starts */
  file: string;
}

interface Kept {
  url: string;
  secret: string;
}

/**
 * A receiver for the sandbox merchant's webhooks, so that the first one arrives without a server of one's own: it checks the
 * signature as a merchant would, answers 200 and prints a line.
 */
export async function openInbox({ port, base, apiKey, file }: InboxOptions): Promise<string> {
  const url = inboxUrl(port);
  const { secret } = kept(file, url) ?? (await register(base, apiKey, url, file));
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const good = verifyStandardWebhook(secret, request.headers, body, new Date());
      response.writeHead(good ? 200 : 401).end();
      say(line(body, good !== undefined));
    });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  server.unref();
  return url;
}

export const inboxUrl = (port: number): string => `http://127.0.0.1:${port}/webhooks`;

function kept(file: string, url: string): Kept | undefined {
  try {
    const known = JSON.parse(readFileSync(file, 'utf8')) as Kept;
    return known.url === url ? known : undefined;
  } catch {
    return undefined; // the first start
  }
}

async function register(base: string, apiKey: string, url: string, file: string): Promise<Kept> {
  const answer = await fetch(`${base}/v1/webhook-endpoints`, {
    method: 'POST',
    headers: { authorization: apiKey, 'content-type': 'application/json' },
    body: JSON.stringify({ url, description: 'The inbox of npm start' }),
  });
  const { secret, message } = (await answer.json()) as { secret?: string; message?: string };
  if (!secret) throw new Error(`the inbox could not be registered: ${message}`);
  writeFileSync(file, JSON.stringify({ url, secret }), { mode: 0o600 });
  return { url, secret };
}

function line(body: Buffer, good: boolean): string {
  const { name = '?', data = {} } = JSON.parse(body.toString('utf8')) as { name?: string; data?: Record<string, unknown> };
  const facts = ['id', 'cardTokenId', 'amount', 'currency', 'last4', 'retrievalReferenceNumber', 'errorCode'].flatMap((key) =>
    data[key] === null || data[key] === undefined ? [] : [`${key} ${String(data[key])}`],
  );
  return `  webhook  ${name.padEnd(24)} ${good ? 'signature good' : 'SIGNATURE WRONG'}  ${facts.join('  ')}`;
}
