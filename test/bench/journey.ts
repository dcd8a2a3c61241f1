import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { verifyStandardWebhook } from '../../src/webhooks/callback.ts';
import { Line, round } from './load.ts';
import { captureRequest, payoutRequest, type Platform, type Rig, rssMb, walletRequest } from './platform.ts';

export interface Journey {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  webhooks: number;
  rssMb: { api: number; worker: number; bank: number };
}

/** What is asked for, one thing after another; each is followed by the webhook that says that it was done. */
export interface Way {
  /** types that the endpoint asks for */
  events: string[];
  steps: { request(rig: Rig, reference: string, body: string): string; status: number; done: string }[];
}
export const payoutWay: Way = { events: [], steps: [{ request: payoutRequest, status: 201, done: 'transaction.settled' }] };
/** A customer who consents at once (the phone says so to the sandbox bank), then a capture of all of it. */
export const walletWay: Way = {
  events: ['wallet_transaction.success', 'wallet_transaction.captured'],
  steps: [
    { request: (rig, reference) => walletRequest(rig, reference, '+77012345620'), status: 201, done: 'wallet_transaction.success' },
    {
      request: (rig, reference, body) => captureRequest(rig, `${reference}c`, (JSON.parse(body) as { walletTransactionId: string }).walletTransactionId),
      ...{ status: 200, done: 'wallet_transaction.captured' },
    },
  ],
};

/**
 * End to end: accepted → executed by the sandbox bank → settled → webhook answered 2xx, its signature verified. As many are kept on
 * their way as `window` says; what is counted is arrivals of the last webhook.
 */
export async function journey(
  platform: Platform,
  database: string,
  rig: Rig,
  { events, steps }: Way,
  { window, warmMs, measureMs }: { window: number; warmMs: number; measureMs: number },
): Promise<Journey> {
  const bank = await platform.start(
    ['bank', '--port', '0', '--data-dir', `${platform.folder}/bank-${database}`, '--callback-url', 'http://127.0.0.1:9/callbacks/processor'],
    platform.environment(database, { PUBLIC_URL: 'http://127.0.0.1:9' }),
  );
  const env = platform.environment(database, { PORT: '0', PROCESSOR_URL: String(bank.url) });
  const [api, worker] = await Promise.all([platform.start(['serve'], env), platform.start(['work'], env)]);
  const base = `http://127.0.0.1:${String(api.port)}`;
  const receiver = new Receiver();
  const url = await receiver.open();
  const endpoint = await fetch(`${base}/v1/webhook-endpoints`, {
    method: 'POST',
    headers: { authorization: rig.apiKey, 'content-type': 'application/json' },
    body: JSON.stringify({ url, events }),
  });
  receiver.secret = ((await endpoint.json()) as { secret: string }).secret;

  const begun = new Map<string, number>();
  const times: number[] = [];
  const from = performance.now() + warmMs;
  const until = from + measureMs;
  let n = 0;
  const peak = { api: 0, worker: 0, bank: 0 };
  const watching = setInterval(() => {
    for (const [name, { pid }] of Object.entries({ api, worker, bank }) as ['api' | 'worker' | 'bank', { pid: number }][])
      peak[name] = Math.max(peak[name], rssMb(pid));
  }, 250);
  const lines = Array.from({ length: window }, async () => {
    const line = new Line(Number(api.port));
    await line.open();
    while (performance.now() < until) {
      const reference = `e${n++}`;
      begun.set(reference, performance.now());
      let at = 0;
      for (const { request, status: expected, done } of steps) {
        const heard = receiver.heard(done, reference);
        const status = await line.ask(request(rig, reference, line.lastBody));
        if (status !== expected) throw new Error(`${done} was asked for and answered ${status}: ${line.lastBody}`);
        at = await heard;
      }
      if (at >= from && at <= until) times.push(at - (begun.get(reference) as number));
      begun.delete(reference);
    }
    line.close();
  });
  await Promise.all(lines);
  clearInterval(watching);
  for (const { pid } of [api, worker, bank]) await platform.stop(pid);
  receiver.close();
  times.sort((a, b) => a - b);
  const at = (share: number) => round(times[Math.floor(times.length * share)] ?? 0);
  return { perSecond: Math.round(times.length / (measureMs / 1000)), p50Ms: at(0.5), p99Ms: at(0.99), webhooks: receiver.received, rssMb: peak };
}

/** A merchant's endpoint: verifies some, answers 200, and tells who waits for a message about an order. */
class Receiver {
  secret = '';
  received = 0;
  private readonly waiting = new Map<string, (at: number) => void>();
  private readonly server = createServer((request, response) => {
    void text(request).then((body) => {
      // Signatures are checked now and then, by us and by the library that merchants use: merchants have machines of their own.
      if (this.received % 10 === 0 && !verifyStandardWebhook(this.secret, request.headers, Buffer.from(body), new Date()))
        throw new Error('a signature that does not fit');
      if (this.received++ % 100 === 0) new Webhook(this.secret).verify(body, request.headers as Record<string, string>);
      response.writeHead(200).end();
      const type = body.slice('{"name":"'.length, body.indexOf('"', '{"name":"'.length));
      if (type === 'transaction.processing') return;
      const { data } = JSON.parse(body) as { data: { orderReference: string } };
      const name = `${type} ${data.orderReference}`;
      this.waiting.get(name)?.(performance.now());
      this.waiting.delete(name);
    });
  });

  async open(): Promise<string> {
    this.server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  heard(type: string, reference: string): Promise<number> {
    return new Promise((resolve) => this.waiting.set(`${type} ${reference}`, resolve));
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

function text(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => resolve(body));
    request.on('error', reject);
  });
}
