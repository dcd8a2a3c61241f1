import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Net, type NetAnswer, NetError, type NetRequest } from '../../src/ports.ts';
import type { Dice } from './dice.ts';
import type { Faults } from './faults.ts';
import type { Process } from './process.ts';
import type { Verdict } from './verdict.ts';
import type { World } from './world.ts';

/** How an endpoint is at the moment. `lost`: it does its work, and its answer does not arrive. */
export type Weather = 'well' | 'refused' | 'reset' | 'silent' | 'slow' | 'lost' | 'redirect' | 'huge' | 400 | 410 | 429 | 500 | 503;
/** By weight: what hangs until the time is out is dear to simulate. */
export const WEATHERS: (readonly [weight: number, weather: Weather])[] = [
  ...([
    [3, 'refused'],
    [3, 'reset'],
    [1, 'silent'],
    [1, 'slow'],
    [3, 'lost'],
    [2, 'redirect'],
    [2, 'huge'],
  ] as const),
  ...([
    [2, 400],
    [3, 410],
    [3, 429],
    [3, 500],
    [2, 503],
  ] as const),
];

/** A merchant's endpoint. */
export interface Receiver {
  url: string;
  id: string;
  merchantId: string;
  secrets: string[];
  webhookToken: string;
  /** what it was told of, in the order in which it was told */
  receipts: Receipt[];
  weather: { from: number; to: number; kind: Weather }[];
  /** it never comes back */
  isDead: boolean;
  /** it once said that it is gone, and was disabled for it */
  wasGone: boolean;
}

export interface Receipt {
  at: number;
  eventId: string;
  attempt: number;
  body: string;
  /** the endpoint took it, whether or not anybody heard so */
  taken: boolean;
  /** the answer arrived */
  answered: boolean;
}

/** Merchants' endpoints in the simulated world. Each checks what it is sent, as a good client would, and keeps it. */
export class Receivers {
  readonly all = new Map<string, Receiver>();
  private readonly world: World;
  private readonly faults: Faults;
  private readonly dice: Dice;
  private readonly verdict: Verdict;

  constructor(world: World, faults: Faults, dice: Dice, verdict: Verdict) {
    this.world = world;
    this.faults = faults;
    this.dice = dice;
    this.verdict = verdict;
  }

  add(receiver: Receiver): void {
    this.all.set(receiver.url, receiver);
  }

  linkOf(process: Process): Net {
    return { request: (request) => this.carry(process, request) };
  }

  private async carry(process: Process, request: NetRequest): Promise<NetAnswer> {
    await process.passed('net webhook, before', this.dice.spread(1, 50));
    try {
      const answer = await process.heard('net webhook, after', this.dice.spread(1, 50), this.reach(process, request));
      this.world.note(process, `webhook ${request.headers['webhook-id']} try ${request.headers['x-plexy-delivery-attempt']}: ${answer.status}`);
      return answer;
    } catch (error) {
      this.world.note(process, `webhook ${request.headers['webhook-id']} try ${request.headers['x-plexy-delivery-attempt']}: ${(error as Error).message}`);
      throw error;
    }
  }

  private async reach(process: Process, request: NetRequest): Promise<NetAnswer> {
    const receiver = this.all.get(request.url);
    if (!receiver) throw new NetError('getaddrinfo ENOTFOUND', false);
    const { time } = this.world;
    const planned = receiver.isDead
      ? this.dice.pick([500, 'silent', 'refused'] as const)
      : receiver.weather.find(({ from, to }) => time >= from && time < to)?.kind;
    const weather = planned ?? (this.faults.hit('webhook', 'webhook broken') ? this.dice.pick(['refused', 'reset', 'lost', 500, 429] as const) : 'well');
    if (weather !== 'well') this.faults.count(`endpoint ${weather}`);
    if (weather === 'refused') throw new NetError('connect ECONNREFUSED', false);
    await this.world.sleep(this.dice.spread(1, 400));
    const taken = weather === 'well' || weather === 'lost' || weather === 'slow' || weather === 'huge';
    if (weather === 410) receiver.wasGone = true;
    const receipt = this.receive(process, receiver, request, taken);
    switch (weather) {
      case 'reset':
      case 'lost':
        throw new NetError('connection reset', true);
      case 'silent':
      case 'slow':
        await this.world.sleep(request.timeoutMs);
        throw new NetError('no answer in time', true);
      case 'huge':
        receipt.answered = true;
        return { status: 200, headers: {}, body: Buffer.alloc(request.maxBytes, 'x'), truncated: true };
      case 'redirect':
        return { status: 302, headers: { location: 'https://elsewhere.example/' }, body: Buffer.alloc(0), truncated: false };
      case 429:
      case 503:
        return {
          status: weather,
          headers: this.dice.chance(0.5) ? { 'retry-after': String(this.dice.int(1, 900)) } : {},
          body: Buffer.from('busy\0'),
          truncated: false,
        };
      case 'well':
        receipt.answered = true;
        return { status: this.dice.pick([200, 201, 204]), headers: {}, body: Buffer.alloc(0), truncated: false };
      default:
        return { status: weather, headers: {}, body: Buffer.from('no'), truncated: false };
    }
  }

  private receive(process: Process, receiver: Receiver, { headers, body = '' }: NetRequest, taken: boolean): Receipt {
    const eventId = headers['webhook-id'] ?? '';
    const text = body.toString();
    const { verdict } = this;
    verdict.expect(
      receiver.secrets.some((secret) => isSigned(secret, headers, text)),
      'INV-60',
      () => `the signature of event ${eventId} does not fit`,
    );
    const age = this.world.date().getTime() / 1000 - Number(headers['webhook-timestamp']);
    verdict.expect(Math.abs(age) < 20 + Math.abs(process.skewMs) / 1000, 'INV-59', () => `the timestamp of event ${eventId} is ${age} s old`);
    verdict.expect(headers.authorization === `Bearer ${receiver.webhookToken}`, 'INV-60', () => `event ${eventId} does not carry its merchant's token`);
    verdict.expect((JSON.parse(text) as { merchantId: string }).merchantId === receiver.merchantId, 'INV-62', () => `event ${eventId} of another merchant`);
    const first = receiver.receipts.find((receipt) => receipt.eventId === eventId);
    verdict.expect(!first || first.body === text, 'INV-59', () => `the body of event ${eventId} changed between attempts`);
    const receipt: Receipt = { at: this.world.time, eventId, attempt: Number(headers['x-plexy-delivery-attempt']), body: text, taken, answered: false };
    receiver.receipts.push(receipt);
    return receipt;
  }
}

/** @source Standard Webhooks 1.0, verified here without the product's own code */
function isSigned(secret: string, headers: Record<string, string>, body: string): boolean {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const expected = createHmac('sha256', key).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest();
  return (headers['webhook-signature'] ?? '').split(' ').some((one) => {
    const given = Buffer.from(one.replace(/^v1,/, ''), 'base64');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
