/** clients.ts: merchants' servers: they ask, ask again when nobody answered, ask twice, ask for something else under the same key, and read. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dice } from './dice.ts';
import type { Findings } from './findings.ts';
import type { Action, Intent, Journal } from './journal.ts';
import { endless, major, wishOf } from './mix.ts';
import type { HttpAnswer, Merchant, Platform } from './platform.ts';

const PAYOUT = '/v1/payout';
const TOPUP = '/v1/sandbox/topup';

/** A request, as the client would send it again. */
export interface Request {
  merchant: Merchant;
  path: string;
  key: string;
  reference: string;
  body: string;
}

export type Heard = { kind: 'answer'; status: number; body: string; replayed: boolean } | { kind: 'lost'; why: string };

/** What the clients know together. */
export class Common {
  operations = 0;
  reads = 0;
  lost = 0;
  readonly done: Request[] = [];
  /** asked, and nobody knows what became of it */
  readonly open: Request[] = [];
  /** payouts that were acknowledged, by the merchant's name */
  readonly acknowledged = new Map<string, string[]>();
  /** the latest state that somebody has read of a payout */
  readonly seen = new Map<string, string>();
}

export interface Parts {
  platform: Platform;
  common: Common;
  findings: Findings;
  journal: Journal;
  dice: Dice;
}

const rank = (state: string): number => (state === 'new' ? 0 : state === 'processing' ? 1 : 2);

/** Whoever sends requests and writes down what came of them. */
export class Asker {
  constructor(protected readonly p: Parts) {}

  /** One request that is meant to change something. What has no clear answer is `lost`. */
  async ask(action: Action, { merchant, path, key, reference, body }: Request, timeoutMs = 5_000): Promise<Heard> {
    const { journal, common, platform, findings, dice } = this.p;
    const intent: Intent = { kind: 'intent', id: randomUUID(), at: Date.now(), action, merchant: merchant.name, path, key, reference, body };
    await journal.durable(intent);
    common.operations++;
    const lost = (why: string): Heard => {
      journal.write({ kind: 'lost', id: intent.id, at: Date.now(), why });
      common.lost++;
      return { kind: 'lost', why };
    };
    let answer: HttpAnswer;
    try {
      answer = await platform.call(dice.between(0, platform.apis.length - 1), 'POST', path, { apiKey: merchant.apiKey, body, key, timeoutMs });
    } catch (error) {
      return lost(wordsOf(error));
    }
    findings.check('INV-89', answer.status !== 500, () => `${action} ${path} was answered 500: ${answer.body}`);
    if (answer.status >= 500) return lost(`${answer.status} ${answer.body}`);
    const replayed = answer.headers['idempotent-replayed'] === 'true';
    journal.write({ kind: 'answer', id: intent.id, at: Date.now(), status: answer.status, body: answer.body, replayed });
    if (answer.status === 201 && path === PAYOUT) this.acknowledge(merchant, answer.body);
    return { kind: 'answer', status: answer.status, body: answer.body, replayed };
  }

  private acknowledge(merchant: Merchant, body: string): void {
    const { acknowledged } = this.p.common;
    const ids = acknowledged.get(merchant.name) ?? [];
    acknowledged.set(merchant.name, ids);
    ids.push((JSON.parse(body) as { id: string }).id);
  }

  /** Reads a payout and sees that its state never goes back. @param least what it is known to have been */
  async read(merchant: Merchant, id: string, least?: string): Promise<void> {
    const { platform, common, findings, dice } = this.p;
    const before = [common.seen.get(id), least].filter((state) => state !== undefined);
    common.operations++;
    common.reads++;
    let answer: HttpAnswer;
    try {
      answer = await platform.call(dice.between(0, platform.apis.length - 1), 'GET', `/v1/transactions/${id}`, { apiKey: merchant.apiKey, timeoutMs: 5_000 });
    } catch {
      return;
    }
    if (answer.status >= 500) return findings.check('INV-89', answer.status !== 500, () => `reading ${id} was answered 500: ${answer.body}`);
    findings.check('INV-63', answer.status === 200, () => `payout ${id} was acknowledged and is answered ${answer.status}`);
    if (answer.status !== 200) return;
    const { status } = JSON.parse(answer.body) as { status: string };
    const good = before.every((state) => rank(status) > rank(state) || status === state);
    findings.check('INV-61', good, () => `payout ${id} was ${before.join(' and ')} and is ${status} later`);
    const now = common.seen.get(id);
    if (now === undefined || rank(status) > rank(now)) common.seen.set(id, status);
  }
}

const wordsOf = (error: unknown): string => {
  const { code, name } = error as { code?: unknown; name: string };
  return typeof code === 'string' ? code : name;
};

/** What a client of the wide merchant does, by weight. */
const wide = { payout: 40, abort: 6, twins: 9, duel: 3, replay: 9, conflict: 5, bad: 4, read: 24 } as const;
const narrow = { payout: 52, abort: 4, twins: 9, duel: 4, replay: 6, conflict: 4, bad: 2, read: 12, topup: 7 } as const;

export class Client extends Asker {
  private count = 0;

