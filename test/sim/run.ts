import type { Config } from '../../src/config.ts';
import { openMerchant } from '../../src/merchants/open.ts';
import { Sealer } from '../../src/sealing.ts';
import { SimulatedBank } from './bank.ts';
import { Server } from './database.ts';
import { Dice } from './dice.ts';
import { Faults } from './faults.ts';
import { Fleet } from './fleet.ts';
import type { Front } from './front.ts';
import { Judge } from './judge.ts';
import { Merchant } from './merchant.ts';
import { drawPlan, drawTerms, type Plan } from './plan.ts';
import type { Process } from './process.ts';
import { Receivers, WEATHERS } from './receivers.ts';
import type { Store } from './store.ts';
import { Verdict, type Violation } from './verdict.ts';
import { NEVER, World } from './world.ts';

export interface Outcome {
  seed: number;
  payouts: number;
  steps: number;
  /** simulated milliseconds */
  time: number;
  digest: string;
  trace: string[];
  violations: Violation[];
  faults: Map<string, number>;
  crashes: Map<string, number>;
  sites: Map<string, number>;
  /** what was seen, by name: scenario and final state, and the like */
  seen: Map<string, number>;
}

const hour = 3_600_000;
const STEPS_BETWEEN_CHECKS = 3_000;

/** All that one seed says, from an empty database to the last check. */
export async function runSeed(seed: number, store: Store, fronts: Front[], config: Config, keepLines = 40): Promise<Outcome> {
  store.reset();
  for (const front of fronts) front.renew();
  const dice = new Dice(`seed ${seed}`);
  const simulation = new Simulation(drawPlan(dice.of('plan')), dice, store, fronts, config, keepLines);
  await simulation.run();
  return simulation.outcome(seed);
}

class Simulation {
  private readonly plan: Plan;
  private readonly dice: Dice;
  private readonly world: World;
  private readonly faults: Faults;
  private readonly verdict: Verdict;
  private readonly server: Server;
  private readonly receivers: Receivers;
  private readonly fleet: Fleet;
  private readonly bank: SimulatedBank;
  private readonly merchants: Merchant[] = [];
  private readonly judge: Judge;
  private readonly config: Config;

  constructor(plan: Plan, dice: Dice, store: Store, fronts: Front[], config: Config, keepLines: number) {
    this.plan = plan;
    this.dice = dice;
    this.config = { ...config, groupSize: plan.groupSize };
    this.world = new World(dice.of('world'), keepLines);
    this.faults = new Faults(plan.rates, dice.of('faults'));
    this.verdict = new Verdict(this.world);
    this.server = new Server(store, this.world, this.faults, dice.of('server'));
    this.receivers = new Receivers(this.world, this.faults, dice.of('receivers'), this.verdict);
    this.fleet = new Fleet({
      ...{
        config: this.config,
        world: this.world,
        faults: this.faults,
        dice: dice.of('fleet'),
        server: this.server,
        fronts,
        workers: plan.workers,
        skewMs: plan.skewMs,
      },
      bank: () => this.bank,
      webhooksOf: (process) => this.receivers.linkOf(process),
      log: (process, level, fields, message) => this.judge.heardLog(process, level, fields, message),
    });
    this.bank = new SimulatedBank(
      { ...plan.dial, secret: config.processorSecret, callbackUrl: `${config.publicUrl}/callbacks/processor` },
      this.fleet.net,
      this.world,
      this.faults,
      dice.of('bank'),
    );
    this.judge = new Judge({
      world: this.world,
      server: this.server,
      bank: this.bank,
      faults: this.faults,
      verdict: this.verdict,
      merchants: this.merchants,
      receivers: this.receivers,
      plan,
      config,
    });
  }

  async run(): Promise<void> {
    const { world, verdict, judge } = this;
    let checkedAt = 0;
    world.dueAt = (kind, owner) => judge.dueAt(kind, owner as Process);
    world.between = () => {
      if (world.steps - checkedAt < STEPS_BETWEEN_CHECKS || !this.server.isQuiet) return;
      checkedAt = world.steps;
      judge.checkBooks();
    };
    let isReady = false;
    void this.prepare().then(
      () => (isReady = true),
      (error: Error) => verdict.wrong('model', `the preparation failed: ${error.stack}`),
    );
    if (!(await this.go(() => isReady, hour))) return verdict.wrong('model', 'the preparation did not end');
    if (verdict.isBad) return;

    this.faults.on = true;
    this.disturb();
    this.ask();
    await this.go(() => false, world.time + this.plan.span);
    await this.go(() => this.merchants.every(({ busy }) => busy === 0), world.time + this.dice.spread(1_000, 2 * hour));
    if (verdict.isBad) return;
    await this.calmDown();
    if (verdict.isBad) return;
    await this.finish();
  }

