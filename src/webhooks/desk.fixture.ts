import { inject } from 'vitest';
import { databaseUrl, freshDatabase } from '../../test/harness/template.ts';
import { systemClock, systemRandom, type SystemClock } from '../clock.ts';
import type { Db, Tx } from '../db/db.ts';
import { openPostgres } from '../db/postgres.ts';
import { sql } from '../db/sql.ts';
import { Ids } from '../ids.ts';
import { type NewMerchant, openMerchant } from '../merchants/open.ts';
import type { Net, NetAnswer, NetRequest } from '../ports.ts';
import { Sealer } from '../sealing.ts';
import { type Attempt, attemptsOf, type Delivery, type DeliveryFilter, listDeliveries } from './deliveries.ts';
import { Deliverer, type DelivererOptions } from './deliver.ts';
import { type Hand, tell } from './events.ts';
import { Webhooks } from './webhooks.ts';

/** What a receiver got. */
export interface Received {
  url: string;
  headers: Record<string, string>;
  body: string;
  /** which request of all, counted from 1 */
  number: number;
}

/** A network in memory: one function plays all receivers. */
export class Receivers implements Net {
  readonly received: Received[] = [];
  /** A status, an answer, or an error to be thrown; may take its time. */
  answer: (got: Received) => number | Partial<NetAnswer> | Promise<number | Partial<NetAnswer>> = () => 200;

  async request({ url, headers, body }: NetRequest): Promise<NetAnswer> {
    const got: Received = { url, headers, body: String(body), number: this.received.length + 1 };
    this.received.push(got);
    const given = await this.answer(got);
    const answer = typeof given === 'number' ? { status: given } : given;
    return { status: 200, headers: {}, body: Buffer.from(''), truncated: false, ...answer };
  }

  /** The bodies that a URL got, in order. */
  at(url: string): string[] {
    return this.received.filter((one) => one.url === url).map(({ body }) => body);
  }
}

const masterKey = Buffer.alloc(32, 1);

/** The webhooks room for a merchant of its own, with receivers in memory and a clock that can be advanced. */
export interface Desk {
  db: Db;
  clock: SystemClock;
  ids: Ids;
  net: Receivers;
  webhooks: Webhooks;
  merchant: NewMerchant;
  url: string;
  /** @returns the endpoint's id and secret */
  endpoint(url: string, settings?: { events?: string[]; legacyWrappedIds?: boolean }): Promise<{ id: string; secret: string }>;
  /** Tells that an object changed to these states, in a transaction each; counts on where it stopped before. */
  told(objectId: string, ...states: string[]): Promise<string[]>;
  /** The same, by a process that delivers what it tells of. */
  toldBy(deliverer: Deliverer, objectId: string, ...states: string[]): Promise<string[]>;
  /** Another process of the same platform. */
  deliverer(options?: Partial<DelivererOptions>): Deliverer;
  /** Delivers until nothing is due. @returns how many attempts were made */
  work(deliverer?: Deliverer): Promise<number>;
  /** Advances the platform's time. */
  pass(seconds: number): void;
  deliveries(filter?: DeliveryFilter): Promise<(Delivery & { attempts: Attempt[] })[]>;
  close(): Promise<void>;
}

/** One database for all desks of a worker: each has a merchant of its own. */
let database: Promise<string> | undefined;

export async function openDesk(): Promise<Desk> {
  const url = await (database ??= freshDatabase(inject('postgres')));
  const open = () => openPostgres({ url: databaseUrl(url, new URL(url).pathname.slice(1), 'tolem_app'), role: 'tolem_app', poolSize: 4 });
  const [db, clock, random] = [open(), systemClock(), systemRandom()];
  const dbs = [db];
  const ids = new Ids(clock, random);
  const sealer = new Sealer(masterKey, 'webhooks', random);
  const merchant = await openMerchant(db, ids, sealer, { name: 'Shop', mode: 'test', now: clock.now() });
  const net = new Receivers();
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const webhooks = new Webhooks({ db, clock, random, ids, net, sealer, config: { masterKey, webhookAllowPrivate: true }, log });
  const seqs = new Map<string, number>();
  let offset = 0;

  const tellOf = async (transaction: (work: (tx: Tx, hand?: Hand) => Promise<void>) => Promise<void>, objectId: string, states: string[]) => {
    const made: string[] = [];
    for (const state of states) {
      const seq = (seqs.get(objectId) ?? 0) + 1;
      seqs.set(objectId, seq);
      const type = state.includes('.') ? state : `transaction.${state}`;
      const event = {
        id: ids.uuid(),
        objectId,
        objectSeq: seq,
        type,
        fromState: null,
        toState: state,
        cause: 'request',
        body: JSON.stringify({ name: type, data: { id: objectId, seq } }),
      };
      await transaction((tx, hand) => tell(tx, [event], clock.now(), hand));
      made.push(event.id);
    }
    return made;
  };

  const desk: Desk = {
    ...{ db, clock, ids, net, webhooks, merchant, url },
    async endpoint(at, settings = {}) {
      const { body } = await webhooks.register(merchant.merchantId, { url: at, ...settings });
      return JSON.parse(body) as { id: string; secret: string };
    },
    told: (objectId, ...states) => tellOf((work) => db.merchant(merchant.merchantId, (tx) => work(tx)), objectId, states),
    toldBy: (deliverer, objectId, ...states) => tellOf((work) => deliverer.telling(merchant.merchantId, work), objectId, states),
    deliverer(options = {}) {
      const own = open();
      dbs.push(own);
      return new Deliverer({ db: own, clock, random, net, secrets: webhooks.secrets, ...options });
    },
    async work(deliverer = webhooks.deliverer) {
      for (let attempts = 0; ;) {
        const pieces = await deliverer.takeDue(merchant.merchantId, 1_000);
        attempts += (await Promise.all(pieces)).length;
        if (pieces.length === 0) return attempts;
      }
    },
    pass(seconds) {
      offset += seconds * 1_000;
      clock.setOffset(offset);
    },
    deliveries: (filter = {}) =>
      db.merchant(merchant.merchantId, async (tx) => {
        const rows = await listDeliveries(tx, filter, null, 10_000);
        const attempts = await attemptsOf(tx, rows);
        return rows.map((row) => ({ ...row, attempts: attempts.filter((one) => one.endpointId === row.endpointId && one.eventNumber === row.eventNumber) }));
      }),
    async close() {
      await Promise.all(dbs.map((one) => one.close()));
    },
  };
  return desk;
}

/** @returns deliveries that violate "exactly one for each endpoint subscribed and enabled when the event was made" */
export const unexpected = (desk: Desk): Promise<unknown[]> =>
  desk.db.merchant(desk.merchant.merchantId, (tx) =>
    tx.rows(sql`
      select e.id, p.id as endpoint, d.state from event e cross join endpoint p left join delivery d on d.merchant_id = e.merchant_id and d.endpoint_id = p.id and d.event_number = e.number and not d.on_request
      where e.merchant_id = ${desk.merchant.merchantId} and p.merchant_id = ${desk.merchant.merchantId}
        and (d.event_number is not null) <> (p.created_at <= e.at and (((e.type like 'transaction.%' or e.type like 'payment_order.%') and e.type not in ('transaction.new', 'payment_order.processing')) or e.type = 'card.saved' or e.type = any(p.events)))`),
  );