  /** @param number among the clients of the same merchant: the keys of one are those of the other's too */
  constructor(
    parts: Parts,
    private readonly merchant: Merchant,
    private readonly number: number,
  ) {
    super(parts);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { dice } = this.p;
    if (this.merchant.name === 'wide' && this.number < endless.length) await this.endless(endless[this.number] as string);
    while (!signal.aborted) {
      await this.act(this.merchant.name === 'wide' ? dice.weighted(wide) : dice.weighted(narrow));
      await sleep(dice.between(10, 160));
    }
  }

  private act(what: keyof typeof narrow): Promise<void> {
    switch (what) {
      case 'payout':
        return this.insist('payout', this.request());
      case 'abort': // the client's own patience ends before the answer comes
        return this.insist('payout', this.request(), this.p.dice.between(1, 30));
      case 'twins':
        return this.twins();
      case 'duel':
        return this.duel();
      case 'replay':
        return this.replay();
      case 'conflict':
        return this.conflict();
      case 'bad':
        return this.bad();
      case 'read':
        return this.look();
      case 'topup':
        return this.topup();
    }
  }

  /** A new piece of work. */
  private request(wish = wishOf(this.p.dice, this.merchant.name === 'wide' ? 900_00 : 600_00)): Request {
    const { merchant, number } = this;
    const count = ++this.count;
    const currency = merchant.name === 'narrow' ? 'KZT' : wish.currency; // the narrow one has no other money
    const reference = `${merchant.name}-${number}-${count}`;
    const body = `{"tokenId":"${merchant.tokens.get(wish.scenario)}","amount":${major(wish.minor, currency)},"currency":"${currency}","orderReference":"${reference}","description":"${wish.scenario}"}`;
    return { merchant, path: PAYOUT, key: `key-${number}-${count}`, reference, body };
  }

  private async endless(scenario: string): Promise<void> {
    await this.insist('payout', this.request({ scenario, currency: 'KZT', minor: 77_77 }), 5_000, 1);
  }

  /** The same request several times at once. */
  private async twins(): Promise<void> {
    const request = this.request();
    const heard = await Promise.all(Array.from({ length: this.p.dice.between(2, 6) }, () => this.ask('twin', request)));
    this.conclude(request, heard);
  }

  /** Two different requests at once under one key: one of them at most is done. */
  private async duel(): Promise<void> {
    const one = this.request();
    const two = { ...this.request(), key: one.key };
    const [first, second] = await Promise.all([this.ask('payout', one), this.ask('payout', two)]);
    this.conclude(one, [first]);
    this.conclude(two, [second]);
  }

  private async replay(): Promise<void> {
    const known = this.known();
    if (known) await this.ask('replay', known);
  }

  /** The key of something that was done, with another body. */
  private async conflict(): Promise<void> {
    const known = this.known();
    if (known?.path !== PAYOUT) return;
    const other = this.request();
    await this.ask('conflict', { ...other, key: known.key });
  }

  /** Requests that are wrong in themselves, and must leave nothing behind. */
  private async bad(): Promise<void> {
    const good = this.request();
    const spoil: ((body: string) => string)[] = [
      (body) => body.replace(/"tokenId":"[^"]*"/, `"tokenId":"${randomUUID()}"`),
      (body) => body.replace(/"amount":[^,]*/, '"amount":0'),
      (body) => body.replace(/"amount":[^,]*/, '"amount":10.001'),
      (body) => body.replace(/"currency":"[^"]*"/, '"currency":"QQQ"'),
      (body) => body.replace('{', '{"amount":12.5,'),
    ];
    await this.ask('bad', { ...good, body: this.p.dice.pick(spoil)(good.body) });
  }

  private async look(): Promise<void> {
    const id = this.p.dice.pick(this.p.common.acknowledged.get(this.merchant.name)?.slice(-300) ?? [undefined]);
    if (id) await this.read(this.merchant, id);
  }

  private async topup(): Promise<void> {
    const count = ++this.count;
    const request = { merchant: this.merchant, path: TOPUP, key: `topup-${this.number}-${count}`, reference: '', body: '{"amount":250000,"currency":"KZT"}' };
    await this.insist('topup', request);
  }

  private known(): Request | undefined {
    const mine = this.p.common.done.filter(({ merchant }) => merchant === this.merchant).slice(-400);
    return mine.length > 0 ? this.p.dice.pick(mine) : undefined;
  }

  /** Asks until there is an answer, as a good client does; now and then the client gives up, as a bad one does. */
  private async insist(action: Action, request: Request, timeoutMs?: number, patience = 8): Promise<void> {
    const { dice } = this.p;
    let heard = await this.ask(action, request, timeoutMs);
    const givesUp = dice.chance(0.15);
    for (let attempt = 1; heard.kind === 'lost' && attempt <= patience && !givesUp; attempt++) {
      await sleep(dice.between(30, 250 * attempt));
      heard = await this.ask('retry', request);
    }
    this.conclude(request, [heard]);
  }

  private conclude(request: Request, heard: Heard[]): void {
    const { common } = this.p;
    if (heard.some((one) => one.kind === 'answer' && one.status === 201)) common.done.push(request);
    else if (heard.every(({ kind }) => kind === 'lost')) common.open.push(request);
  }
}
