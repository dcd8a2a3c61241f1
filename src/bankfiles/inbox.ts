import { createHash } from 'node:crypto';
import { BankFileError } from '../connectors/iso20022/bank-file-error.ts';
import { readCamtTogether } from '../connectors/iso20022/camt.ts';
import { readPain002 } from '../connectors/iso20022/pain002.ts';
import { messageOf } from '../connectors/iso20022/reader.ts';
import type { Db } from '../db/db.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../ports.ts';
import type { Ids } from '../ids.ts';
import { endFile, releaseFile, takeFile } from './file.ts';
import type { BankFolder } from './folder.ts';
import type { Spool } from './spool.ts';
import type { Statements } from './statements.ts';
import type { Statuses } from './statuses.ts';

export interface InboxOptions {
  db: Db;
  clock: Clock;
  log: Log;
  folder: BankFolder;
  /** the operator's own account: statements of another are refused */
  account: string;
  statements: Statements;
  /** one for each file */
  statuses(): Statuses;
  ids: Ids;
  /** milliseconds since its last change after which a file is taken to be whole */
  settleMs: number;
}

const LEASE_MS = 30 * 60_000;
const RETRY_MS = 10_000;

/**
 * Reads what the bank puts into the inbox. A file is read to its end before anything of it counts: one that is cut off, malicious
 * or of another account is refused as a whole. What is applied is applied once for each movement and each status, whatever
 * files tell of it, in whatever order; so a crash half-way is mended by reading the file again.
 */
export class Inbox {
  private readonly o: InboxOptions;

  constructor(options: InboxOptions) {
    this.o = options;
  }

  /** Looks once. @returns how many files were put away */
  async look(signal?: AbortSignal): Promise<number> {
    const { clock, folder, ids, log, settleMs } = this.o;
    let count = 0;
    for (const name of await folder.takeInbox(clock.wall().getTime() - settleMs, () => ids.code(8))) {
      if (signal?.aborted) break;
      // One that cannot be read stands in nobody's way.
      const read = await this.read(name).catch((error: unknown) =>
        log.warn({ event: 'bank_file.failed', action: name, error }, 'a file of the bank could not be read now; it will be tried again'),
      );
      if (read === true) count++;
    }
    return count;
  }

  private async read(name: string): Promise<boolean> {
    const { db, clock, log, folder } = this.o;
    const sha256 = await hashOf(folder.read(name));
    const file = { sha256, name };
    const now = clock.now();
    const taken = await db.lookup((queries) => takeFile(queries, file, now, new Date(now.getTime() + LEASE_MS)));
    if (taken === 'busy') return false;
    if (taken === 'known') {
      log.info({ event: 'bank_file.known', action: name }, 'a file of the bank was read before, and is put away');
      await folder.putAway(name, 'applied');
      return true;
    }
    const ended = await this.apply(name, sha256).catch(async (error: unknown) => {
      if (error instanceof BankFileError) return { message: null, lines: 0, problem: error.message.slice(0, 500) };
      await db.lookup((queries) => releaseFile(queries, file, new Date(clock.now().getTime() + RETRY_MS))).catch(() => undefined); // the lease ends by itself
      throw error;
    });
    await db.lookup((queries) => endFile(queries, file, ended, clock.now()));
    await folder.putAway(name, ended.problem === null ? 'applied' : 'refused');
    if (ended.problem === null) log.info({ event: 'bank_file.applied', action: name, count: ended.lines }, 'a file of the bank was applied');
    else log.warn({ event: 'bank_file.refused', action: `${name}: ${ended.problem}` }, 'a file of the bank cannot be read and was put away');
    return true;
  }

  private async apply(name: string, sha256: Buffer): Promise<{ message: string; lines: number; problem: null }> {
    const message = await messageOf(this.o.folder.read(name));
    const lines = message.startsWith('pain.002') ? await this.applyStatuses(name) : await this.applyStatement(name, sha256);
    return { message, lines, problem: null };
  }

  private async applyStatuses(name: string): Promise<number> {
    for await (const _ of readPain002(this.o.folder.read(name))); // to the end, before anything counts
    const statuses = this.o.statuses();
    let count = 0;
    for await (const item of readPain002(this.o.folder.read(name))) {
      await statuses.take(item);
      count++;
    }
    await statuses.end();
    return count;
  }

  private async applyStatement(name: string, sha256: Buffer): Promise<number> {
    const { folder, ids, statements } = this.o;
    const spool = await folder.spool(`${ids.code(10)}.lines`);
    try {
      const count = await this.readStatement(name, spool);
      for await (const lines of spool.read()) await statements.apply(lines, sha256);
      return count;
    } finally {
      await spool.close();
    }
  }

  /** Reads a statement to its end. @returns how many lines it has @throws {BankFileError} */
  private async readStatement(name: string, spool: Spool): Promise<number> {
    let count = 0;
    for await (const items of readCamtTogether(this.o.folder.read(name))) {
      for (const item of items) {
        if (item.kind === 'statement' && item.account !== this.o.account) throw new BankFileError('this is the statement of another account');
        if (item.kind !== 'line') continue;
        spool.add(item);
        count += 1;
      }
      await spool.drain();
    }
    return count;
  }
}

async function hashOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const hash = createHash('sha256');
  for await (const piece of source) hash.update(piece);
  return hash.digest();
}
