import type { BankConfig } from '../config.ts';
import type { BankCalendar } from '../connectors/iso20022/calendar.ts';
import { kazakhCalendar } from '../connectors/iso20022/calendar.ts';
import type { ProcessorLimits } from '../connectors/connector.ts';
import type { Db } from '../db/db.ts';
import type { Ids } from '../ids.ts';
import type { Invoices } from '../invoices/invoices.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../ports.ts';
import type { OutgoingKind } from '../sending/outgoing.ts';
import type { Sending } from '../sending/sending.ts';
import { byCall, type Way } from '../sending/submission.ts';
import { BANK_FILES, Batcher } from './batcher.ts';
import { BankFolder } from './folder.ts';
import { Inbox } from './inbox.ts';
import { Owners } from './owners.ts';
import { Statements } from './statements.ts';
import { Statuses } from './statuses.ts';

/** Nothing is sent twice by itself, and nobody can be asked: the bank tells in files, when it does. */
export const fileLimits: Record<string, ProcessorLimits> = { [BANK_FILES]: { retentionSeconds: 86_400, maxInFlightSeconds: 86_400, tellsByItself: true } };

/** How distributions of a merchant leave: a test merchant's money is none, and never reaches a real bank. */
export const wayOf = (bank: BankConfig | undefined, processor: string, mode: 'test' | 'live'): Way =>
  bank && (bank.isSandbox || mode === 'live') ? { connector: BANK_FILES, action: 'batch', waitMs: bank.batchSeconds * 1000 } : byCall(processor);

export interface BankFilesOptions {
  db: Db;
  clock: Clock;
  ids: Ids;
  log: Log;
  settings: BankConfig;
  kind: OutgoingKind;
  invoices: Invoices;
  sending: Sending;
}

const LOOK_MS = 2_000;

/** Files to the bank and files from it. */
export class BankFiles {
  readonly batcher: Batcher;
  readonly inbox: Inbox;
  readonly statements: Statements;
  private readonly o: BankFilesOptions;
  private calendar: Promise<BankCalendar> | undefined;

  constructor(o: BankFilesOptions) {
    this.o = o;
    const { db, kind, sending, settings } = o;
    const folder = new BankFolder(settings.folder);
    const owners = new Owners(db);
    this.batcher = new Batcher({
      ...{ ...o, folder, debtor: settings.account, cutOff: settings.cutOff, version: settings.version },
      calendar: () => this.holidays(),
      telling: () => sending.telling,
    });
    this.statements = new Statements({ db, kind, owners, invoices: o.invoices, clock: o.clock, outcomes: sending.outcomes });
    this.inbox = new Inbox({
      ...{ ...o, folder, account: settings.account.iban },
      settleMs: settings.settleMs,
      statements: this.statements,
      statuses: () => new Statuses({ db, owners, outcomes: sending.outcomes }),
    });
  }

  private holidays(): Promise<BankCalendar> {
    this.calendar ??= kazakhCalendar();
    this.calendar.catch(() => (this.calendar = undefined));
    return this.calendar;
  }

  /** Reads the inbox until it is told to stop. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.o;
    while (!signal.aborted) {
      await this.look(signal).catch((error: unknown) =>
        log.warn({ event: 'bank_files.failed', error }, 'the inbox of the bank could not be read; it will be tried again'),
      );
      await clock.sleep(LOOK_MS, signal);
    }
  }

  private async look(signal: AbortSignal): Promise<void> {
    await this.batcher.open();
    await this.inbox.look(signal);
  }
}
