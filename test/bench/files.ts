import { fork } from 'node:child_process';
import { createWriteStream, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { BankFolder } from '../../src/bankfiles/folder.ts';
import { nodeFlags } from '../../src/cli/flags.ts';
import { readConfig, sandboxBank } from '../../src/config.ts';
import { entryOfPayment, writeCamt053 } from '../../src/connectors/iso20022/answers.ts';
import { type CreditTransfer, writePain001 } from '../../src/connectors/iso20022/pain001.ts';
import { storeDistributions } from '../../src/distributions/distribution.ts';
import { processorReference } from '../../src/ids.ts';
import { createLog } from '../../src/log.ts';
import { type House, openHouse, openPorts } from '../../src/main.ts';
import { theMerchant } from '../../src/merchants/merchants.ts';
import type { Platform, Rig } from './platform.ts';

/** What one process did alone. */
export interface Work {
  seconds: number;
  cpuSeconds: number;
  /** of that, what matching took */
  matchingSeconds?: number;
  /** the most that it ever had */
  rssMb: number;
}
export interface Statement extends Work {
  lines: number;
  bytesPerLine: number;
  perSecond: number;
  /** of the reading process: what one core would do that nobody else uses, beside the database on another */
  perCpuSecond: number;
  /** the same of matching and storing alone, without the reading of the file */
  matchedPerCpuSecond: number;
}
type Task = { kind: 'write'; folder: string; payments: number } | { kind: 'read'; env: Record<string, string>; from: string; to: string };

const recipient = { name: 'ТОО «Кредит & Партнёр»', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX' };
const account = { ...recipient, name: 'Tolem Bench Operator' };
const payment = { amount: 100_05n, currency: 'KZT', creditor: recipient, kbe: '17', knp: '119', purpose: 'Оплата по договору № 859 от 5 марта' };
const [ON, CHUNK, WARM] = ['2026-03-05', 5_000, 5_000];

/** Files of a bank, written and read, each in a process of its own: what memory it takes is of this work alone. */
export class FilesBench {
  private readonly env: Record<string, string>;
  private readonly folder: string;
  private statements = 0;

  constructor(platform: Platform, database: string) {
    this.folder = sandboxBank(join(platform.folder, 'data')).BANK_DIR;
    const bank = { BANK_DIR: this.folder, BANK_ACCOUNT: JSON.stringify(account), BANK_BATCH_SECONDS: '0', BANK_SETTLE_MS: '0' };
    this.env = platform.environment(database, { ...bank, POOL_SIZE: '4' });
  }

  /** A pain.001: from a stream of payments to a file on the disk. */
  pain001(payments: number): Promise<Work> {
    return alone({ kind: 'write', folder: this.folder, payments });
  }

  /** A camt.053 that closes nothing: every second line is of a payment that is closed already, as by a pain.002, the others are strangers'. */
  known(rig: Rig, count: number): Promise<Statement> {
    return this.withHouse(async (house) => {
      const ours = await closedPayments(house, rig.merchantId, count / 2);
      return this.statement(Array.from({ length: count }, (_, n) => (n % 2 ? (ours[n >> 1] as string) : stranger(n))));
    });
  }

  /** A camt.053 of which each line closes a payment. */
  settled(rig: Rig, count: number): Promise<Statement> {
    return this.withHouse(async (house) => this.statement(await sentPayments(house, rig.merchantId, count, this.folder)));
  }

  /** Puts a statement with a line for each of these references into the inbox, and has it read. */
  private async statement(references: string[]): Promise<Statement> {
    const id = `S${++this.statements}`;
    const [from, to] = [join(this.folder, `${id}.waiting`), join(this.folder, 'inbox', `${id}.xml`)];
    await pipeline(Readable.from(statementOf(id, references)), createWriteStream(from));
    const bytesPerLine = Math.round(statSync(from).size / references.length);
    const warm = Array.from({ length: WARM }, (_, n) => stranger(n));
    await pipeline(Readable.from(statementOf(`${id}-warm`, warm)), createWriteStream(join(this.folder, 'inbox', `${id}-warm.xml`)));
    const work = await alone({ kind: 'read', env: this.env, from, to });
    const applied = readdirSync(join(this.folder, 'inbox', 'applied'));
    if (applied.length !== 2 * this.statements) throw new Error(`${applied.length} statements were applied, not ${2 * this.statements}`);
    const lines = references.length;
    const per = (seconds: number) => Math.round(lines / seconds);
    return {
      ...work,
      lines,
      bytesPerLine,
      perSecond: per(work.seconds),
      perCpuSecond: per(work.cpuSeconds),
      matchedPerCpuSecond: per(work.matchingSeconds as number),
    };
  }

  private async withHouse<T>(work: (house: House) => Promise<T>): Promise<T> {
    const { house, close } = openBenchHouse(this.env);
    try {
      await house.bankFiles?.batcher.open();
      return await work(house);
    } finally {
      await close();
    }
  }
}

const stranger = (n: number): string => `STRANGER-${String(n).padStart(26, '0')}`;

function openBenchHouse(env: Record<string, string>): { house: House; close(): Promise<unknown> } {
  const config = readConfig(env);
  const log = createLog('error', 'bench');
  const ports = openPorts(config, { app: env.DATABASE_APP_URL as string, vault: env.DATABASE_VAULT_URL as string }, log);
  return { house: openHouse(config, ports, log), close: () => Promise.all([ports.db.close(), ports.vaultDb.close()]) };
}

function* statementOf(id: string, references: string[]): Generator<string> {
  const at = new Date(`${ON}T12:00:00Z`);
  const balance = { amount: 0n, on: ON };
  const told = { messageId: id, createdAt: at, id, iban: account.iban, currency: 'KZT', opening: balance, closing: balance };
  const written = (some: string[], from: number) =>
    writeCamt053({
      ...told,
      entries: some.map((endToEndId, n) => entryOfPayment({ ...payment, endToEndId }, { bankReference: `${id}-${from + n}`, on: ON, messageId: `${id}-${n}` })),
    });
  const parts = (some: string[], from = 0) => /^(.*?)(<Ntry>.*<\/Ntry>\n)(.*)$/s.exec(written(some, from)) as unknown as [string, string, string, string];
  const [, head, , tail] = parts(references.slice(0, 1));
  yield head;
  for (let from = 0; from < references.length; from += 1_000) yield parts(references.slice(from, from + 1_000), from)[2];
  yield tail;
}

/** Payments that were made and closed, put where they would be so that they cost no time. @returns their references */
async function closedPayments({ db, ids, clock }: House, merchantId: string, count: number): Promise<string[]> {
  const { code } = await db.merchant(merchantId, theMerchant);
  const made = Array.from({ length: count }, () => ids.uuid());
  const now = clock.now();
  const { creditor, amount, currency, kbe, knp, purpose } = payment;
  const row = {
    ...{
      kind: 'distribution' as const,
      beneficiaryId: null,
      source: 'merchant' as const,
      state: 'settled' as const,
      seq: 3,
      amount,
      fee: 0n,
      currency,
      description: null,
      ...creditor,
      kbe,
      knp,
      paymentPurpose: purpose,
    },
    ...{ balanceBefore: amount, balanceAfter: 0n, retrievalReferenceNumber: null, errorCode: null, errorMessage: null },
    ...{ createdAt: now, updatedAt: now, finalAt: now },
  };
  for (let at = 0; at < count; at += CHUNK) {
    const rows = made.slice(at, at + CHUNK).map((id) => ({ ...row, id, orderReference: id }));
    await db.merchant(merchantId, (tx) => storeDistributions(tx, rows));
  }
  return made.map((id) => processorReference(code, id));
}

/** Payments that were accepted, and left in files. @returns their references */
async function sentPayments(house: House, merchantId: string, count: number, folder: string): Promise<string[]> {
  const merchant = await house.db.merchant(merchantId, theMerchant);
  const { creditor, kbe, knp, purpose: paymentPurpose, amount, currency } = payment;
  const more = { merchant, key: undefined, amount, currency, recipient: { ...creditor, kbe, knp }, paymentPurpose };
  for (let at = 0; at < count; at += CHUNK) {
    const some = Array.from({ length: Math.min(CHUNK, count - at) }, () => house.ids.uuid());
    await Promise.all(some.map((id) => house.distributions.accepted.submit(merchantId, { ...more, id, orderReference: id })));
  }
  for (const work of await (house.bankFiles?.batcher.queue.take(merchantId, 8) ?? [])) await work;
  const outbox = join(folder, 'outbox');
  const files = readdirSync(outbox).map((name) => readFileSync(join(outbox, name), 'utf8'));
  for (const name of readdirSync(outbox)) rmSync(join(outbox, name));
  return files.flatMap((text) => [...text.matchAll(/<EndToEndId>([^<]+)/g)].map(([, reference]) => reference as string));
}

/** Does a task in a process that does nothing else. */
function alone(task: Task): Promise<Work> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(task)], {
    execArgv: [...process.execArgv, ...nodeFlags],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    child.once('message', (work) => resolve(work as Work));
    child.once('exit', (code) => reject(new Error(`a part of the bench ended with ${code}`)));
  });
}

