import type { Tx } from '../db/db.ts';
import { column, fragment, sql, planned } from '../db/sql.ts';
import { conflict, notFound } from '../errors.ts';
import { type Endpoint, TEST_EVENT } from './endpoints.ts';
import { isForAllSql, type NewEvent, tell } from './events.ts';

export type DeliveryState = 'pending' | 'delivered' | 'parked' | 'disabled';

/** One event on its way to one endpoint. */
export interface Delivery {
  endpointId: string;
  eventNumber: bigint;
  eventId: string;
  type: string;
  objectId: string;
  objectSeq: number;
  state: DeliveryState;
  tries: number;
  nextAt: Date | null;
  firstOkAt: Date | null;
  createdAt: Date;
  body: string;
}

export interface Attempt {
  endpointId: string;
  eventNumber: bigint;
  try: number;
  at: Date;
  durationMs: number;
  status: number | null;
  answer: string | null;
  error: string | null;
}

/** What a list is narrowed to; undefined does not narrow. */
export interface DeliveryFilter {
  state?: DeliveryState | undefined;
  endpointId?: string | undefined;
  eventId?: string | undefined;
  objectId?: string | undefined;
}

/** After which row of the list to go on. */
export interface Place {
  eventNumber: bigint;
  endpointId: string;
}

const everyState = fragment`true`;
/** What is not delivered has an index of its own, which only a condition that stands in the statement's text can use. */
const undelivered = fragment`d.state <> 'delivered'`;
const everyEvent = fragment`true`;
const someEvents = fragment`d.event_number = any(x.numbers)`;

/** @returns newest event first */
export async function listDeliveries(tx: Tx, filter: DeliveryFilter, after: Place | null, limit: number): Promise<Delivery[]> {
  const { state = null, endpointId = null, eventId = null, objectId = null } = filter;
  const numbers = eventId || objectId ? await numbersOf(tx, eventId, objectId) : [];
  return tx.rows(
    planned(sql`
    select d.endpoint_id as "endpointId", d.event_number as "eventNumber", e.id as "eventId", e.type, d.object_id as "objectId", d.object_seq as "objectSeq", d.state, d.tries,
      d.next_at as "nextAt", d.first_ok_at as "firstOkAt", d.created_at as "createdAt", e.body
    from (
      select d.* from delivery d, (select ${numbers}::bigint[] as numbers) x
      where d.merchant_id = ${tx.merchantId} and ${state === null || state === 'delivered' ? everyState : undelivered} and ${eventId || objectId ? someEvents : everyEvent}
        and (${state}::text is null or d.state = ${state}::text) and (${endpointId}::uuid is null or d.endpoint_id = ${endpointId}::uuid)
        and (${after === null}::boolean or (d.event_number, d.endpoint_id) < (${after?.eventNumber ?? null}::bigint, ${after?.endpointId ?? null}::uuid))
      order by d.event_number desc, d.endpoint_id desc limit ${limit}
    ) d cross join lateral (select e.id, e.type, e.body from event e where e.merchant_id = ${tx.merchantId} and e.number = d.event_number limit 1) e
    order by d.event_number desc, d.endpoint_id desc`),
  );
}

async function numbersOf(tx: Tx, eventId: string | null, objectId: string | null): Promise<bigint[]> {
  const byId =
    eventId && (await tx.rows<{ number: bigint }>(sql`select e.number from event e where e.merchant_id = ${tx.merchantId} and e.id = ${eventId}::uuid`));
  const byObject =
    objectId &&
    (await tx.rows<{ number: bigint }>(
      sql`select e.number from event e where e.merchant_id = ${tx.merchantId} and e.object_id = ${objectId}::uuid order by e.object_seq limit 1000`,
    ));
  if (byId && byObject) return column(byId, 'number').filter((number) => column(byObject, 'number').includes(number));
  return column(byId || byObject || [], 'number');
}

/** @returns in the order in which they were made */
export const attemptsOf = (tx: Tx, deliveries: Pick<Delivery, 'endpointId' | 'eventNumber'>[]): Promise<Attempt[]> =>
  tx.rows(sql`
    select a.endpoint_id as "endpointId", a.event_number as "eventNumber", a.try, a.at, a.duration_ms as "durationMs", a.status, a.answer, a.error
    from unnest(${column(deliveries, 'endpointId')}::uuid[], ${column(deliveries, 'eventNumber')}::bigint[]) as u (endpoint_id, number)
    cross join lateral (
      select * from attempt a where a.merchant_id = ${tx.merchantId} and a.endpoint_id = u.endpoint_id and a.event_number = u.number order by a.try limit 100
    ) a
    order by a.try`);

/** What is being tried at this moment is not opened again: it is on its way. */
const notInFlight = fragment`(not d.in_flight or d.next_at is null or d.next_at <= now.at)`;

/**
 * Opens a delivery again, whatever its state, and whatever earlier events of the same object have not arrived there: they
 * go first. What follows it and was parked only because of it is woken when it is delivered.
 * @returns how many were opened; 0 when it is on its way at this moment
 * @throws {ApiError} 404, or 409 while the endpoint is disabled
 */
