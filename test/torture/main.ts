/**
 * main.ts: `npm run torture -- --minutes M --seed N`. The whole platform as processes, over a real PostgreSQL; clients that write down every intent before they ask; a kill or a
 * freeze every one to three seconds. Then faults stop, everything is given two minutes to arrive, and what all sides have written down is compared.
 */
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { root } from '../../src/root.ts';
import { Asker, Client, Common } from './clients.ts';
import { Dice } from './dice.ts';
import { Faults } from './faults.ts';
import { Findings } from './findings.ts';
import { Journal } from './journal.ts';
import { type BankFigures, judgeBank } from './judge-bank.ts';
import { type BookFigures, judgeBooks } from './judge-books.ts';
import { type ClientFigures, judgeClients, readSaid } from './judge-clients.ts';
import { judgeWebhooks, type WebhookFigures } from './judge-webhooks.ts';
import { gather } from './judge.ts';
import { wantedScenarios } from './mix.ts';
import { Platform } from './platform.ts';
import { clear, openFolder } from './processes.ts';
import { type Quiet, clearUp, hurry, prove, untilQuiet } from './quiet.ts';
import { Receiver } from './receiver.ts';
import { Watch } from './watch.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    clients: { type: 'string', default: '16' },
    apis: { type: 'string', default: '2' },
    workers: { type: 'string', default: '2' },
    keep: { type: 'boolean', default: false },
    'stop-early': { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const { seed } = values;
const DRAIN_MS = 120_000;
/** For what is late, once the platform's clock has been moved. */
const HURRIED_MS = 45_000;
const MOST_MOVES = 3;
const FUNDS = { wide: { KZT: 5_000_000_00, USD: 100_000_00, JPY: 90_000_000 }, narrow: { KZT: 9_000_00 } };
const CHECK_EVERY_MS = 8_000;

const note = (line: string): void => void process.stderr.write(`${line}\n`);
const began = performance.now();
const clock = (): string => `${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s`;

const folder = openFolder();
const journals = join(folder, 'journals');
process.once('exit', () => (values.keep ? note(`kept: ${folder}`) : clear(folder)));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    note('\nStopped: all that was started is being ended.');
    process.exit(130); // the exit handler ends what runs and removes the folder
  });
}

const dice = new Dice(seed);
const platform = await Platform.open(folder, { apis: Number(values.apis), workers: Number(values.workers) });
/** With --stop-early the first violation ends the run: whoever planted a bug needs no second one. */
const first = new AbortController();
const findings = new Findings(() => first.abort());
const common = new Common();
const watch = new Watch(platform.database, findings);
const faultJournal = new Journal(join(journals, 'faults.ndjson'));
const faults = new Faults(platform, faultJournal, dice.of('faults'));
const receiver = new Receiver(new Journal(join(journals, 'receiver.ndjson')), dice.of('receiver'), (endpoint, body) => heard(endpoint.merchant, body));
const asker = (name: string): ConstructorParameters<typeof Asker>[0] => ({
  platform,
  common,
  findings,
  journal: new Journal(join(journals, `client-${name}.ndjson`)),
  dice: dice.of(`client ${name}`),
});
const reader = new Asker(asker('reader'));

const early = new Promise<undefined>((resolve) => values['stop-early'] && first.signal.addEventListener('abort', () => resolve(undefined)));
try {
  process.exitCode = (await Promise.race([torture(), early])) ?? shortReport();
} catch (error) {
  if (!values['stop-early'] || !first.signal.aborted) findings.wrong('harness', (error as Error).stack ?? String(error));
  process.exitCode = shortReport();
} finally {
  await platform.stop('SIGKILL').catch(() => undefined);
  process.exit(); // what was left in the middle keeps nothing alive
}

async function torture(): Promise<number> {
  note(`torture, seed ${seed}, ${minutes} minutes: ${values.apis} API, ${values.workers} worker, ${values.clients} clients, in ${folder}`);
  await receiver.listen();
  await platform.start();
  await platform.furnish(receiver, FUNDS);
  note(`${clock()}  everything runs, faults begin`);
  await harm();
  note(`${clock()}  faults have stopped; what is on its way arrives`);
  await platform.untilUp();
  const closing = new Asker(asker('zz-closing'));
  const drainBegan = performance.now();
  await clearUp(closing, common, dice.of('closing'));
  let quiet = await untilQuiet(platform, DRAIN_MS - (performance.now() - drainBegan));
  let late = 0;
  // A processor that turns a payout away is asked and sent to again; one that was unlucky in all else needs the clock moved for each.
  for (let moves = 0; quiet.left.length > 0 && moves < MOST_MOVES; moves++) {
    late = Math.max(late, await hurry(platform, findings));
    quiet = { ...(await untilQuiet(platform, HURRIED_MS)), seconds: DRAIN_MS / 1000 };
  }
  note(`${clock()}  quiet after ${quiet.seconds} s${quiet.left.length > 0 ? `, but for ${quiet.left.length}` : ''}; judging`);
  await prove(closing, common, dice.of('proof'), 4_000);
  for (const left of quiet.left) findings.wrong('INV-32', `${DRAIN_MS / 1000} s after the last fault, and after the clock was moved: ${left}`);
  await watch.look();
  return report(quiet, { ...(await judged()), late });
}

