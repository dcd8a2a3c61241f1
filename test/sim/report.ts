import { scenarioNames } from './dial.ts';
import type { Outcome } from './run.ts';

/** The figures of a run, and whether they are good enough. */
export class Report {
  payouts = 0;
  isBad = false;
  private readonly from = process.hrtime.bigint();
  private readonly failed: Outcome[] = [];
  private readonly counts = { seeds: 0, twice: 0, steps: 0, crashes: 0, hours: 0 };
  private readonly faults = new Map<string, number>();
  private readonly sites = new Map<string, { passed: number; crashed: number }>();
  private readonly seen = new Map<string, number>();
  private isDeterministic = true;

  add(outcome: Outcome): void {
    const { seed, payouts, steps, time, digest, violations, faults, crashes, sites, seen } = outcome;
    this.counts.seeds++;
    this.payouts += payouts;
    this.counts.steps += steps;
    this.counts.hours += time / 3_600_000;
    for (const [name, count] of faults) this.faults.set(name, (this.faults.get(name) ?? 0) + count);
    for (const [name, count] of seen) this.seen.set(name, (this.seen.get(name) ?? 0) + count);
    for (const [site, passed] of sites) this.site(site).passed += passed;
    for (const [site, crashed] of crashes) {
      this.site(site).crashed += crashed;
      this.counts.crashes += crashed;
    }
    const died = [...crashes.values()].reduce((sum, count) => sum + count, 0);
    say(
      `seed ${seed}: ${payouts} payouts, ${steps} steps, ${(time / 3_600_000).toFixed(1)} h, ${died} crashes, ${digest}${violations.length > 0 ? `, ${violations.length} VIOLATIONS` : ''}`,
    );
    if (violations.length > 0) this.fail(outcome);
  }

  /** The same seed, run twice: the same happened, to the last byte. */
  compare(first: Outcome, second: Outcome): void {
    this.counts.twice++;
    if (first.digest === second.digest) return;
    this.isDeterministic = false;
    this.isBad = true;
    say(
      `seed ${first.seed} is not deterministic: ${first.steps} steps and ${first.digest}, then ${second.steps} and ${second.digest}; --lines 1000000 keeps all of both traces`,
    );
    const at = first.trace.findIndex((line, i) => line !== second.trace[i]);
    for (const [name, { trace }] of [
      ['first', first],
      ['then', second],
    ] as const)
      for (const line of trace.slice(Math.max(0, at - 10), at + 3)) say(`  ${name}  ${line}`);
  }

  private site(name: string): { passed: number; crashed: number } {
    let site = this.sites.get(name);
    if (!site) this.sites.set(name, (site = { passed: 0, crashed: 0 }));
    return site;
  }

  private fail(outcome: Outcome): void {
    this.isBad = true;
    this.failed.push(outcome);
    say(`\nseed ${outcome.seed}, step ${outcome.violations[0]?.step}: the last lines of the trace`);
    for (const line of outcome.trace) say(`  ${line.length > 400 ? `${line.slice(0, 400)} …` : line}`);
    for (const { rule, what } of outcome.violations) say(`\n${rule}: ${what}`);
    say(`\nRun it again: npm run sim -- --seed ${outcome.seed}\nKeep it: add ${outcome.seed} to test/sim/regressions.txt\n`);
  }

  /** @param isFull the run is as long as it must be to have seen everything @returns whether all is well */
  print({ isFull }: { isFull: boolean }): boolean {
    const crashed = [...this.sites.values()].filter((site) => site.crashed > 0).length;
    table('Faults', this.faults);
    table('Seen', this.seen);
    const missed = [...this.sites].filter(([, site]) => site.crashed === 0).map(([name]) => name);
    say(`\nAwaits of ports that were passed: ${this.sites.size}; crashed at: ${crashed}${missed.length > 0 ? `; never at: ${missed.join(', ')}` : ''}`);
    const wants = isFull && !this.isBad ? this.missing(crashed) : [];
    for (const want of wants) say(`never seen: ${want}`);
    const seconds = Number(process.hrtime.bigint() - this.from) / 1e9;
    const { seeds, twice, steps, hours, crashes } = this.counts;
    const faults = [...this.faults].filter(([name]) => name !== 'books checked').reduce((sum, [, count]) => sum + count, 0);
    process.stdout.write(
      `${JSON.stringify({ harness: 'sim', seeds, payouts: this.payouts, steps, crashes, sites: crashed, sitesPassed: this.sites.size, faults, faultClasses: this.faults.size, seen: this.seen.size, neverSeen: wants.length, booksChecked: this.faults.get('books checked') ?? 0, simulatedHours: Math.round(hours), seedsRunTwice: twice, violations: this.failed.reduce((sum, { violations }) => sum + violations.length, 0), failedSeeds: this.failed.map(({ seed }) => seed), deterministic: this.isDeterministic, seconds: Math.round(seconds) })}\n`,
    );
    return !this.isBad && wants.length === 0;
  }

  /** What a run of full size has to have seen at least once. */
  private missing(crashed: number): string[] {
    const has = (name: string) => [...this.seen.keys()].some((one) => one === name || one.startsWith(`${name} →`));
    return [
      ...scenarioNames()
        .filter((name) => !has(name))
        .map((name) => `scenario ${name}`),
      ...SEEN.filter((name) => !has(name)),
      ...FAULTS.filter((name) => !this.faults.has(name)).map((name) => `fault: ${name}`),
      ...(crashed < 90 ? [`crashes at 90 awaits or more, only at ${crashed}`] : []),
    ];
  }
}

const SEEN = [
  ...[
    'payout settled',
    'payout rejected 51',
    'payout rejected 61',
    'payout rejected 13',
    'payout rejected 54',
    'payout failed 91',
    'payout failed 96',
    'returned by the bank',
  ],
  ...['settled by call', 'settled by inquiry', 'settled by callback', 'rejected by call', 'rejected by inquiry', 'rejected by callback', 'failed by cancel'],
  ...['incident executed_after_refusal', 'incident declined_after_settlement', 'delivery delivered', 'delivery parked'],
  ...['answered again from memory', 'accepted, though nobody heard so', 'asked again until answered', 'open: pending at the bank'],
];
const FAULTS = [
  ...[
    'crash',
    'process frozen',
    'connection refused',
    'connection lost',
    'deadlock',
    'lock timeout',
    'commit not answered, done',
    'commit not answered, not done',
    'database restarted',
  ],
  ...[
    'request lost',
    'answer lost',
    'callback lost',
    'answer to callback lost',
    'bank call broken',
    'bank refused',
    'bank silent',
    'bank reset',
    'bank restarted',
  ],
  ...[
    'endpoint refused',
    'endpoint silent',
    'endpoint slow',
    'endpoint lost',
    'endpoint 410',
    'endpoint 429',
    'endpoint 500',
    'endpoint redirect',
    'endpoint enabled again',
    'key used for another body',
    'nonsense asked for',
  ],
];

const say = (line: string): void => void process.stderr.write(`${line}\n`);

function table(title: string, counts: Map<string, number>): void {
  say(`\n${title}`);
  for (const [name, count] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) say(`  ${String(count).padStart(7)}  ${name}`);
}