  outcome(seed: number): Outcome {
    const { world, faults, judge, verdict } = this;
    this.fleet.stopped = true;
    for (const { process } of this.fleet.slots) process?.kill('the end');
    return {
      ...{
        seed,
        payouts: judge.payouts,
        steps: world.steps,
        time: world.time,
        digest: world.trace.digest(),
        trace: world.trace.last(),
        violations: verdict.violations,
      },
      ...{ faults: faults.counts, crashes: faults.crashes, sites: faults.passed, seen: judge.seen },
    };
  }

  /** Goes on until something is done, a moment has come, or something is wrong. */
  private go(done: () => boolean, until: number): Promise<boolean> {
    return this.world.run(() => this.verdict.isBad || done(), until);
  }

  /** Merchants with money, cards and endpoints, in a world without faults. */
  private async prepare(): Promise<void> {
    const { dice, world, fleet } = this;
    await this.bank.open();
    fleet.start();
    while (!fleet.isUp) await world.sleep(1);
    for (let i = 0; i < this.plan.merchants; i++) {
      const { db, ids, random } = fleet.house();
      const account = await openMerchant(db, ids, new Sealer(this.config.masterKey, 'webhooks', random), {
        name: `shop ${i + 1}`,
        mode: 'test',
        now: world.date(),
      });
      const own = dice.of(`merchant ${i}`);
      const merchant = new Merchant(account, { world, fleet, faults: this.faults, dice: own, verdict: this.verdict });
      this.merchants.push(merchant);
      for (const terms of drawTerms(own)) {
        await merchant.setTerms(terms);
        await merchant.topUp(terms.currency, BigInt(Math.round(own.spread(50_000, 500_000_000))));
      }
      await this.openEndpoints(merchant, own);
      for (const pan of own.shuffled(PANS).slice(0, own.int(1, 3))) await merchant.saveCard(pan, own.chance(0.2) ? [2, 2026] : [12, 2031]);
    }
  }

  private async openEndpoints(merchant: Merchant, dice: Dice): Promise<void> {
    for (let n = dice.pick([1, 1, 1, 2, 3]); n > 0; n--) {
      const url = `https://hooks.example/${merchant.account.merchantId}/${n}`;
      const answer = await merchant.insist('POST', '/v1/webhook-endpoints', JSON.stringify({ url, legacyWrappedIds: dice.chance(0.2) }), `endpoint-${n}`);
      const { id, secret } = JSON.parse(answer?.text ?? '{}') as { id: string; secret: string };
      const weather = Array.from({ length: dice.int(0, 3) }, () => {
        const from = dice.fraction() * this.plan.span;
        return { from, to: from + dice.spread(1_000, 2 * hour), kind: dice.weighed(WEATHERS) };
      });
      const receiver = {
        url,
        id,
        merchantId: merchant.account.merchantId,
        secrets: [secret],
        webhookToken: merchant.account.webhookToken,
        receipts: [],
        weather,
        wasGone: false,
        isDead: this.plan.deadEndpoints && this.receivers.all.size === 0,
      };
      merchant.receivers.push(receiver);
      this.receivers.add(receiver);
    }
  }

  /** What befalls everybody: the bank away, the database restarted, processes that stand still. */
  private disturb(): void {
    const { plan, world, bank, server, faults, fleet } = this;
    for (const { at, ms, way } of plan.bankOutages) {
      world.after(at, undefined, () => {
        if (!faults.on) return;
        world.note(undefined, `the bank is away (${way}), ${ms} ms`);
        bank.way = way;
        world.after(ms, undefined, () => (bank.way = 'open'));
      });
    }
    for (const at of plan.bankRestarts) world.after(at, undefined, () => void (faults.on && bank.restart()));
    for (const { at, ms } of plan.databaseRestarts) {
      world.after(at, undefined, () => {
        if (!faults.on) return;
        faults.count('database restarted');
        server.restart(ms);
      });
    }
    for (const { at, ms } of plan.freezes) {
      world.after(at, undefined, () => {
        const process = faults.on ? fleet.anybody() : undefined;
        if (process) fleet.freeze(process, ms);
      });
    }
    for (const at of plan.deployments) world.after(at, undefined, () => void (faults.on && fleet.drain()));
  }