/** Clients, faults and the rules of the books, all at once, for as long as was asked. */
async function harm(): Promise<void> {
  const end = AbortSignal.timeout(minutes * 60_000);
  const [wide, narrow] = platform.merchants;
  if (!wide || !narrow) throw new Error('the merchants are there');
  const ofNarrow = Math.max(1, Math.floor(Number(values.clients) / 4));
  const clients = Array.from({ length: Number(values.clients) }, (_, i) => {
    const isNarrow = i < ofNarrow;
    return new Client(asker(String(i).padStart(2, '0')), isNarrow ? narrow : wide, isNarrow ? i : i - ofNarrow);
  });
  await Promise.all([...clients.map((client) => client.run(end)), faults.run(end), look(end), progress(end)]);
}

async function look(end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    await sleep(CHECK_EVERY_MS, undefined, { signal: end }).catch(() => {});
    if (!end.aborted && platform.database.isUp) await watch.look();
  }
}

async function progress(end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    await sleep(15_000, undefined, { signal: end }).catch(() => {});
    note(
      `${clock()}  ${common.operations} operations, ${common.lost} without an answer, ${faults.kills} kills, ${receiver.received} webhooks, ${findings.violations} violations`,
    );
  }
}

/** INV-61: whoever is told of a state and looks finds it, or a later one. */
function heard(merchantName: string, body: string): void {
  const { name, data } = JSON.parse(body) as { name: string; data: { id: string; status: string; type: string } };
  const merchant = platform.merchants.find((one) => one.name === merchantName);
  if (merchant && name.startsWith('transaction.') && data.type === 'unknown' && dice.chance(0.02)) void reader.read(merchant, data.id, data.status);
}

interface Judged {
  bank: BankFigures;
  books: BookFigures;
  clients: ClientFigures;
  webhooks: WebhookFigures;
  payouts: number;
  /** unknown two minutes after the last fault, and listed so */
  late: number;
}

async function judged(): Promise<Omit<Judged, 'late'>> {
  const evidence = await gather(platform, findings);
  const said = readSaid(journals);
  for (const [merchant, funds] of Object.entries(FUNDS))
    for (const [currency, amount] of Object.entries(funds))
      said.toppedUp.set(`${merchant} ${currency}`, (said.toppedUp.get(`${merchant} ${currency}`) ?? 0n) + BigInt(amount));
  const bank = judgeBank(evidence);
  const clients = await judgeClients(evidence, said);
  const webhooks = await judgeWebhooks(evidence, journals, platform.endpoints);
  const books = await judgeBooks(evidence, said.toppedUp);
  const resent = Math.max(3, evidence.payouts.length / 500);
  findings.check(
    'INV-38',
    bank.sentAgain <= resent,
    () => `${bank.sentAgain} times a reference was sent again without the bank having been asked; ${resent} may be chance`,
  );
  findings.check('M3', receiver.trapped === 0, () => `${receiver.trapped} redirects were followed`);
  for (const part of platform.parts) for (const crash of part.crashes) findings.wrong('INV-91', `${part.name} ended by itself (${crash})`);
  return { bank, clients, webhooks, books, payouts: evidence.payouts.length };
}

/** A run that saw too little proves nothing: it fails, too. */
function enough({ bank, clients, webhooks, books, payouts, late }: Judged): void {
  findings.check('INV-32', late <= Math.max(10, payouts / 50), () => `${late} payouts were late`);
  const least = (what: string, found: number, wanted: number) =>
    findings.check('enough', found >= wanted, () => `${what}: ${found}, and at least ${wanted} are wanted`);
  least('kills', faults.kills, Math.floor(10 * minutes));
  least('operations', common.operations, Math.floor(333 * minutes));
  least('unknown answers', clients.unknown, 1);
  least('looks at the rules during the run', watch.looks, Math.max(1, Math.floor(1.5 * minutes)));
  least('webhooks', webhooks.receipts, Math.floor(100 * minutes));
  least('settled payouts', books.settled, Math.floor(100 * minutes));
  if (minutes < 2) return;
  least('unknown answers that had been done', clients.done, 1);
  least('unknown answers that had not been done', clients.notDone, 1);
  for (const what of ['api', 'worker', 'bank', 'database', 'backend']) least(`kills of ${what}`, faults.killed.get(what) ?? 0, 1);
  least('failed payouts', books.failed, 1);
  least('rejected payouts', books.rejected, 1);
  least('returns', books.returns, 1);
  least('answers given again', clients.replayed, 10);
  least('keys with another body', clients.conflicts, 10);
  least('scenarios of the bank', bank.scenarios, Math.floor(wantedScenarios.length * 0.8));
}