/** Such a process. */
const perform = (task: Task): Promise<Work> => (task.kind === 'write' ? timed(() => writeFile(task.folder, task.payments)) : readInbox(task));

async function timed(work: () => Promise<void>): Promise<Work> {
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - began) / 1_000, cpuSeconds: (user + system) / 1_000_000, rssMb: peakRssMb() };
}

async function writeFile(path: string, count: number): Promise<void> {
  const folder = new BankFolder(path);
  await folder.open(() => 'bench');
  async function* payments(): AsyncGenerator<CreditTransfer> {
    for (let n = 0; n < count; n++) yield { ...payment, endToEndId: `BENCH-${String(n).padStart(29, '0')}` };
  }
  const batch = { messageId: 'BENCH', createdAt: new Date(), initiator: account, debtor: account, requestedOn: ON, version: '09' as const };
  await folder.stage('bench', writePain001({ ...batch, count, controlSum: payment.amount * BigInt(count), payments: payments() }));
  await folder.unstage('bench');
}

/** Reads what waits in the inbox first: who looks after it runs for months, and its hot paths are compiled. */
async function readInbox({ env, from, to }: Task & { kind: 'read' }): Promise<Work> {
  const { house, close } = openBenchHouse(env);
  const look = async () => {
    const put = await house.bankFiles?.inbox.look();
    if (put !== 1) throw new Error(`${put} files were put away, not one`);
  };
  await look();
  renameSync(from, to);
  const matching = { seconds: 0 };
  const { statements } = house.bankFiles as { statements: { apply(...args: unknown[]): Promise<void> } };
  const apply = statements.apply.bind(statements);
  statements.apply = async (...args) => {
    const before = process.cpuUsage();
    await apply(...args); // one after another, and nothing is read meanwhile
    const { user, system } = process.cpuUsage(before);
    matching.seconds += (user + system) / 1_000_000;
  };
  const work = await timed(look);
  await close();
  return { ...work, matchingSeconds: matching.seconds };
}

/** The most memory that this process ever had, in MB: of Linux's own count, since `resourceUsage` has that of the parent in it. @source /proc, Linux */
function peakRssMb(): number {
  try {
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024);
  } catch {
    return Math.round(process.resourceUsage().maxRSS / 1024);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.send?.(await perform(JSON.parse(process.argv[2] as string) as Task), () => process.exit());