  /** Sends the merchants on their errands. */
  private ask(): void {
    const { dice, plan, world } = this;
    for (let left = plan.payouts; left > 0;) {
      const merchant = dice.pick(this.merchants);
      const errand = new Errand(merchant, dice, world);
      const { payouts, run } = errand.draw();
      left -= payouts;
      world.after(dice.int(0, plan.span), undefined, () => merchant.errand(run));
    }
    this.shareKey();
    for (const merchant of this.merchants) {
      for (let i = dice.int(0, 3); i > 0; i--) world.after(dice.int(0, plan.span), undefined, () => merchant.errand(() => merchant.nonsense()));
      for (let i = dice.int(1, 4); i > 0; i--)
        world.after(dice.int(0, plan.span), undefined, () => merchant.errand(async () => void (await merchant.readFeed(dice.int(1, 100)))));
      for (let i = dice.int(0, 2); i > 0; i--) world.after(dice.int(0, plan.span), undefined, () => merchant.errand(() => merchant.tendEndpoints()));
    }
  }

  /** INV-42: merchants that happen to use the same key, at the same moment. */
  private shareKey(): void {
    const { dice, plan, world } = this;
    const [key, at] = [`shared-${dice.int(1, 1_000_000)}`, dice.int(0, plan.span)];
    for (const merchant of this.merchants) {
      const intent = merchant.intent({ amount: 1000n, currency: 'KZT', card: dice.pick(merchant.cards), key });
      world.after(at, undefined, () => merchant.errand(() => merchant.pay(intent)));
    }
  }

  /** From here on nothing fails any more; what is still open has to come to its end by itself. */
  private async calmDown(): Promise<void> {
    const { world, faults, bank, fleet, merchants, judge, verdict } = this;
    world.note(undefined, 'from here on without faults');
    faults.on = false;
    bank.way = 'open';
    for (const { receivers } of merchants) for (const receiver of receivers) receiver.weather = [];
    const from = world.time;
    if (!(await this.go(() => fleet.isUp && !this.server.isDown, from + 5 * 60_000)))
      return verdict.isBad ? undefined : verdict.wrong('INV-64', 'the platform is not up five minutes after the last fault');
    const probes = merchants.map((merchant) => merchant.insist('GET', '/v1/transactions?size=1'));
    let isAnswered = false;
    void Promise.all(probes).then(() => (isAnswered = true));
    if (!(await this.go(() => isAnswered, world.time + 10_000)))
      return verdict.isBad ? undefined : verdict.wrong('INV-64', 'a request is not answered ten seconds after all is well');
    if (!(await this.go(() => merchants.every(({ busy }) => busy === 0), from + 2 * hour)))
      return verdict.isBad ? undefined : verdict.wrong('INV-64', 'errands do not end after the last fault');
    for (const merchant of merchants) merchant.errand(() => merchant.tendEndpoints());

    const deadline = from + this.plan.dial.retentionSeconds * 1000 + 4 * hour;
    await this.settleBy(() => judge.openPayouts() === 0, deadline);
    if (verdict.isBad) return;
    judge.checkLiveness();
    await this.settleBy(() => judge.openDeliveries() === 0, world.time + (this.plan.deadEndpoints ? 100 : 30) * hour);
    if (!verdict.isBad) judge.checkDeliveries();
  }

  /** Looks from time to time whether something is so, as seldom as the time that is left allows. */
  private async settleBy(isSo: () => boolean, deadline: number): Promise<void> {
    const { world, server } = this;
    for (let look = 1_000; world.time < deadline && !this.verdict.isBad; look = Math.min(look * 1.5, hour)) {
      await this.go(() => false, Math.min(world.time + look, deadline));
      await this.go(() => server.isQuiet, world.time + 60_000);
      if (isSo()) return;
    }
  }