function report(quiet: Quiet, found: Judged): number {
  enough(found);
  const { bank, clients, webhooks, books, payouts, late } = found;
  const { violations } = findings;
  const kills = Object.fromEntries([...faults.killed].sort());
  const say = (what: string, figure: unknown) => process.stdout.write(`${what.padEnd(44)} ${String(figure)}\n`);
  say(
    'faults',
    [...faults.happened]
      .sort()
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', '),
  );
  say(
    'kill -9',
    `${faults.kills} (${Object.entries(kills)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ')})`,
  );
  say('operations', `${common.operations}, of them reads ${common.reads}; without an answer ${common.lost}`);
  say('payouts', `${payouts}: settled ${books.settled}, rejected ${books.rejected}, failed ${books.failed}, unknown ${books.unknown}; late ${late}`);
  say('keys with an unknown answer', `${clients.unknown}: had been done ${clients.done}, had not ${clients.notDone}`);
  say('answers given again, conflicts, refusals', `${clients.replayed}, ${clients.conflicts}, ${clients.refused}`);
  say(
    'executed by the bank',
    `${bank.executed}, in ${bank.scenarios} scenarios; sent again without need ${bank.sentAgain}; its lies believed ${bank.deceived}`,
  );
  say('returns, incidents', `${books.returns}, ${books.incidents}`);
  say('webhooks', `${webhooks.receipts}, repeated after a good answer ${webhooks.repeated}, asked for again ${quiet.asked}`);
  say('looks at all rules during the run', `${watch.looks} (${watch.cutShort} cut short)`);
  say('quiet after the last fault', `${quiet.seconds} s`);
  say(
    'single checks',
    [...findings.checked.values()].reduce((sum, count) => sum + count, 0),
  );
  if (violations > 0) tellViolations();
  const line = {
    ...{
      harness: 'torture',
      seed,
      minutes,
      kills: faults.kills,
      killed: kills,
      freezes: count('freeze'),
      faults: [...faults.happened.values()].reduce((sum, count) => sum + count, 0),
    },
    ...{
      operations: common.operations,
      lost: common.lost,
      payouts,
      settled: books.settled,
      rejected: books.rejected,
      failed: books.failed,
      unknown: books.unknown,
      late,
    },
    ...{ unknownAnswers: clients.unknown, unknownDone: clients.done, unknownNotDone: clients.notDone, executed: bank.executed, executedTwice: bank.twice },
    ...{
      deceived: bank.deceived,
      webhooks: webhooks.receipts,
      webhooksRepeated: webhooks.repeated,
      looks: watch.looks,
      drainSeconds: quiet.seconds,
      checks: [...findings.checked.values()].reduce((sum, count) => sum + count, 0),
    },
    ...{ seconds: Math.round((performance.now() - began) / 1000), violations, ok: violations === 0 },
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return violations > 0 ? 1 : 0;
}

function tellViolations(): void {
  for (const { rule, detail } of findings.all) process.stdout.write(`VIOLATION ${rule}: ${detail.slice(0, 1_000)}\n`);
  process.stdout.write(`${keep()}\n`);
}

/** Of a run that did not come to its end. */
function shortReport(): number {
  tellViolations();
  process.stdout.write(
    `${JSON.stringify({ harness: 'torture', seed, minutes, kills: faults.kills, operations: common.operations, violations: findings.violations, ok: false })}\n`,
  );
  return 1;
}

function count(word: string): number {
  return [...faults.happened].filter(([kind]) => kind.startsWith(word)).reduce((sum, [, times]) => sum + times, 0);
}

/** Keeps what a person needs to find out: journals, logs, the bank's journal, and the findings. */
function keep(): string {
  const kept = join('test', 'output', `torture-${seed}-${process.pid}`);
  mkdirSync(join(root, kept), { recursive: true });
  for (const name of ['journals', 'logs', 'bank']) if (existsSync(join(folder, name))) cpSync(join(folder, name), join(root, kept, name), { recursive: true });
  writeFileSync(join(root, kept, 'findings.json'), JSON.stringify({ seed, minutes, findings: findings.all, rules: findings.byRule() }, null, 2));
  return `Journals, logs and findings are in ${kept}`;
}