export async function resend(tx: Tx, endpoint: Endpoint, eventId: string, at: Date): Promise<number> {
  mustBeEnabled(endpoint);
  const event = await tx.maybe<{ number: bigint; objectId: string; objectSeq: number }>(sql`
    select e.number, e.object_id as "objectId", e.object_seq as "objectSeq" from event e join delivery d on d.merchant_id = e.merchant_id and d.event_number = e.number
    where e.merchant_id = ${tx.merchantId} and e.id = ${eventId}::uuid and d.merchant_id = ${tx.merchantId} and d.endpoint_id = ${endpoint.id}::uuid`);
  if (!event) throw notFound(`no delivery of event ${eventId} to this endpoint`);
  return tx.run(sql`
    update delivery as d set state = 'pending', failures = 0, in_flight = false, next_at = now.at
    from (select ${at}::timestamptz as at) now
    where d.merchant_id = ${tx.merchantId} and d.endpoint_id = ${endpoint.id}::uuid and d.event_number = any(${await upTo(tx, event)}::bigint[])
      and (d.event_number = ${event.number}::bigint or d.state <> 'delivered') and ${notInFlight}`);
}

/** The numbers of an object's events up to one. */
const upTo = async (tx: Tx, { objectId, objectSeq }: { objectId: string; objectSeq: number }): Promise<bigint[]> =>
  column(
    await tx.rows<{ number: bigint }>(
      sql`select e.number from event e where e.merchant_id = ${tx.merchantId} and e.object_id = ${objectId}::uuid and e.object_seq <= ${objectSeq}::int`,
    ),
    'number',
  );

export interface Replay {
  from: Date;
  /** exclusive */
  to: Date;
  /** also what has been delivered already */
  delivered: boolean;
  /** go on behind this number */
  after: bigint;
}

/** Events that one call of replay looks at; the caller goes on behind the last. */
const REPLAY_AT_ONCE = 5_000;

/**
 * Opens the deliveries of a span of time again, and makes them for events that the endpoint would have been told of had it
 * been there. In the order of the feed, so that a later part never overtakes an earlier one.
 * @returns how many, and behind which number to go on; null when this was all
 */
export async function replay(tx: Tx, endpoint: Endpoint, { from, to, delivered, after }: Replay, at: Date): Promise<{ opened: number; next: bigint | null }> {
  mustBeEnabled(endpoint);
  const [first, last] = [await numberAround(tx, from, -1), await numberAround(tx, to, 1)];
  const events = await tx.rows<{ number: bigint }>(sql`
    select e.number from event e
    where e.merchant_id = ${tx.merchantId} and e.number > ${after > first ? after : first}::bigint and e.number <= ${last}::bigint and e.at >= ${from} and e.at < ${to}
      and (e.type = any(${endpoint.events}::text[]) or ${isForAllSql})
    order by e.number limit ${REPLAY_AT_ONCE}`);
  const numbers = column(events, 'number');
  const reopened = await tx.run(sql`
    update delivery as d set state = 'pending', failures = 0, in_flight = false, next_at = now.at
    from (select ${at}::timestamptz as at) now
    where d.merchant_id = ${tx.merchantId} and d.endpoint_id = ${endpoint.id}::uuid and d.event_number = any(${numbers}::bigint[])
      and (${delivered}::boolean or d.state <> 'delivered') and ${notInFlight}`);
  const made = await deliverOnRequest(tx, endpoint.id, numbers, at);
  return { opened: reopened + made, next: numbers.length === REPLAY_AT_ONCE ? (numbers.at(-1) as bigint) : null };
}

/** Events are numbered as they were committed, which is nearly the order of their times: apart by less than this. */
const SLACK_MS = 10 * 60_000;

/** A number below (-1) or above (1) all events of a moment, found by halving: numbers have no gaps. */
async function numberAround(tx: Tx, at: Date, side: -1 | 1): Promise<bigint> {
  const moment = new Date(at.getTime() + side * SLACK_MS);
  let [low, high] = [0n, (await tx.one<{ next: bigint }>(sql`select c.next from event_counter c where c.merchant_id = ${tx.merchantId}`)).next];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    const { before } = await tx.one<{ before: boolean }>(
      sql`select e.at < ${moment} as before from event e where e.merchant_id = ${tx.merchantId} and e.number = ${middle}::bigint`,
    );
    if (before) low = middle;
    else high = middle;
  }
  return side < 0 ? low : high;
}

/** Deliveries that exist because the merchant asked, where the event's own telling made none. */
const deliverOnRequest = (tx: Tx, endpointId: string, numbers: bigint[], at: Date): Promise<number> =>
  tx.run(sql`
    insert into delivery as d (merchant_id, endpoint_id, event_number, object_id, object_seq, next_at, on_request, created_at)
    select e.merchant_id, ${endpointId}::uuid, e.number, e.object_id, e.object_seq, ${at}::timestamptz, true, ${at}::timestamptz
    from event e where e.merchant_id = ${tx.merchantId} and e.number = any(${numbers}::bigint[])
    on conflict (merchant_id, event_number, endpoint_id) do nothing`);

/** Tells one endpoint, and no other, that it can be reached. */
export async function sendTest(tx: Tx, endpoint: Endpoint, eventId: string, objectId: string, at: Date): Promise<void> {
  mustBeEnabled(endpoint);
  const body = JSON.stringify({
    name: TEST_EVENT,
    merchantId: tx.merchantId,
    data: { endpointId: endpoint.id, url: endpoint.url },
    postedAt: at.toISOString(),
  });
  const event: NewEvent = { id: eventId, objectId, objectSeq: 1, type: TEST_EVENT, fromState: null, toState: 'sent', cause: 'request', body };
  await tell(tx, [event], at);
  const { number } = await tx.one<{ number: bigint }>(sql`select e.number from event e where e.merchant_id = ${tx.merchantId} and e.id = ${eventId}::uuid`);
  await deliverOnRequest(tx, endpoint.id, [number], at);
}

/** @throws {ApiError} 409 */
function mustBeEnabled(endpoint: Endpoint): void {
  if (!endpoint.enabled) throw conflict('the webhook endpoint is disabled; enable it first');
}
