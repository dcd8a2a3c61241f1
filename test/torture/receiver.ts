/** receiver.ts: the merchants' side of webhooks: verifies with the reference library, writes down what came, and is now and then unwell. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import type { Dice } from './dice.ts';
import type { Journal } from './journal.ts';

export interface Endpoint {
  id: string;
  path: string;
  merchant: string;
  /** whsec_… */
  secret: string;
  webhookToken: string;
  /** it fails now and then, each event once at most */
  wary: boolean;
}

/** What an unwell receiver does to a first attempt. */
const illnesses = { status: 3, hangUp: 3, redirect: 2, silent: 1 } as const;
const SICK = 0.03;

export class Receiver {
  /** where a redirect leads: nobody may ever come here */
  trapped = 0;
  received = 0;
  private readonly endpoints = new Map<string, { endpoint: Endpoint; webhook: Webhook }>();
  private readonly seen = new Set<string>();
  private readonly server: Server;
  private port = 0;
  private places = 0;

  constructor(
    private readonly journal: Journal,
    private readonly dice: Dice,
    /** told of each event that arrived for the first time */
    private readonly heard: (endpoint: Endpoint, body: string) => void,
  ) {
    this.server = createServer((request, response) => void this.take(request, response));
    this.server.keepAliveTimeout = 20_000;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.port = (this.server.address() as { port: number }).port;
  }

  /** A URL for an endpoint that is about to be made. */
  place(wary: boolean): { url: string; path: string } {
    const path = `/hooks/${++this.places}${wary ? '-wary' : ''}`;
    return { url: `http://127.0.0.1:${this.port}${path}`, path };
  }

  serve(endpoint: Endpoint): void {
    this.endpoints.set(endpoint.path, { endpoint, webhook: new Webhook(endpoint.secret) });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const found = this.endpoints.get(request.url ?? '');
    if (request.url === '/trap') this.trapped++;
    if (!found) return void response.writeHead(404).end();
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      this.answer(found, request, Buffer.concat(chunks).toString('utf8'), response);
    } catch {
      response.destroy(); // the sender was killed while it spoke: it said nothing
    }
  }

  private answer({ endpoint, webhook }: { endpoint: Endpoint; webhook: Webhook }, request: IncomingMessage, body: string, response: ServerResponse): void {
    const id = String(request.headers['webhook-id']);
    const first = !this.seen.has(`${endpoint.id} ${id}`);
    this.seen.add(`${endpoint.id} ${id}`);
    const illness = endpoint.wary && first && this.dice.chance(SICK) ? this.dice.weighted(illnesses) : undefined;
    const answered = illness === undefined ? 204 : illness === 'status' ? 500 : illness === 'redirect' ? 307 : 0;
    this.journal.write({ kind: 'receipt', at: Date.now(), endpoint: endpoint.id, id, fault: faultIn(request, body, endpoint, webhook), answered, body });
    this.received++;
    if (illness === 'hangUp') return void response.destroy();
    if (illness === 'silent') return; // the sender gives up by itself
    response.writeHead(answered, illness === 'redirect' ? { location: `http://127.0.0.1:${this.port}/trap` } : {}).end();
    if (answered === 204) this.heard(endpoint, body);
  }
}

/** What is wrong with the signature or the token, by the reference library. */
function faultIn(request: IncomingMessage, body: string, { webhookToken }: Endpoint, webhook: Webhook): string | null {
  try {
    webhook.verify(body, request.headers as Record<string, string>);
  } catch (error) {
    return (error as Error).message;
  }
  return request.headers.authorization === `Bearer ${webhookToken}` ? null : 'the Bearer is not the webhookToken';
}
