import { type Net, type NetAnswer, NetError, type NetRequest } from '../../src/ports.ts';
import { Bank } from '../../src/sandbox/bank.ts';
import { signedCallbacks } from '../../src/sandbox/courier.ts';
import { Desk } from '../../src/sandbox/desk.ts';
import { Door } from '../../src/sandbox/door.ts';
import { MemoryJournal } from '../../src/sandbox/journal.ts';
import { Dial, type DialPlan } from './dial.ts';
import type { Dice } from './dice.ts';
import type { Faults } from './faults.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** How the way to the bank is: as it should be, or as when a bank is away. */
export type Way = 'open' | 'refused' | 'silent' | 'reset';

export interface BankPlan extends DialPlan {
  secret: string;
  callbackUrl: string;
}

/** The sandbox bank in the simulated world: its journal outlives it, it may be away, and it may be killed and started again. */
export class SimulatedBank {
  readonly journal = new MemoryJournal();
  readonly key: Buffer;
  way: Way = 'open';
  private bank!: Bank;
  private desk!: Desk;
  private readonly door: Door;
  private readonly world: World;
  private readonly faults: Faults;
  private readonly dice: Dice;
  private readonly plan: BankPlan;
  readonly dial: Dial;
  private readonly toApi: Net;

  /** @param toApi carries callbacks to the API */
  constructor(plan: BankPlan, toApi: Net, world: World, faults: Faults, dice: Dice) {
    this.plan = plan;
    this.world = world;
    this.faults = faults;
    this.dice = dice;
    this.toApi = toApi;
    this.key = dice.bytes(32);
    this.dial = new Dial(plan, dice.of('dial'));
    const { retentionSeconds, maxInFlightSeconds } = plan;
    this.door = new Door({ pace: 1, retentionSeconds, maxInFlightSeconds, desk: () => this.desk, clock: world.clock });
  }

  async open(): Promise<void> {
    const { retentionSeconds, maxInFlightSeconds, secret, callbackUrl: url } = this.plan;
    const { clock } = this.world;
    const random = this.dice.of('random');
    this.bank = new Bank({
      ...{ journal: this.journal, clock, random, key: this.key, dial: this.dial.turn, retentionSeconds, maxInFlightSeconds },
      callback: signedCallbacks({ net: this.toApi, clock, random, url, secret }),
    });
    this.desk = new Desk(this.bank, secret);
    await this.bank.open();
  }

  /** Killed and started again: what it had in its hands is cut off, what is in its journal goes on. */
  async restart(): Promise<void> {
    this.world.note(undefined, 'the bank restarts');
    this.faults.count('bank restarted');
    this.bank.stop();
    await this.open();
  }

  /** The network to the bank, as a process has it. */
  linkOf(process: Process): Net {
    return { request: (request) => this.carry(process, request) };
  }

  private async carry(process: Process, request: NetRequest): Promise<NetAnswer> {
    const site = `net bank ${request.method} ${new URL(request.url).pathname.replace(/transfers\/[^/]+/, 'transfers/ref')}`;
    await process.passed(`${site}, before`, 1 + this.dice.spread(1, 100));
    try {
      const answer = await process.heard(`${site}, after`, this.dice.spread(1, 100), this.reach(request));
      this.world.note(process, `${site}: ${answer.status} ${answer.body.length} bytes`);
      return answer;
    } catch (error) {
      this.world.note(process, `${site}: ${(error as Error).message}${error instanceof NetError && error.sent ? '' : ', not sent'}`);
      throw error;
    }
  }

  private async reach(request: NetRequest): Promise<NetAnswer> {
    const way = this.faults.hit('bank', 'bank call broken') ? this.faults.pick(['refused', 'silent', 'reset'] as const) : this.way;
    if (way !== 'open') this.faults.count(`bank ${way}`);
    if (way === 'refused') throw new NetError('connect ECONNREFUSED', false);
    if (way === 'open') return this.door.request(request);
    // It may have arrived, although nobody hears of it.
    if (this.dice.chance(0.3)) void this.door.request(request).catch(() => undefined);
    await this.world.sleep(way === 'silent' ? request.timeoutMs : this.dice.spread(1, 200));
    throw new NetError(way === 'silent' ? 'no answer in time' : 'connection reset', true);
  }
}
