/** judge-webhooks.ts: what receivers heard against the feed: everything, in order, signed, and the same at every attempt. */
import { type Receipt, readJournals } from './journal.ts';
import { type Evidence, grouped } from './judge.ts';
import type { Endpoint } from './receiver.ts';
import type { Merchant, Platform } from './platform.ts';

interface FeedEvent {
  id: string;
  name: string;
  objectId: string;
  objectSeq: number;
  body: { data: { status: string } };
}

export interface WebhookFigures {
  receipts: number;
  /** received again although it had been answered well */
  repeated: number;
}

export async function judgeWebhooks(evidence: Evidence, folder: string, endpoints: Endpoint[]): Promise<WebhookFigures> {
  const { platform, findings } = evidence;
  const receipts = [...readJournals(folder, 'receiver')].filter((entry): entry is Receipt => entry.kind === 'receipt');
  for (const { id, fault } of receipts) findings.check('INV-60', fault === null, () => `the signature of ${id}: ${fault}`);
  for (const merchant of platform.merchants) {
    const feed = await readFeed(platform, merchant);
    judgeFeed(evidence, merchant, feed);
    for (const endpoint of endpoints.filter((one) => one.merchant === merchant.name))
      judgeEndpoint(
        evidence,
        endpoint,
        feed,
        receipts.filter((one) => one.endpoint === endpoint.id),
      );
  }
  const well = grouped(
    receipts.filter(({ answered }) => answered === 204),
    ({ endpoint, id }) => `${endpoint} ${id}`,
  );
  return { receipts: receipts.length, repeated: [...well.values()].reduce((sum, all) => sum + all.length - 1, 0) };
}

/** The whole feed, from the first event, as a client reads it. */
async function readFeed(platform: Platform, { apiKey }: Merchant): Promise<FeedEvent[]> {
  const events: FeedEvent[] = [];
  for (let after = ''; ;) {
    const answer = await platform.call(0, 'GET', `/v1/events?limit=500${after && `&after=${after}`}`, { apiKey, timeoutMs: 20_000 });
    if (answer.status !== 200) throw new Error(`the feed was answered ${answer.status}`);
    const { data, next, hasMore } = JSON.parse(answer.body) as { data: FeedEvent[]; next: string; hasMore: boolean };
    events.push(...data);
    if (!hasMore) return events;
    after = next;
  }
}

/** INV-54: each object's events are dense from one and end with what the object is. */
function judgeFeed({ payouts, findings }: Evidence, merchant: Merchant, feed: FeedEvent[]): void {
  const byObject = grouped(feed, ({ objectId }) => objectId);
  for (const [object, events] of byObject)
    findings.check(
      'INV-54',
      events.every(({ objectSeq }, i) => objectSeq === i + 1),
      () => `the feed has the events ${events.map(({ objectSeq }) => objectSeq).join(', ')} of ${object}`,
    );
  for (const { id, state } of payouts.filter((payout) => payout.merchant === merchant.id)) {
    const last = byObject.get(id)?.at(-1);
    findings.check(
      'INV-54',
      last?.name === `transaction.${state}` && last.body.data.status === state,
      () => `${id} is ${state}, and the last event of the feed is ${last?.name ?? 'none'}`,
    );
  }
}

const isDelivered = ({ name }: FeedEvent): boolean => name === 'card.saved' || (name.startsWith('transaction.') && name !== 'transaction.new');

function judgeEndpoint({ findings }: Evidence, { id: endpoint, path }: Endpoint, feed: FeedEvent[], receipts: Receipt[]): void {
  const events = new Map(feed.map((event) => [event.id, event]));
  const byEvent = grouped(receipts, ({ id }) => id);
  for (const event of feed.filter(isDelivered)) {
    const arrived = byEvent.get(event.id)?.some(({ answered }) => answered === 204) ?? false;
    findings.check('INV-57', arrived, () => `${event.name} of ${event.objectId} (${event.id}) never arrived at ${path}`);
  }
  for (const [id, all] of byEvent) {
    const event = events.get(id);
    findings.check('INV-59', new Set(all.map(({ body }) => body)).size === 1, () => `the attempts of ${id} have different bodies`);
    findings.check(
      'INV-62',
      event !== undefined && JSON.stringify(JSON.parse(all[0]?.body ?? '')) === JSON.stringify(event.body),
      () => `${id} arrived at ${path} (${endpoint}), and the feed has ${event ? 'another body' : 'no such event'}`,
    );
  }
  inOrder(findings, path, feed, receipts);
}

/** INV-58: of an object, nothing is received well before all that came earlier has been. */
function inOrder(findings: Evidence['findings'], path: string, feed: FeedEvent[], receipts: Receipt[]): void {
  const expected = grouped(feed.filter(isDelivered), ({ objectId }) => objectId);
  const events = new Map(feed.map((event) => [event.id, event]));
  const arrived = new Map<string, number>();
  for (const { id, answered } of receipts) {
    const event = events.get(id);
    if (answered !== 204 || !event) continue;
    const place = expected.get(event.objectId)?.findIndex((one) => one.id === id) ?? 0;
    const before = arrived.get(event.objectId) ?? 0;
    findings.check('INV-58', place <= before, () => `${event.name} (${event.objectSeq}) of ${event.objectId} arrived at ${path} before what came earlier`);
    if (place === before) arrived.set(event.objectId, before + 1);
  }
}
