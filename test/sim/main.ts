/** Harness S: the whole server in one process, on a virtual clock, with the seed's faults. `npm run sim -- --seed N --payouts M` */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Config, readConfig } from '../../src/config.ts';
import { root } from '../../src/root.ts';
import { Front } from './front.ts';
import { Report } from './report.ts';
import { type Outcome, runSeed } from './run.ts';
import { Store } from './store.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    payouts: { type: 'string' },
    /** every seed twice, instead of some */
    twice: { type: 'boolean', default: false },
    /** lines of the trace that are kept, to be shown when something is wrong */
    lines: { type: 'string', default: '40' },
    /** shows them in any case */
    trace: { type: 'boolean', default: false },
  },
});

const config: Config = readConfig({
  ...{ PUBLIC_URL: 'http://tolem.example', PROCESSOR_URL: 'http://bank.example', PROCESSOR_TIMEOUT_MS: '5000' },
  ...{ PROCESSOR_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`, MASTER_KEY: Buffer.alloc(32, 1).toString('base64'), LOG_LEVEL: 'silent' },
});

/** Seeds that once found something; they are run first, for ever. */
const regressions = readFileSync(join(root, 'test', 'sim', 'regressions.txt'), 'utf8')
  .split('\n')
  .map((line) => line.replace(/#.*/, '').trim())
  .filter((line) => line !== '')
  .map(Number);

const first = Number(values.seed ?? 1);
const wanted = Number(values.payouts ?? (values.seed === undefined ? 2_400 : 1));
const EVERY = 8; // of so many seeds one is run twice

const report = new Report();
let stray: unknown;
process.on('unhandledRejection', (reason) => (stray = reason));

const store = await Store.open();
const fronts = [await Front.build(config), await Front.build(config)];

async function play(seed: number, twice: boolean): Promise<void> {
  const run = async (): Promise<Outcome> => {
    stray = undefined;
    const outcome = await runSeed(seed, store, fronts, config, Number(values.lines));
    if (stray !== undefined)
      outcome.violations.push({
        rule: 'INV-91',
        what: `a promise was rejected and nobody noticed: ${stray instanceof Error ? stray.stack : String(stray)}`,
        step: outcome.steps,
      });
    return outcome;
  };
  const outcome = await run();
  report.add(outcome);
  if (values.trace) for (const line of outcome.trace) process.stdout.write(`${line}\n`);
  if (twice && outcome.violations.length === 0) report.compare(outcome, await run());
}

const seeds = values.seed === undefined ? regressions : [];
for (const seed of seeds) await play(seed, false);
for (let seed = first; report.payouts < wanted && !report.isBad; seed++) await play(seed, values.twice || (seed - first) % EVERY === 0);
await store.close();
process.exitCode = report.print({ isFull: wanted >= 2_000 }) ? 0 : 1;
