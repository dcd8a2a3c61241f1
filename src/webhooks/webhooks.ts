import type { Db } from '../db/db.ts';
import { sql, planned } from '../db/sql.ts';
import { type ApiError, unprocessable } from '../errors.ts';
import type { Grouping } from '../groups.ts';
import { type Answer, type Key, once } from '../http/idempotency.ts';
import { SealedAnswers } from '../http/sealed-answer.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { Blocked, privateEgress, publicEgress, readUrl } from '../net/egress.ts';
import type { Clock, Net, Random } from '../ports.ts';
import type { Sealer } from '../sealing.ts';
import type { Queue } from '../work/worker.ts';

import { Deliverer } from './deliver.ts';
import { changeEndpoint, checkEvents, type Endpoint, insertEndpoint, rollSecret, type Settings } from './endpoints.ts';
import { Cursors } from './feed.ts';
import { type Attempted, GONE, isAccepted } from './outcomes.ts';
import { MAX_TRIES } from './schedule.ts';
import { endpointView } from './schema.ts';
import { Secrets } from './secrets.ts';

export interface WebhooksOptions {
  db: Db;
  clock: Clock;
  random: Random;
  ids: Ids;
  /** to merchants' endpoints. One that can tell what is wrong with a URL before it is called says so when it is entered */
  net: Net & { fault?(url: string): Promise<string | undefined> };
  /** of the purpose "webhooks" */
  sealer: Sealer;
  config: { masterKey: Buffer; oldMasterKey?: Buffer | undefined; webhookAllowPrivate: boolean };
  log: Log;
  grouping?: Grouping;
  onAttempt?(merchantId: string, attempted: Attempted): void;
}

/** The webhooks room: endpoints and their secrets, deliveries by a worker, the feed. */
export class Webhooks {
  readonly queue: Queue;
  readonly secrets: Secrets;
  readonly cursors: Cursors;
  readonly deliverer: Deliverer;
  private readonly o: WebhooksOptions;
  private readonly answers = new SealedAnswers((sealed, id) => this.secrets.show(sealed, id));

  constructor(options: WebhooksOptions) {
    this.o = options;
    this.secrets = new Secrets(options.sealer, options.clock, options.random);
    this.cursors = new Cursors(options.config.masterKey, options.config.oldMasterKey);
    this.deliverer = new Deliverer({
      ...options,
      secrets: this.secrets,
      onAttempt: (merchantId, attempted) => this.attempted(merchantId, attempted),
      onFault: (merchantId, error) =>
        options.log.warn({ event: 'delivery.failed', merchantId, error }, 'a webhook could not be recorded; it becomes due again'),
    });
    this.queue = {
      name: 'webhooks',
      due: (now) =>
        planned(sql`
        select m.merchant_id as merchant from merchant m
        where exists (select 1 from endpoint p cross join lateral (
          select 1 from delivery d where d.merchant_id = p.merchant_id and d.endpoint_id = p.id and d.state = 'pending' and d.next_at <= ${now} limit 1
        ) d where p.merchant_id = m.merchant_id)`),
      allowance: () => this.deliverer.allowance(),
      take: (merchantId, limit) => this.deliverer.takeDue(merchantId, limit),
    };
  }

  /** Resolves when nothing waits to be recorded. */
  idle(): Promise<void> {
    return this.deliverer.idle();
  }

  /**
   * Makes an endpoint. The answer holds its secret, which is shown here and never again; what is stored of the answer holds
   * it sealed, so that the same key gives the same answer and the database still gives nobody a secret.
   * @throws {ApiError} 400 or 422 in words for the merchant
   */
  async register(
    merchantId: string,
    { url, description = '', events = [], legacyWrappedIds = false }: Partial<Settings> & { url: string },
    key?: Key,
  ): Promise<Answer> {
    checkEvents(events);
    const fault = await this.faultOf(url);
    const answer = await once(this.o.db, merchantId, key, this.o.clock.now(), async (tx) => {
      if (fault) throw fault;
      const id = this.o.ids.uuid();
      const secret = this.secrets.make(id);
      const endpoint = await insertEndpoint(tx, id, secret, { url, description, events, legacyWrappedIds }, this.o.clock.now());
      return this.answers.make(201, endpointView(endpoint), secret);
    });
    return this.answers.reveal(answer);
  }

  /** @throws {ApiError} 400, 404 or 422 */
  async change(merchantId: string, id: string, change: Partial<Settings> & { enabled?: boolean }): Promise<Endpoint> {
    if (change.events) checkEvents(change.events);
    const fault = change.url === undefined ? undefined : await this.faultOf(change.url);
    if (fault) throw fault;
    return this.o.db.merchant(merchantId, (tx) => changeEndpoint(tx, id, change, this.o.clock.now()));
  }

  /** Enables or disables. @throws {ApiError} 404 */
  turn(merchantId: string, id: string, enabled: boolean, key?: Key): Promise<Answer> {
    const now = this.o.clock.now();
    return once(this.o.db, merchantId, key, now, async (tx) => ({
      ...{ status: 200, objectId: id },
      body: JSON.stringify(endpointView(await changeEndpoint(tx, id, { enabled }, now))),
    }));
  }

  /**
   * A new secret for an endpoint, in the answer and nowhere else.
   * @param overlapSeconds for how long the one before signs too; it takes the place of one that was still doing so
   */
  async roll(merchantId: string, id: string, overlapSeconds: number, key?: Key): Promise<Answer> {
    const now = this.o.clock.now();
    const until = overlapSeconds > 0 ? new Date(now.getTime() + overlapSeconds * 1000) : null;
    const answer = await once(this.o.db, merchantId, key, now, async (tx) => {
      const secret = this.secrets.make(id);
      return this.answers.make(200, endpointView(await rollSecret(tx, id, secret, until, now)), secret);
    });
    return this.answers.reveal(answer);
  }

  /** What an operator should know of, once it is on record. */
  private attempted(merchantId: string, attempted: Attempted): void {
    const { claim, status } = attempted;
    const about = { merchantId, endpointId: claim.endpointId, attempt: claim.tries, status };
    if (status === GONE) this.o.log.warn({ event: 'endpoint.gone', ...about }, 'a webhook endpoint answered 410 and was disabled');
    else if (!isAccepted(attempted) && claim.failures + 1 >= MAX_TRIES)
      this.o.log.warn({ event: 'delivery.parked', ...about }, 'a webhook was not accepted in any of its tries, and waits to be resent');
    this.o.onAttempt?.(merchantId, attempted);
  }

  private async faultOf(url: string): Promise<ApiError | undefined> {
    const fault = await (this.o.net.fault?.(url) ?? textFault(url, this.o.config.webhookAllowPrivate));
    return fault === undefined ? undefined : unprocessable(`url: ${fault}`, [{ field: 'url', message: fault }]);
  }
}

/** What the text alone says, for a network that cannot be asked. */
function textFault(url: string, allowPrivate: boolean): string | undefined {
  try {
    readUrl(url, allowPrivate ? privateEgress() : publicEgress());
    return undefined;
  } catch (error) {
    if (error instanceof Blocked) return error.message;
    throw error;
  }
}