  /** What merchants can see, read through the API, against what they and the bank have written down. */
  private async finish(): Promise<void> {
    const { world, verdict, judge, merchants } = this;
    for (const merchant of merchants) {
      merchant.errand(async () => {
        while (await merchant.readFeed(100));
        for (const intent of merchant.intents) await merchant.lookUp(intent);
        for (const intent of merchant.intents.filter(({ key, accepted }) => key && accepted.length > 0).slice(0, 5)) await merchant.pay(intent);
        await judge.readLists(merchant);
      });
    }
    if (!(await this.go(() => merchants.every(({ busy }) => busy === 0), world.time + hour))) verdict.wrong('INV-64', 'the last reading did not end');
    await this.go(() => this.server.isQuiet, NEVER);
    if (verdict.isBad) return;
    judge.checkBooks();
    judge.checkEverything();
  }
}

const PANS = ['4111111111111111', '5555555555554444', '4242424242424242', '378282246310005', '4200000000000000'];

/** One thing that a merchant does, of the kinds that clients do. */
class Errand {
  private readonly merchant: Merchant;
  private readonly dice: Dice;
  private readonly world: World;

  constructor(merchant: Merchant, dice: Dice, world: World) {
    this.merchant = merchant;
    this.dice = dice;
    this.world = world;
  }

  draw(): { payouts: number; run(): Promise<void> } {
    const { dice } = this;
    return dice.weighed<() => { payouts: number; run(): Promise<void> }>([
      [10, () => this.one()],
      [3, () => this.twice()],
      [2, () => this.keyless()],
      [2, () => this.later()],
      [2, () => this.misused()],
      [2, () => this.rush()],
      [1, () => this.lastUnit()],
    ])();
  }

  private one() {
    const { merchant, dice } = this;
    const intent = this.intent();
    const looks = dice.chance(0.3);
    return {
      payouts: 1,
      run: async () => {
        await merchant.pay(intent);
        if (looks) await merchant.lookUp(intent);
      },
    };
  }

  /** Several requests with one key at once. */
  private twice() {
    const { merchant, dice } = this;
    const intent = this.intent();
    const copies = dice.int(2, 6);
    return { payouts: 1, run: async () => void (await Promise.all(Array.from({ length: copies }, () => merchant.pay(intent)))) };
  }

  private keyless() {
    const intent = this.intent(false);
    return { payouts: 1, run: () => this.merchant.pay(intent) };
  }

  /** The same request again, after a while. */
  private later() {
    const { merchant, dice, world } = this;
    const intent = this.intent();
    const after = dice.spread(100, hour);
    return {
      payouts: 1,
      run: async () => {
        await merchant.pay(intent);
        await world.sleep(after);
        await merchant.pay(intent);
      },
    };
  }

  private misused() {
    const { merchant } = this;
    const intent = this.intent();
    return {
      payouts: 1,
      run: async () => {
        await merchant.pay(intent);
        if (intent.accepted.length > 0) await merchant.misuse(intent);
      },
    };
  }

  /** Many at once. */
  private rush() {
    const { merchant, dice } = this;
    const intents = Array.from({ length: dice.int(4, 12) }, () => this.intent());
    return { payouts: intents.length, run: async () => void (await Promise.all(intents.map((intent) => merchant.pay(intent)))) };
  }

  /** More at once than the balance holds, to the last unit. */
  private lastUnit() {
    const { merchant, dice } = this;
    const currency = dice.pick(['GEL', 'UZS', 'TND', 'CLP']);
    const amount = BigInt(dice.pick([1, 100, 99_999]));
    const [fit, asked] = [dice.int(1, 4), dice.int(5, 8)];
    const card = dice.pick(merchant.cards);
    const intents = Array.from({ length: asked }, () => merchant.intent({ amount, currency, card }));
    return {
      payouts: asked,
      run: async () => {
        await merchant.topUp(currency, amount * BigInt(fit));
        await Promise.all(intents.map((intent) => merchant.pay(intent)));
      },
    };
  }

  private intent(isKeyed = true) {
    const { merchant, dice } = this;
    const terms = dice.pick([...merchant.terms.values()]);
    const usual = BigInt(Math.round(dice.spread(1, 2_000_000)));
    const edge = dice.pick([999_999_999_999_999n, terms.minAmount, terms.minAmount - 1n, terms.maxAmount ?? usual, (terms.maxAmount ?? usual) + 1n, 1n]);
    const amount = dice.chance(0.15) && edge > 0n ? edge : usual;
    return merchant.intent({ amount, currency: terms.currency, card: dice.pick(merchant.cards), ...(isKeyed ? {} : { key: null }) });
  }
}
