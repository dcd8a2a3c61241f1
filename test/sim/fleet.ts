import type { Config } from '../../src/config.ts';
import type { Log } from '../../src/log.ts';
import { type House, openHouse } from '../../src/main.ts';
import { type Net, NetError } from '../../src/ports.ts';
import { Worker } from '../../src/work/worker.ts';
import type { SimulatedBank } from './bank.ts';
import { type Server, SimulatedDb } from './database.ts';
import type { Dice } from './dice.ts';
import type { Faults } from './faults.ts';
import type { Front } from './front.ts';
import { Process, type Role } from './process.ts';
import type { World } from './world.ts';

export interface Answer {
  status: number;
  text: string;
  headers: Record<string, string>;
}

/** What a client gets: an answer, or none, in which case nobody knows. `refused`: nothing was sent at all. */
export type Heard = Answer | 'lost' | 'refused';

interface Slot {
  name: string;
  role: Role;
  front: Front | undefined;
  process: Process | undefined;
  house: House | undefined;
  incarnation: number;
  stopping: AbortController;
  /** ends when it was told to stop and has nothing in hand any more */
  working: Promise<unknown>;
}

export interface FleetParts {
  config: Config;
  world: World;
  faults: Faults;
  dice: Dice;
  server: Server;
  bank(): SimulatedBank;
  webhooksOf(process: Process): Net;
  fronts: Front[];
  workers: number;
  /** at most how far the clock of a machine is off */
  skewMs: number;
  log(process: Process, level: string, fields: Record<string, unknown>, message: string): void;
}

/** The platform's processes: some that serve, some that work, each started again when it dies. */
export class Fleet {
  readonly slots: Slot[];
  private readonly o: FleetParts;
  /** set when the seed has had its fill: nobody is started again */
  stopped = false;

  constructor(parts: FleetParts) {
    this.o = parts;
    const slot = (name: string, role: Role, front?: Front): Slot => ({
      name,
      role,
      front,
      process: undefined,
      house: undefined,
      incarnation: 0,
      stopping: new AbortController(),
      working: Promise.resolve(),
    });
    this.slots = [
      ...parts.fronts.map((front, i) => slot(`api-${i + 1}`, 'api', front)),
      ...Array.from({ length: parts.workers }, (_, i) => slot(`worker-${i + 1}`, 'worker')),
    ];
  }

  start(): void {
    for (const slot of this.slots) void this.boot(slot);
  }

  /** The house of a process that serves, for what has no route. */
  house(): House {
    const up = this.slots.find(({ role, house }) => role === 'api' && house);
    if (!up?.house) throw new Error('no API process is up');
    return up.house;
  }

  get isUp(): boolean {
    return this.slots.every(({ house, process }) => house && process?.alive && process.frozenUntil <= this.o.world.time);
  }

  /** One of those who live, by chance. */
  anybody(): Process | undefined {
    const living = this.slots.flatMap(({ process }) => (process?.alive ? [process] : []));
    return living.length > 0 ? this.o.dice.pick(living) : undefined;
  }

  /** Stands still for a while; transactions that it is in are ended by the database. */
  freeze(process: Process, ms: number): void {
    this.o.faults.count('process frozen');
    process.freeze(ms);
    this.o.server.leave(process, new Error('Client has encountered a connection error and is not queryable'));
  }

  /** Stopped as for a deployment: it takes nothing more, ends what it has in hand, and another takes its place. */
  async drain(): Promise<void> {
    const slot = this.o.dice.pick(this.slots);
    const { process, house } = slot;
    if (!process?.alive || !house) return;
    this.o.faults.count('process drained');
    this.o.world.note(process, 'is told to stop');
    slot.front?.stand(undefined);
    slot.house = undefined;
    slot.stopping.abort();
    await Promise.all([slot.working, house.payouts.accepted.idle(), house.sending.outcomes.idle(), house.webhooks.idle()]);
    process.kill('drained');
  }

