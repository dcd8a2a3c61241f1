/** A platform as its merchants and its bank find it: real HTTP on all sides, the sandbox bank's own code, and somebody who listens. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { Tolem, verifyWebhook } from '../../sdk/src/index.ts';
import { systemClock, systemRandom } from '../../src/clock.ts';
import { HttpAuthorizer } from '../../src/connectors/http-authorizer.ts';
import { HttpConnector } from '../../src/connectors/http.ts';
import { openNet } from '../../src/net.ts';
import { runBank } from '../../src/sandbox/main.ts';
import { Worker } from '../../src/work/worker.ts';
import { openTestHouse, testConfig, type TestHouse, type TestMerchant } from '../harness/house.ts';
import { Conformance } from '../http/conformance.ts';

/** How fast the bank's scenarios run: a second of its table takes 20 ms. */
const PACE = 0.02;
/** How long the product waits for the bank's answer. On a busy machine one may be late; then the bank is asked, and the story is the same. */
const BANK_TIMEOUT_MS = 300;

/** The operator's own account. */
const ownAccount = { name: 'Tolem Operator', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX' };

export interface Town {
  th: TestHouse;
  /** where the platform is */
  url: string;
  conformance: Conformance;
  /** A merchant with a client of its own, and an endpoint that listens. */
  shop(available?: bigint, events?: string[]): Promise<Shop>;
  close(): Promise<void>;
}

export interface Shop {
  m: TestMerchant;
  tolem: Tolem;
  endpoint: { id: string; secret: string };
  inbox: Inbox;
}

/** One attempt, as it came in. */
export interface Received {
  headers: IncomingHttpHeaders;
  raw: string;
  id: string;
  attempt: number;
  body: { name: string; merchantId: string; data: Record<string, unknown>; postedAt: string };
}

/** A merchant's server: it verifies every message in two ways, keeps it, and answers as it is told to. */
export class Inbox {
  readonly received: Received[] = [];
  readonly faults: unknown[] = [];
  answer = 200;
  secret = '';
  webhookToken = '';
  conformance: Conformance | undefined;
  private readonly server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      this.take(request.headers, Buffer.concat(pieces)).then(
        () => response.writeHead(this.answer).end(),
        (error: unknown) => {
          this.faults.push(error);
          response.writeHead(400).end(String(error));
        },
      );
    });
  });

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hooks`;
  }

  private async take(headers: IncomingHttpHeaders, bytes: Buffer): Promise<void> {
    const raw = bytes.toString('utf8');
    new Webhook(this.secret).verify(raw, headers as Record<string, string>);
    const delivery = await verifyWebhook(this.secret, headers, bytes, { webhookToken: this.webhookToken });
    if (headers.authorization !== `Bearer ${this.webhookToken}`) throw new Error('not the token');
    this.conformance?.lookAtMessage(raw);
    this.received.push({ headers, raw, id: delivery.id, attempt: Number(headers['x-plexy-delivery-attempt']), body: delivery.message as never });
  }

  /** The names of the messages about an object, in the order in which they came. */
  about(id: string): string[] {
    return this.received.filter(({ body: { data } }) => [data.id, data.cardTokenId, data.payment_order_id].includes(id)).map(({ body }) => body.name);
  }

  /** Waits for a message. */
  wait(name: string, id?: string): Promise<Received> {
    return until(
      () =>
        this.received.find(
          ({ body }) => body.name === name && (id === undefined || [body.data.id, body.data.customerId, body.data.payment_order_id].includes(id)),
        ),
      `${name} of ${id}, having ${this.received.map(({ body }) => body.name).join(', ')} and ${this.faults.join()}`,
    );
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

export async function until<T>(look: () => T | undefined | Promise<T | undefined>, what: string, ms = 30_000): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(15);
  }
}

/** @param options files: the bank speaks in files, too, and distributions leave in them */
export async function openTown(options: { files?: boolean } = {}): Promise<Town> {
  const { processorSecret: secret } = testConfig();
  const [clock, random, net] = [systemClock(), systemRandom(), openNet()];
  const bankAddress = { url: '' }; // the bank calls us back, and we call the bank: one of them must come first
  const processor = {
    name: 'processor',
    secret,
    net,
    timeoutMs: BANK_TIMEOUT_MS,
    get url() {
      return bankAddress.url;
    },
  };
  const [connector, authorizer] = [new HttpConnector(processor), new HttpAuthorizer(processor)];
  const dataDir = await mkdtemp(join(tmpdir(), 'tolem-journey-'));
  const files = options.files
    ? { isSandbox: true, settleMs: 0, folder: join(dataDir, 'files'), account: ownAccount, batchSeconds: 1, cutOff: '16:00', version: '09' as const }
    : undefined;
  const th = await openTestHouse({ connector, authorizer, config: { bank: files } });
  const conformance = await Conformance.open();
  conformance.watch(th);
  const url = await th.app.listen({ port: 0, host: '127.0.0.1' });
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const bank = await runBank({
    ...{ host: '127.0.0.1', port: 0, dataDir: join(dataDir, 'bank'), secret, callbackUrl: `${url}/callbacks/processor`, clock, random, net, log, pace: PACE },
    ...(files ? { files: files.folder } : {}),
  });
  bankAddress.url = th.house.config.processorUrl = bank.url;
  const stopping = new AbortController();
  const { bankFiles } = th.house;
  const reading = bankFiles?.watch(stopping.signal);
  const work = new Worker(
    [
      th.house.sending.queue,
      th.house.wallet.queue,
      th.house.wallet.lapses,
      th.house.invoices.queue,
      th.house.webhooks.queue,
      ...(bankFiles ? [bankFiles.batcher.queue] : []),
    ],
    {
      db: th.house.db,
      clock,
      log: th.house.log,
      capacity: 64,
      idleMs: 20,
    },
  ).run(stopping.signal);
  const inboxes: Inbox[] = [];
  return {
    ...{ th, url, conformance },
    async shop(available = 1_000_000_00n, events = []) {
      const m = await th.merchant({ available });
      const inbox = new Inbox();
      inboxes.push(inbox);
      const tolem = new Tolem({ apiKey: m.apiKey, baseUrl: url, fetch: conformance.fetch });
      const { id, secret: whsec = '' } = await tolem.webhookEndpoints.create({ url: await inbox.open(), events });
      Object.assign(inbox, { secret: whsec, webhookToken: m.webhookToken, conformance });
      return { m, tolem, inbox, endpoint: { id, secret: whsec } };
    },
    async close() {
      stopping.abort();
      await Promise.all([work, reading]);
      for (const inbox of inboxes) inbox.close();
      await bank.stop();
      await th.close();
      await net.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