  /** A request to one of the processes that serve. */
  async request(method: 'GET' | 'POST' | 'PATCH', url: string, headers: Record<string, string>, body?: string): Promise<Heard> {
    const up = this.slots.filter(({ role, house, process }) => role === 'api' && house && process?.alive);
    if (up.length === 0) return 'refused';
    const { front, process } = this.o.dice.pick(up) as { front: Front; process: Process };
    return new Promise((resolve) => {
      process.onEnd(() => resolve('lost'));
      process.pass(`http ${method} ${routeOf(url)}`, this.o.dice.spread(0.1, 3), () => {
        void front.request(method, url, headers, body).then((answer) => process.pass(`http answer ${method} ${routeOf(url)}`, 0.1, () => resolve(answer)));
      });
    });
  }

  /** The network from outside to the API, as the bank's callbacks take it. */
  readonly net: Net = {
    request: async ({ method, url, headers, body }) => {
      const { faults, world, dice } = this.o;
      await world.sleep(dice.spread(1, 100));
      if (faults.hit('callback', 'callback lost')) throw new NetError('connection reset', true);
      const heard = await this.request(method, new URL(url).pathname, headers, body?.toString());
      if (typeof heard === 'string') throw new NetError(heard, heard === 'lost');
      if (faults.hit('callback', 'answer to callback lost')) throw new NetError('connection reset', true);
      return { status: heard.status, headers: heard.headers, body: Buffer.from(heard.text), truncated: false };
    },
  };

  private async boot(slot: Slot): Promise<void> {
    const { world, faults, dice, server } = this.o;
    const name = `${slot.name}.${++slot.incarnation}`;
    const skewMs = faults.on ? Math.round((dice.fraction() * 2 - 1) * this.o.skewMs) : 0;
    const process = new Process(name, slot.role, skewMs, world, faults);
    slot.process = process;
    process.onEnd(() => {
      server.leave(process, new Error('the process died'));
      slot.front?.stand(undefined);
      slot.house = undefined;
      if (!this.stopped) world.after(dice.spread(20, 20_000), undefined, () => void this.boot(slot));
    });
    world.note(process, `starts, its clock ${skewMs} ms ahead`);
    const house = this.open(process);
    try {
      await house.vault.check();
    } catch (error) {
      return process.kill(`start: ${(error as Error).message}`); // the supervisor tries again
    }
    slot.house = house;
    slot.front?.stand(house);
    if (slot.role === 'worker') this.work(process, slot, house);
    world.note(process, 'is up');
  }

  private open(process: Process): House {
    const { world, faults, dice, server, bank, webhooksOf, config } = this.o;
    const own = dice.of(process.name);
    const db = (role: 'tolem_app' | 'tolem_vault') => new SimulatedDb(server, process, role, world, faults, own.of(role));
    const log = Object.fromEntries(
      (['info', 'warn', 'error'] as const).map((level) => [
        level,
        (fields: Record<string, unknown>, message: string) => this.o.log(process, level, fields, message),
      ]),
    ) as unknown as Log;
    return openHouse(
      config,
      {
        clock: process.clock(),
        random: own.of('random'),
        net: bank().linkOf(process),
        webhookNet: webhooksOf(process),
        db: db('tolem_app'),
        vaultDb: db('tolem_vault'),
      },
      log,
      { grouping: { turn: (next) => world.after(0.02, process, next), gatherMs: 0 } },
    );
  }

  private work(process: Process, slot: Slot, { db, log, sending, webhooks }: House): void {
    slot.stopping = new AbortController();
    sending.telling = (merchantId, work) => webhooks.deliverer.telling(merchantId, work);
    const loops = [sending.queue, webhooks.queue].map((queue) =>
      new Worker([queue], { db, log, clock: process.lookingClock(queue.name, () => this.o.server.changes), capacity: 64, idleMs: IDLE_MS }).run(
        slot.stopping.signal,
      ),
    );
    slot.working = Promise.all(loops);
  }
}

/** Long, since a look that finds nothing it may take costs a run as much as one that does. */
const IDLE_MS = 2_000;

const routeOf = (url: string): string =>
  (url.split('?')[0] as string).replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id').replace(/by-order-reference\/.*/, 'by-order-reference/ref');
